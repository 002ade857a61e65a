"""One run's meters together: sampled about each second, cut into slices."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from scheduler.domain.readings import Component, ComponentEnergy, MeterMethod, ReadingFlag
from scheduler.domain.units import Energy
from scheduler.protocol import SlicePart
from workers.metering.cpu_time import CpuShare, host_cpu_time
from workers.metering.gpu_meter import open_gpu_meter
from workers.metering.host_model import HostModel, MemoryModel
from workers.metering.meter import EnergyMeter
from workers.metering.rapl import POWERCAP, RaplMeter, find_zones
from workers.metering.run_usage import CGROUPS, PROC, RunTree

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class HostFiles:
    """Where the kernel shows this host; a test points them elsewhere."""

    proc: Path = PROC
    powercap: Path = POWERCAP
    cgroups: Path = CGROUPS


THIS_HOST = HostFiles()
_UNKNOWN = ComponentEnergy(Component.HOST, "host", Energy(0), MeterMethod.HOST_MODEL)
"""What a meter counts that has never answered."""


def open_sampler(
    gpu_uuids: list[str],
    root_pid: int,
    cpu_share: float,
    *,
    files: HostFiles = THIS_HOST,
    clock: Callable[[], float] = time.monotonic,
) -> Sampler:
    """Take the first reading of every meter this run needs.

    `root_pid`: the run's first process, best a child of the caller. `cpu_share`: the part of the host's idle power
    that the run reserves, 0 to 1.
    """
    tree = RunTree(root_pid, files.proc, files.cgroups)
    meters: list[EnergyMeter] = [open_gpu_meter(gpu_uuids)] if gpu_uuids else []
    return Sampler([*meters, *_host_meters(tree, cpu_share, files)], clock)


def _host_meters(tree: RunTree, cpu_share: float, files: HostFiles) -> list[EnergyMeter]:
    """RAPL where it can be read, with a model of the memory it does not count; else the model of all."""
    zones = find_zones(files.powercap)
    if not zones:
        return [HostModel(tree.usage, os.cpu_count() or 1, cpu_share)]
    share = CpuShare(partial(host_cpu_time, files.proc), lambda: tree.usage().cpu_s, cpu_share)
    rapl = RaplMeter(zones, share)
    if any(zone.component is Component.DRAM for zone in zones):
        return [rapl]
    return [rapl, MemoryModel(tree.usage)]


class Sampler:
    """Energy since the last cut, by component, device and method.

    `now_t` is what the caller calls the moment. How much time went by is asked of a clock that nobody can set: a
    corrected wall clock must neither add an hour of idle power nor pass for a counter reset.
    """

    def __init__(self, meters: Sequence[EnergyMeter], clock: Callable[[], float] = time.monotonic) -> None:
        self._meters = tuple(_Guarded(meter) for meter in meters)
        self._clock = clock
        self._last_s = clock()
        self._watts: float | None = None
        self._slice: dict[tuple[Component, str, MeterMethod], _Sum] = {}

    def sample(self, now_t: float) -> None:
        """Read every meter; about once a second keeps gaps out of what has no counter."""
        read_s = self._clock()
        elapsed_s, self._last_s = read_s - self._last_s, read_s
        for meter in self._meters:
            for part in meter.read(elapsed_s):
                self._slice.setdefault((part.component, part.device, part.method), _Sum()).add(part)
        if elapsed_s > 0:
            self._watts = sum(meter.watts for meter in self._meters)

    def watts(self) -> float | None:
        """Power of all parts over the last sample; None before the first."""
        return self._watts

    def cut(self, now_t: float) -> list[SlicePart]:
        """End the slice at `now_t` and begin the next: what was drawn since the last cut, or since opening."""
        self.sample(now_t)
        ended, self._slice = self._slice, {}
        return [
            SlicePart(component, device, total.joules, method, sorted(total.flags))
            for (component, device, method), total in ended.items()
        ]

    def close(self) -> None:
        for meter in self._meters:
            meter.close()


class _Guarded:
    """A meter whose failure is its own: the others of the slice are read all the same, and it is asked again."""

    def __init__(self, meter: EnergyMeter) -> None:
        self._meter = meter
        self._unread_s = 0.0
        self._named: tuple[ComponentEnergy, ...] = (_UNKNOWN,)
        self._said = ""
        self.watts = 0.0

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        """What it counted since it last answered; while it fails its parts hold nothing but the flag."""
        self._unread_s += elapsed_s
        try:
            parts = self._meter.read(self._unread_s)
        except Exception as error:
            # Broad on purpose: a meter never raises, so whatever this is, nobody foresaw it.
            self._complain(error)
            self.watts = 0.0
            return tuple(replace(part, energy=Energy(0), flags=(ReadingFlag.METER_LOST,)) for part in self._named)
        if self._unread_s > 0:
            self.watts = sum(part.energy.joules for part in parts) / self._unread_s
        self._unread_s = 0.0
        self._named = parts
        return parts

    def close(self) -> None:
        self._meter.close()

    def _complain(self, error: Exception) -> None:
        """Say it once, not once a second."""
        if (said := f"{type(self._meter).__name__} failed, the others go on: {error!r}") != self._said:
            logger.warning(said, exc_info=error)
            self._said = said


class _Sum:
    def __init__(self) -> None:
        self.joules = 0.0
        self.flags: set[ReadingFlag] = set()

    def add(self, part: ComponentEnergy) -> None:
        self.joules += part.energy.joules
        self.flags.update(part.flags)
