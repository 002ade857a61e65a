"""GPUs metered through the real pynvml module and a scripted library behind it."""

from __future__ import annotations

import pynvml
import pytest
from fakes.nvml.library import FakeGpu, FakeNvml, installed
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.readings import ComponentEnergy, MeterMethod, ReadingFlag
from workers.metering.gpu_meter import GpuMeter, open_gpu_meter

ENERGY_83, ENERGY_191 = pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, pynvml.NVML_FI_DEV_ENERGY


def after(meter: GpuMeter, library: FakeNvml, seconds: float) -> ComponentEnergy:
    """The only board's part after `seconds`."""
    library.advance(seconds)
    (part,) = meter.read(seconds)
    return part


@pytest.mark.parametrize("fields", [{ENERGY_83}, {ENERGY_191}, {ENERGY_83, ENERGY_191}, set()], ids=str)
def test_every_way_to_the_counter_gives_the_same_joules(fields: set[int]) -> None:
    """Field 83, field 191, or the plain call of older drivers; millijoules become joules once."""
    with installed(FakeNvml([FakeGpu("GPU-a", power_w=400, fields=frozenset(fields))])) as library:
        part = after(open_gpu_meter(["GPU-a"]), library, 3.0)
    assert (part.energy.joules, part.method, part.flags) == (1200.0, MeterMethod.NVML_COUNTER, ())


def test_a_board_without_counter_is_metered_by_its_power() -> None:
    """Pre-Volta boards have a power sensor only; the method says so."""
    gpu = FakeGpu("GPU-a", power_w=250, counter_j=None, fields=frozenset())
    with installed(FakeNvml([gpu])) as library:
        part = after(open_gpu_meter(["GPU-a"]), library, 1.0)
    assert (part.energy.joules, part.method) == (250.0, MeterMethod.NVML_POWER)


@pytest.mark.parametrize("visible", ["", "GPU-b", "MIG-0", "7", "NoDevFiles"])
def test_our_own_cuda_visible_devices_changes_nothing(visible: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other meters crash on a UUID, a MIG id or nothing there, or silently meter every GPU."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    with installed(FakeNvml([FakeGpu("GPU-a", power_w=100), FakeGpu("GPU-b", power_w=900)])) as library:
        assert after(open_gpu_meter(["GPU-a"]), library, 1.0).energy.joules == 100.0


def test_only_the_named_gpus_are_metered_each_under_its_uuid() -> None:
    """A run pays for the GPUs it holds."""
    with installed(FakeNvml([FakeGpu("GPU-a", 100), FakeGpu("GPU-b", 200), FakeGpu("GPU-c", 400)])) as library:
        meter = open_gpu_meter(["GPU-c", "GPU-a"])
        library.advance(1.0)
        assert {part.device: part.energy.joules for part in meter.read(1.0)} == {"GPU-a": 100.0, "GPU-c": 400.0}


def test_a_mig_device_pays_for_its_slices_of_the_board_and_says_shared() -> None:
    """Three of seven compute slices; NVML has no sensor of a slice itself."""
    mig = FakeGpu("MIG-1", parent="GPU-a", slices=3)
    with installed(FakeNvml([FakeGpu("GPU-a", power_w=700), mig])) as library:
        part = after(open_gpu_meter(["MIG-1"]), library, 1.0)
    assert (part.device, part.energy.joules, part.flags) == ("MIG-1", pytest.approx(300.0), (ReadingFlag.SHARED,))


@pytest.mark.parametrize("error", [pynvml.NVML_ERROR_GPU_IS_LOST, pynvml.NVML_ERROR_UNKNOWN, pynvml.NVML_ERROR_TIMEOUT])
def test_a_lost_gpu_is_flagged_estimated_and_found_again(error: int) -> None:
    """NVML is shut down and opened anew; the counter then makes the total right."""
    gpu = FakeGpu("GPU-a", power_w=300)
    with installed(FakeNvml([gpu])) as library:
        meter = open_gpu_meter(["GPU-a"])
        gpu.error = error
        lost = [after(meter, library, 1.0) for _ in range(5)]
        gpu.error, gpu.power_w = None, 400.0
        back = [after(meter, library, 1.0) for _ in range(10)]
    assert all(ReadingFlag.METER_LOST in part.flags for part in lost)
    assert not back[-1].flags
    assert sum(part.energy.joules for part in lost + back) == pytest.approx(5 * 300 + 10 * 400)


def test_a_lost_gpu_does_not_take_a_healthy_one_with_it() -> None:
    """The other board is read at every sample, re-opened library or not."""
    gpu = FakeGpu("GPU-a")
    with installed(FakeNvml([gpu, FakeGpu("GPU-b", power_w=200)])) as library:
        meter = open_gpu_meter(["GPU-a", "GPU-b"])
        gpu.error = pynvml.NVML_ERROR_GPU_IS_LOST
        for _ in range(20):
            library.advance(1.0)
            healthy = meter.read(1.0)[1]
            assert (healthy.energy.joules, healthy.flags) == (200.0, ())


def test_the_pauses_between_attempts_grow_to_a_minute() -> None:
    """A GPU that fell off the bus stays off; asking each second for hours would be a load of its own."""
    gpu = FakeGpu("GPU-a", error=pynvml.NVML_ERROR_GPU_IS_LOST)
    with installed(FakeNvml([gpu])) as library:
        meter = open_gpu_meter(["GPU-a"])
        for _ in range(600):
            meter.read(1.0)
    assert 10 <= library.initialisations <= 16


def test_a_driver_reload_voids_handles_and_counters_and_stops_nothing() -> None:
    """The gap is bridged by power, flagged, and counting goes on with the new counter."""
    with installed(FakeNvml([FakeGpu("GPU-a", power_w=300)])) as library:
        meter = open_gpu_meter(["GPU-a"])
        library.reload_driver()
        parts = [after(meter, library, 1.0) for _ in range(4)]
    assert {flag for part in parts for flag in part.flags} == {ReadingFlag.METER_LOST, ReadingFlag.COUNTER_RESET}
    assert sum(part.energy.joules for part in parts) == pytest.approx(1200.0)
    assert (parts[-1].method, parts[-1].flags) == (MeterMethod.NVML_COUNTER, ())


@pytest.mark.parametrize(
    "error",
    [
        pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH,
        pynvml.NVML_ERROR_DRIVER_NOT_LOADED,
        pynvml.NVML_ERROR_LIBRARY_NOT_FOUND,
    ],
)
def test_a_library_that_cannot_be_opened_is_flagged_not_raised(error: int) -> None:
    """The job goes on; its slices say that the GPU was not metered."""
    with installed(FakeNvml([FakeGpu("GPU-a")], init_error=error)):
        (part,) = open_gpu_meter(["GPU-a"]).read(1.0)
    assert (part.energy.joules, part.flags) == (0.0, (ReadingFlag.METER_LOST,))


def test_nvml_is_opened_once_and_given_back_once() -> None:
    """Closing twice is harmless."""
    with installed(FakeNvml([FakeGpu("GPU-a")])) as library:
        meter = open_gpu_meter(["GPU-a"])
        assert library.open == 1
        meter.close()
        meter.close()
        assert library.open == 0


faults = st.sampled_from(["ok", "lost", "reload", "reset", "no-init"])


@given(st.lists(st.tuples(st.floats(0.01, 30.0), faults), max_size=25))
def test_no_sequence_of_faults_yields_negative_energy_or_an_exception(events: list[tuple[float, str]]) -> None:
    """Whatever the driver does, a reading is given and is not below zero."""
    gpu = FakeGpu("GPU-a")
    with installed(FakeNvml([gpu])) as library:
        meter = open_gpu_meter(["GPU-a"])
        for seconds, fault in events:
            gpu.error = pynvml.NVML_ERROR_GPU_IS_LOST if fault == "lost" else None
            library.init_error = pynvml.NVML_ERROR_UNKNOWN if fault == "no-init" else None
            if fault == "reload":
                library.reload_driver()
            if fault == "reset":
                gpu.reset()
            assert after(meter, library, seconds).energy.joules >= 0
