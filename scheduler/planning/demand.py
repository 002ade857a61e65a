"""A job in whole microseconds, as policies see it, and where it is placed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from scheduler.domain.gpus import Pool
from scheduler.domain.units import JOULES_PER_KWH

Segments = tuple[tuple[int, int], ...]
"""Sorted, apart: [start, end) in whole microseconds."""
Schedule = Mapping[int, Segments]
"""By job; a job that no pool can hold is missing."""

_HOUR_S = 3600.0


class Demand(NamedTuple):
    """A job in whole microseconds: how much of which pool, between when and when."""

    id: int
    submitted: int
    pool: Pool
    width: int
    work: int
    watts: float
    earliest: int
    due: int
    interruptible: bool
    running: bool
    run_now: bool
    switch: int
    switch_joules: float
    min_run: int
    after: tuple[int, ...]
    patience_g_per_h: float = 0.0
    """The waiting price [gCO2eq for each hour of delay]."""
    margin: int = 0

    @property
    def fixed(self) -> bool:
        """It holds its places until it ends, whatever anybody plans."""
        return self.running and not self.interruptible

    @property
    def switch_extra_s(self) -> float:
        """A switch's energy beyond its time, as seconds at the job's power."""
        return self.switch_joules / self.watts if self.watts else 0.0

    @property
    def wait_rate(self) -> float:
        """The waiting price as an intensity: so many g/kWh at the job's power are a second's delay for each second."""
        return self.patience_g_per_h / _HOUR_S * JOULES_PER_KWH / self.watts if self.watts else 0.0

    def work_from(self, start: int, now: int) -> int:
        """Time it must be held for when begun at `start`: a running job that does not go on has a switch to pay."""
        return self.work + self.switch if self.running and start > now else self.work


def predecessors_first(demands: Iterable[Demand]) -> tuple[Demand, ...]:
    """The given order, with every job moved behind those it waits for."""
    demands = tuple(demands)
    if not any(demand.after for demand in demands):
        return demands
    waiting = {demand.id: demand for demand in demands}
    ordered: dict[int, Demand] = {}
    for demand in tuple(waiting.values()):
        stack = [demand]
        while stack:
            top = stack[-1]
            missing = [waiting[p] for p in top.after if p in waiting and p not in ordered]
            if top.id in ordered or not missing:
                ordered.setdefault(stack.pop().id, top)
            elif len(stack) > len(waiting):
                raise ValueError(f"jobs wait for each other in a circle: {sorted({d.id for d in stack})}")
            else:
                stack.append(missing[0])
    return tuple(ordered.values())
