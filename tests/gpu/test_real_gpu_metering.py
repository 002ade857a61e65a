"""The meters on a real NVIDIA GPU, against pynvml read beside them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import pynvml
import pytest

from scheduler.domain.readings import Component, MeterMethod, ReadingFlag
from workers.inventory import take_inventory
from workers.metering.nvml import Board, NvmlError, close_nvml, open_nvml
from workers.metering.sampler import open_sampler

pytestmark = pytest.mark.gpu


@pytest.fixture
def uuid() -> Iterator[str]:
    """The first GPU's; NVML stays open for the test's own readings."""
    try:
        open_nvml()
    except NvmlError as error:
        pytest.skip(f"no GPU to measure: {error}")
    if not pynvml.nvmlDeviceGetCount():
        pytest.skip("no GPU to measure: NVML lists none")
    yield str(pynvml.nvmlDeviceGetUUID(pynvml.nvmlDeviceGetHandleByIndex(0)))
    close_nvml()


def counter_j(uuid: str) -> float:
    try:
        return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(pynvml.nvmlDeviceGetHandleByUUID(uuid))) / 1000
    except pynvml.NVMLError_NotSupported:
        pytest.skip("this GPU has no energy counter")


def test_the_inventory_names_the_gpu_with_its_limit_and_power(uuid: str) -> None:
    """Every figure a planner needs is there."""
    gpu = next(gpu for gpu in take_inventory(1).gpus if gpu.uuid == uuid)
    assert gpu.name and gpu.memory_bytes and gpu.power_limit_w and gpu.power_w
    assert 0 < gpu.power_w < 1.5 * gpu.power_limit_w


def test_the_slices_add_up_to_what_the_counter_gained(uuid: str) -> None:
    """Cut at odd moments over some seconds; one step of the counter at either end may differ."""
    before_j = counter_j(uuid)
    sampler = open_sampler([uuid], os.getpid(), 0.0)
    end_s, parts = time.monotonic() + 5.0, []
    while time.monotonic() < end_s:
        time.sleep(0.37)
        parts += [part for part in sampler.cut(time.time()) if part.component == Component.GPU]
    gained_j = counter_j(uuid) - before_j
    sampler.close()
    assert {part.method for part in parts} == {MeterMethod.NVML_COUNTER}
    assert not any(part.flags for part in parts)
    assert sum(part.joules for part in parts) == pytest.approx(gained_j, rel=0.1)


def test_counter_and_power_sensor_tell_the_same_story(uuid: str) -> None:
    """Over a minute they stay within a fifth of each other, so no slice is flagged."""
    counter_j(uuid)
    sampler = open_sampler([uuid], os.getpid(), 0.0)
    for _ in range(65):
        time.sleep(1.0)
        sampler.sample(time.time())
    flags = {flag for part in sampler.cut(time.time()) for flag in part.flags}
    sampler.close()
    assert ReadingFlag.COUNTER_DISAGREES not in flags


def test_the_field_value_is_the_counter(uuid: str) -> None:
    """Field 83 or 191 carries the number that the plain call gives, and the driver's time beside it."""
    plain_j = counter_j(uuid)
    reading = Board.of(uuid).read()
    assert reading.counter_j == pytest.approx(plain_j, rel=1e-3)
    if reading.counter_t is not None:
        assert reading.counter_t == pytest.approx(time.time(), abs=60)


def test_the_kernels_own_order_of_gpus_plays_no_part(uuid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own CUDA_VISIBLE_DEVICES hides nothing from the meter."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    sampler = open_sampler([uuid], os.getpid(), 0.0)
    assert [part.device for part in sampler.cut(time.time()) if part.component == Component.GPU] == [uuid]
    sampler.close()
