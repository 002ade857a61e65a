"""What every EnergyMeter keeps to, counter or estimate, real adapter or script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pynvml
import pytest
from fakes.nvml.library import FakeGpu, FakeNvml, installed
from fakes.powercap import zone

from scheduler.domain.readings import ReadingFlag
from scheduler.domain.units import Power
from workers.metering.cpu_time import CpuShare, HostCpuTime
from workers.metering.gpu_meter import open_gpu_meter
from workers.metering.host_model import HostModel, MemoryModel
from workers.metering.meter import EnergyMeter
from workers.metering.rapl import RaplMeter, find_zones
from workers.metering.replay import ReplayMeter
from workers.metering.run_usage import RunUsage

WATTS = 100.0


class Bench:
    """A meter, the world it looks at, and a way to take that world away."""

    def __init__(self, meter: EnergyMeter, advance: Callable[[float], None], break_it: Callable[[], None]) -> None:
        self.meter, self.break_it = meter, break_it
        self._advance = advance

    def after(self, seconds: float) -> float:
        """Joules of all parts for the next `seconds`."""
        self._advance(seconds)
        return sum(part.energy.joules for part in self.meter.read(seconds))


def nothing(*_: object) -> None:
    """A world that needs no pushing, or cannot break."""


def gpu(stack: ExitStack, tmp_path: Path, counter_j: float | None) -> Bench:
    board = FakeGpu("GPU-a", power_w=WATTS, counter_j=counter_j)
    library = stack.enter_context(installed(FakeNvml([board])))
    return Bench(
        open_gpu_meter(["GPU-a"]), library.advance, lambda: setattr(board, "error", pynvml.NVML_ERROR_GPU_IS_LOST)
    )


def rapl(stack: ExitStack, tmp_path: Path) -> Bench:
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    share = CpuShare(lambda: HostCpuTime(0, 0), lambda: 0.0, reserved=1.0)
    return Bench(RaplMeter(find_zones(tmp_path), share), lambda s: package.draw(WATTS * s), package.lose)


def host_model(stack: ExitStack, tmp_path: Path) -> Bench:
    return Bench(HostModel(lambda: RunUsage(0.0, 10**9), threads=16, reserved=1.0), nothing, nothing)


def memory_model(stack: ExitStack, tmp_path: Path) -> Bench:
    return Bench(MemoryModel(lambda: RunUsage(0.0, 10**9)), nothing, nothing)


def replay(stack: ExitStack, tmp_path: Path) -> Bench:
    return Bench(ReplayMeter([(1.0, Power(WATTS))]), nothing, nothing)


METERS: dict[str, Callable[[ExitStack, Path], Bench]] = {
    "gpu-counter": lambda stack, path: gpu(stack, path, counter_j=0.0),
    "gpu-power": lambda stack, path: gpu(stack, path, counter_j=None),
    "rapl": rapl,
    "host-model": host_model,
    "memory-model": memory_model,
    "replay": replay,
}


@pytest.fixture(params=METERS)
def make(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Bench]]:
    with ExitStack() as stack:
        yield lambda: METERS[request.param](stack, tmp_path_factory.mktemp("meter"))


def test_a_longer_time_at_the_same_power_is_proportionally_more_energy(make: Callable[[], Bench]) -> None:
    """Watts times seconds."""
    bench = make()
    assert bench.after(2.0) == pytest.approx(2 * bench.after(1.0))


def test_reading_more_often_changes_no_total(make: Callable[[], Bench]) -> None:
    """Three seconds at once or in pieces."""
    often = make()
    pieces = sum(often.after(seconds) for seconds in (0.5, 1.0, 0.25, 1.25))
    assert pieces == pytest.approx(make().after(3.0), rel=1e-4)


def test_no_time_is_no_energy(make: Callable[[], Bench]) -> None:
    """Two readings at one moment."""
    bench = make()
    bench.after(1.0)
    assert bench.after(0.0) == 0.0


def test_every_reading_names_the_same_parts(make: Callable[[], Bench]) -> None:
    """Component, device and method stay while nothing breaks."""
    meter = make().meter
    names = [[(p.component, p.device, p.method) for p in meter.read(1.0)] for _ in range(3)]
    assert names[0] and names[0] == names[1] == names[2]


def test_a_world_that_breaks_raises_nothing_and_is_flagged(make: Callable[[], Bench]) -> None:
    """A meter is not worth a job."""
    bench = make()
    bench.after(1.0)
    bench.break_it()
    assert bench.after(1.0) >= 0
    if bench.break_it is not nothing:
        assert all(ReadingFlag.METER_LOST in part.flags for part in bench.meter.read(1.0))


def test_closing_twice_changes_nothing(make: Callable[[], Bench]) -> None:
    """Both ends of a supervisor may do so."""
    meter = make().meter
    meter.close()
    meter.close()
