"""A meter that plays a script: for tests, and for nothing else."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.domain.readings import Component, ComponentEnergy, MeterMethod
from scheduler.domain.units import Energy, Power


class ReplayMeter:
    """An EnergyMeter that draws each power of `script` for its seconds, and the last one for ever after."""

    def __init__(self, script: Sequence[tuple[float, Power]], component: Component = Component.HOST) -> None:
        self._script = tuple(script)
        self._component = component
        self._at_s = 0.0

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        before_j = self._joules_until(self._at_s)
        self._at_s += elapsed_s
        drawn = Energy(max(0.0, self._joules_until(self._at_s) - before_j))
        return (ComponentEnergy(self._component, "replay", drawn, MeterMethod.REPLAY),)

    def close(self) -> None:
        """Nothing is held open."""

    def _joules_until(self, end_s: float) -> float:
        joules = begun_s = 0.0
        for seconds, power in self._script:
            joules += power.watts * min(seconds, max(0.0, end_s - begun_s))
            begun_s += seconds
        return joules + self._script[-1][1].watts * max(0.0, end_s - begun_s)
