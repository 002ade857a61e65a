"""What a host says that it offers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pynvml
import pytest
from fakes.nvml.library import FakeGpu, FakeNvml, environment_for, installed
from fakes.powercap import zone

from scheduler.protocol import GpuReport, InventoryReport
from workers.inventory import default_cpu_slots, take_inventory
from workers.metering.sampler import HostFiles

NO_GPU = FakeNvml([], init_error=pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)


def inventory_of(library: FakeNvml, files: HostFiles | None = None) -> InventoryReport:
    with installed(library):
        return take_inventory(1) if files is None else take_inventory(1, files)


def test_gpus_are_listed_by_uuid_with_what_a_planner_needs() -> None:
    """Name, memory, limit and present power."""
    gpu = FakeGpu("GPU-a", power_w=120, limit_w=700, name="NVIDIA H100 80GB HBM3", memory_bytes=80 << 30)
    report = inventory_of(FakeNvml([gpu]))
    assert report.gpus == [GpuReport("GPU-a", "NVIDIA H100 80GB HBM3", 80 << 30, 700.0, 120.0, [])]
    assert report.meters == ["nvml-counter", "host-model"]
    assert report.degraded is None


def test_where_mig_is_on_its_devices_are_offered_instead_of_the_board() -> None:
    """A job cannot hold the board any more; what the board draws says nothing of one device."""
    migs = [FakeGpu(f"MIG-{n}", parent="GPU-a", slices=3, memory_bytes=20 << 30) for n in range(2)]
    report = inventory_of(FakeNvml([FakeGpu("GPU-a"), *migs]))
    assert [(gpu.uuid, gpu.memory_bytes, gpu.power_w) for gpu in report.gpus] == [
        ("MIG-0", 20 << 30, None),
        ("MIG-1", 20 << 30, None),
    ]


def test_our_own_cuda_visible_devices_hides_no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent's environment says nothing of the machine."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert len(inventory_of(FakeNvml([FakeGpu("GPU-a"), FakeGpu("GPU-b")])).gpus) == 2


def test_compute_processes_that_no_run_of_ours_owns_are_named(tmp_path: Path) -> None:
    """A run is known by its segment's name in its environment; what cannot be read is not ours."""
    for pid, environ in [(10, b"CARBONQ_SEGMENT=1-1-1\0HOME=/x\0"), (11, b"HOME=/x\0")]:
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "environ").write_bytes(environ)
    library = FakeNvml([FakeGpu("GPU-a", processes=[12, 11, 10])])
    (gpu,) = inventory_of(library, HostFiles(proc=tmp_path)).gpus
    assert gpu.busy_with == [11, 12]


def test_a_process_in_a_unit_of_the_machines_carbonq_is_ours_though_its_environment_is_closed_to_us(
    tmp_path: Path,
) -> None:
    """A unit of the same name under a user's own systemd proves nothing."""
    units = {10: "/carbonq.slice/carbonq-run-1-1-1.service", 11: "/user.slice/carbonq.slice/carbonq-run-1-1-1.service"}
    for pid, unit in units.items():
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cgroup").write_text(f"2:cpu:/\n0::{unit}\n")
    library = FakeNvml([FakeGpu("GPU-a", processes=[10, 11])])
    (gpu,) = inventory_of(library, HostFiles(proc=tmp_path)).gpus
    assert gpu.busy_with == [11]


@pytest.mark.parametrize(
    "groups",
    [
        b"0::/user.slice/donn\xe9es\n",
        "0::/user.slice/x\x850::/carbonq.slice/carbonq-run-1-1-1.service\n".encode(),
        b"0::/user.slice/x\x0b0::/carbonq.slice/carbonq-run-1-1-1.service\n",
        b"2:cpu:/x::/carbonq.slice/carbonq-run-1-1-1.service\n0::/user.slice\n",
    ],
)
def test_whatever_users_call_their_cgroups_gpus_are_listed_and_nobody_passes_for_a_run_of_ours(
    tmp_path: Path, groups: bytes
) -> None:
    """Names need not be text, and may look like lines of their own."""
    (tmp_path / "10").mkdir()
    (tmp_path / "10" / "cgroup").write_bytes(groups)
    (gpu,) = inventory_of(FakeNvml([FakeGpu("GPU-a", processes=[10])]), HostFiles(proc=tmp_path)).gpus
    assert gpu.busy_with == [10]


def test_a_machine_without_nvidias_library_is_not_degraded() -> None:
    """It simply has no GPU."""
    report = inventory_of(NO_GPU)
    assert (report.gpus, report.meters, report.degraded) == ([], ["host-model"], None)


@pytest.mark.parametrize(
    ("error", "cause", "next_step"),
    [
        (pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH, "version mismatch", "restart the worker agent"),
        (pynvml.NVML_ERROR_DRIVER_NOT_LOADED, "driver is not loaded", "modprobe nvidia"),
        (pynvml.NVML_ERROR_UNKNOWN, "Unknown Error", "kernel log"),
    ],
)
def test_a_broken_driver_is_said_with_its_cause_and_the_next_step(error: int, cause: str, next_step: str) -> None:
    """One sentence, no traceback, and the CPU slots are still offered."""
    report = inventory_of(FakeNvml([FakeGpu("GPU-a")], init_error=error))
    assert report.gpus == [] and report.cpu_slots == 1
    assert report.degraded is not None and cause in report.degraded and next_step in report.degraded


def test_a_lost_gpu_is_named_and_the_others_are_offered() -> None:
    """One card off the bus does not take the machine down."""
    report = inventory_of(FakeNvml([FakeGpu("GPU-a", error=pynvml.NVML_ERROR_GPU_IS_LOST), FakeGpu("GPU-b")]))
    assert [gpu.uuid for gpu in report.gpus] == ["GPU-b"]
    assert report.degraded == (
        "GPU 0 does not answer (GPU is lost); see the kernel log for Xid messages, then reset the GPU or reboot."
    )


def test_nvml_is_given_back_after_each_look() -> None:
    """So that a driver can be upgraded under a waiting agent."""
    library = FakeNvml([FakeGpu("GPU-a")])
    inventory_of(library)
    assert library.open == 0


def test_rapl_is_named_where_it_can_be_read(tmp_path: Path) -> None:
    """Else the host model is."""
    zone(tmp_path / "powercap", "intel-rapl:0", "package-0")
    assert inventory_of(NO_GPU, HostFiles(powercap=tmp_path / "powercap")).meters == ["rapl"]


def test_slots_come_from_the_settings_or_one_for_every_four_cpus() -> None:
    """And there is always one."""
    with installed(NO_GPU):
        assert take_inventory(7).cpu_slots == 7
        assert take_inventory(0).cpu_slots == 0
        assert take_inventory(None).cpu_slots == default_cpu_slots() >= 1


def test_another_process_sees_the_scripted_gpus_through_the_real_pynvml(tmp_path: Path) -> None:
    """The way in for tests of the whole daemon on machines without a GPU."""
    variables = environment_for(tmp_path / "nvml.json", [{"uuid": "GPU-a"}, {"uuid": "GPU-b"}])
    code = "from workers.inventory import take_inventory; print(*[g.uuid for g in take_inventory(1).gpus])"
    answer = subprocess.run([sys.executable, "-P", "-c", code], env={**os.environ, **variables}, capture_output=True)
    assert answer.stdout.split() == [b"GPU-a", b"GPU-b"]
