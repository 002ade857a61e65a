"""The estimate for machines without counters."""

from __future__ import annotations

import pytest

from scheduler.domain.readings import COUNTED, Component
from workers.metering.host_model import HostModel, MemoryModel
from workers.metering.run_usage import RunUsage


class Usage:
    def __init__(self, cpu_s: float = 0.0, resident_gb: float = 0.0) -> None:
        self.cpu_s, self.resident_gb = cpu_s, resident_gb

    def __call__(self) -> RunUsage:
        return RunUsage(self.cpu_s, round(self.resident_gb * 1e9))


def joules(model: HostModel, elapsed_s: float) -> dict[Component, float]:
    return {part.component: part.energy.joules for part in model.read(elapsed_s)}


def test_an_idle_reservation_draws_idle_power() -> None:
    """Eight threads at 0.74 W, half of them reserved, for a hundred seconds."""
    assert joules(HostModel(Usage(), threads=8, reserved=0.5), 100.0)[Component.CPU] == pytest.approx(296.0)


def test_a_fully_used_reservation_draws_full_power() -> None:
    """Four threads busy for ten seconds at 3.5 W."""
    usage = Usage()
    model = HostModel(usage, threads=4, reserved=1.0)
    usage.cpu_s = 40.0
    assert joules(model, 10.0)[Component.CPU] == pytest.approx(140.0)


def test_memory_draws_by_what_is_resident() -> None:
    """0.392 W a gigabyte."""
    assert joules(HostModel(Usage(resident_gb=10), 1, 0.0), 100.0)[Component.DRAM] == pytest.approx(392.0)


def test_cpu_time_from_before_the_opening_is_not_counted() -> None:
    """Another segment used it."""
    assert joules(HostModel(Usage(cpu_s=1000), 1, 0.0), 1.0)[Component.CPU] == 0


def test_an_estimate_never_passes_for_a_measurement() -> None:
    """Its method is not among the counted ones."""
    parts = [*HostModel(Usage(), 1, 1.0).read(1.0), *MemoryModel(Usage()).read(1.0)]
    assert not {part.method for part in parts} & COUNTED
