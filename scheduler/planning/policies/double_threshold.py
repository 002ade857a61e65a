"""double-threshold: resume below one level of intensity, pause only above a higher one, a switch's cost apart.

Lechowicz et al., "The Online Pause and Resume Problem" (2023; SIGMETRICS 2024), algorithm DTPR-min: each slot is judged
as it comes, knowing of the future only the highest and lowest value. Those are the forecast's here; and planned anew, a
job takes what is left of it for the whole. A job in one piece starts below the lower level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from scheduler.domain.places import Micros
from scheduler.planning.demand import Demand, Segments
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.alone import begun_at, each_by_its_rule, intensity_at, walked
from scheduler.planning.situation import Outcome, Situation
from scheduler.planning.windows import Room

_SLOT = 3_600_000_000
_SECOND = 1_000_000
_LEAST_SHARE = 1e-3
"""Of the highest value: the paper's lowest is above zero."""


def double_threshold(situation: Situation, outlook: Outlook) -> Outcome:
    return each_by_its_rule(situation, outlook, _paused_and_resumed)


@dataclass(frozen=True, slots=True)
class Levels:
    """The paper's thresholds [g/kWh], by the number of slots done; `pause`: what a pause with its resumption costs."""

    high: float
    pause: float
    ratio: float
    """Competitive: no instance within the bounds makes it emit more than so many times the least possible."""
    slots: float

    def pause_above(self, done: float) -> float:
        first = self.high / self.ratio + self.pause * (1 / (self.slots * self.ratio) - 1 / self.slots + 1)
        growth: float = (1 + 1 / (self.slots * self.ratio)) ** done
        return self.high - (self.high - first) * growth

    def resume_below(self, done: float) -> float:
        return self.pause_above(done) - self.pause


def levels(low: float, high: float, pause: float, slots: float) -> Levels | None:
    """None where the intensity varies less than a pause costs."""
    low = max(low, high * _LEAST_SHARE)
    if high - low <= pause:
        return None
    # The ratio is that at which the slot after the last would be taken at the lowest value alone.
    return _bisected(lambda ratio: Levels(high, pause, ratio, slots), lambda made: made.resume_below(slots) > low)


def _bisected(made: Callable[[float], Levels], too_small: Callable[[Levels], bool]) -> Levels:
    least, most = 1.0, 2.0
    while too_small(made(most)):
        least, most = most, 2 * most
    for _ in range(50):
        middle = (least + most) / 2
        least, most = (middle, most) if too_small(made(middle)) else (least, middle)
    return made(most)


def _levels(demand: Demand, outlook: Outlook) -> Levels | None:
    low, high = float(outlook.values.min()), float(outlook.values.max())
    pause = (low + high) / 2 * (demand.switch + demand.switch_extra_s * _SECOND) / _SLOT
    return levels(low, high, pause, max(demand.work / _SLOT, 1.0))


def _paused_and_resumed(demand: Demand, room: Room, situation: Situation, outlook: Outlook) -> Segments | None:
    allowed = _levels(demand, outlook)
    if allowed is None:
        return room.soonest(demand, situation.now)
    if not demand.interruptible:
        return begun_at(_first_below(allowed.resume_below(0)))(demand, room, situation, outlook)
    return walked(demand, room, situation, outlook, lambda done, running: _level(allowed, done / _SLOT, running))


def _level(allowed: Levels, done: float, running: bool) -> float:
    return allowed.pause_above(done) if running else allowed.resume_below(done)


def _first_below(level: float) -> Callable[[Demand, Micros, Situation, Outlook], int]:
    def first_below(demand: Demand, starts: Micros, situation: Situation, outlook: Outlook) -> int:
        low = np.flatnonzero(intensity_at(starts, outlook) <= level)
        return int(starts[low[0] if low.size else -1])

    return first_below
