"""An estimate of CPU and memory energy where no counter can be read.

Coefficients: Cloud Carbon Footprint, "Methodology", appendix I, AWS column (the average over server processors in
SPECpower, per hardware thread) and its memory coefficient (the mean of Crucial's and Micron's figures for DDR4):
https://www.cloudcarbonfootprint.org/docs/methodology/
"""

from __future__ import annotations

from collections.abc import Callable

from scheduler.domain.readings import Component, ComponentEnergy, MeterMethod
from scheduler.domain.units import Energy
from workers.metering.run_usage import RunUsage

IDLE_W_PER_THREAD = 0.74
FULL_W_PER_THREAD = 3.5
MEMORY_W_PER_GB = 0.392
_BYTES_PER_GB = 1e9


class MemoryModel:
    """An EnergyMeter for memory alone: beside RAPL on parts that count packages but no DRAM."""

    def __init__(self, usage: Callable[[], RunUsage]) -> None:
        self._usage = usage

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        return (_memory(self._usage(), elapsed_s),)

    def close(self) -> None:
        """Nothing is held open."""


class HostModel:
    """An EnergyMeter: the reserved part of the idle host, the run's CPU time above idle, and its memory."""

    def __init__(self, usage: Callable[[], RunUsage], threads: int, reserved: float) -> None:
        self._usage = usage
        self._idle_w = IDLE_W_PER_THREAD * threads * reserved
        self._cpu_s = usage().cpu_s

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        usage = self._usage()
        used_s, self._cpu_s = usage.cpu_s - self._cpu_s, usage.cpu_s
        active_j = (FULL_W_PER_THREAD - IDLE_W_PER_THREAD) * used_s
        return _modelled(Component.CPU, self._idle_w * elapsed_s + active_j), _memory(usage, elapsed_s)

    def close(self) -> None:
        """Nothing is held open."""


def _memory(usage: RunUsage, elapsed_s: float) -> ComponentEnergy:
    watts = usage.resident_bytes / _BYTES_PER_GB * MEMORY_W_PER_GB
    return _modelled(Component.DRAM, watts * elapsed_s)


def _modelled(component: Component, joules: float) -> ComponentEnergy:
    return ComponentEnergy(component, "host", Energy(joules), MeterMethod.HOST_MODEL)
