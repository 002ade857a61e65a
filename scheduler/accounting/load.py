"""Energy over time as arrays, and its emissions matched in time to an intensity series."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.intervals import utc
from scheduler.domain.readings import EnergySlice
from scheduler.domain.series import Floats, StepSeries
from scheduler.domain.units import JOULES_PER_KWH, Emissions, Energy

_NEARLY_ALL = 1 - 1e-9


@dataclass(frozen=True, slots=True, eq=False)
class Load:
    """Energy [J] drawn evenly within each [starts[i], ends[i]) (epoch seconds, shape (n,)), in order of time."""

    starts: Floats
    ends: Floats
    joules: Floats

    @classmethod
    def of(cls, slices: Iterable[EnergySlice]) -> Load:
        ordered = sorted(slices, key=lambda s: s.interval)
        return cls(
            np.array([s.interval.start.timestamp() for s in ordered], dtype=np.float64),
            np.array([s.interval.end.timestamp() for s in ordered], dtype=np.float64),
            np.array([s.energy.joules for s in ordered], dtype=np.float64),
        )

    def __bool__(self) -> bool:
        return self.joules.size > 0

    @property
    def energy(self) -> Energy:
        return Energy(float(self.joules.sum()))

    @property
    def busy(self) -> timedelta:
        """Summed lengths: pauses do not count."""
        return timedelta(seconds=float((self.ends - self.starts).sum()))

    def without_first(self, time: timedelta) -> Load:
        """What is left once `time` of running is cut from the front; the slice at the cut is split by time."""
        lengths = self.ends - self.starts
        before = np.cumsum(lengths) - lengths
        cut = np.clip(time.total_seconds() - before, 0.0, lengths)
        kept = cut < lengths
        share = 1 - cut[kept] / lengths[kept]
        return Load((self.starts + cut)[kept], self.ends[kept], self.joules[kept] * share)

    def then(self, other: Load) -> Load:
        return Load(
            np.concatenate((self.starts, other.starts)),
            np.concatenate((self.ends, other.ends)),
            np.concatenate((self.joules, other.joules)),
        )

    def begun_at(self, start: datetime) -> Load:
        """The same power profile run without a pause from `start` on."""
        ends = utc(start).timestamp() + np.cumsum(self.ends - self.starts)
        return Load(np.concatenate(([utc(start).timestamp()], ends[:-1])) if self else ends, ends, self.joules)

    def coverage(self, intensity: StepSeries) -> float:
        """Share of the energy, 0 to 1, for which the intensity is known; of the time where no energy was drawn."""
        if not self:
            return 0.0
        lengths = self.ends - self.starts
        _, covered = intensity.integrals(self.starts, self.ends)
        weights = self.joules if self.joules.sum() > 0 else lengths
        share = float(np.average(np.clip(covered / lengths, 0.0, 1.0), weights=weights))
        return 1.0 if share >= _NEARLY_ALL else share

    def emissions(self, intensity: StepSeries, pue: float) -> Emissions | None:
        """Operational emissions, facility overhead included; None unless every slice has an intensity."""
        if self.coverage(intensity) < 1:
            return None
        integrals, _ = intensity.integrals(self.starts, self.ends)
        grams = (self.joules / (self.ends - self.starts) * integrals).sum() / JOULES_PER_KWH
        return Emissions(float(grams) * pue)


NO_LOAD = Load.of(())
