"""Energy as it was metered: slices of at most five minutes, each part labelled with how it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from scheduler.domain.intervals import Interval
from scheduler.domain.units import Energy

LONGEST_SLICE = timedelta(minutes=5)


class MeterMethod(StrEnum):
    """How a figure was come by; closed list, published in docs/reference.md."""

    NVML_COUNTER = "nvml-counter"
    """The board's energy counter."""
    NVML_POWER = "nvml-power-integrated"
    """Board power sampled at 1 Hz and integrated."""
    RAPL = "rapl"
    """The CPU package's energy counter, shared out by CPU time."""
    HOST_MODEL = "host-model"
    """An estimate from CPU time and memory; no counter was read."""
    REPLAY = "replay"
    """A scripted meter: tests only."""


COUNTED = frozenset({MeterMethod.NVML_COUNTER, MeterMethod.RAPL})


class Component(StrEnum):
    GPU = "gpu"
    CPU = "cpu"
    DRAM = "dram"
    HOST = "host"


class ReadingFlag(StrEnum):
    """What a reader must know of a slice before trusting it."""

    COUNTER_RESET = "counter-reset"
    INTERPOLATED = "interpolated"
    COUNTER_DISAGREES = "counter-disagrees"
    METER_LOST = "meter-lost"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class ComponentEnergy:
    """Energy of one part of the machine during one slice, this run's share of it."""

    component: Component
    device: str
    energy: Energy
    method: MeterMethod
    flags: tuple[ReadingFlag, ...] = ()

    def __post_init__(self) -> None:
        if self.energy.joules < 0:
            raise ValueError("metered energy is never negative; a counter that falls was reset")


@dataclass(frozen=True, slots=True)
class EnergySlice:
    """What one segment drew during one interval; `seq` counts from 1 within its segment."""

    seq: int
    interval: Interval
    parts: tuple[ComponentEnergy, ...]

    @property
    def energy(self) -> Energy:
        """IT energy of all parts."""
        return Energy(sum(part.energy.joules for part in self.parts))
