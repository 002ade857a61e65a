"""The level up to which the cheapest add up to what is wanted, found without sorting."""

from __future__ import annotations

from scheduler.planning.decomposition.arrays import Floats, Ints
from scheduler.planning.decomposition.compiled import lean


@lean
def level_of(value: Floats, weight: Ints, count: int, wanted: int) -> tuple[float, float]:
    """(the value up to which the cheapest of the first `count` weigh `wanted`, the share of the equal ones needed).

    A weighted quickselect, which reorders both arrays; `wanted` is above 0 and no more than all of them weigh.
    """
    low, high, need = 0, count - 1, wanted
    while low < high:
        pivot = value[(low + high) // 2]
        i, k, at, under, same = low, high, low, 0, 0
        while at <= k:
            if value[at] < pivot:
                under += weight[at]
                value[at], value[i] = value[i], value[at]
                weight[at], weight[i] = weight[i], weight[at]
                i += 1
                at += 1
            elif value[at] > pivot:
                value[at], value[k] = value[k], value[at]
                weight[at], weight[k] = weight[k], weight[at]
                k -= 1
            else:
                same += weight[at]
                at += 1
        if need <= under:
            high = i - 1
        elif need <= under + same:
            return float(pivot), (need - under) / same
        else:
            need -= under + same
            low = k + 1
    return float(value[low]), need / weight[low]
