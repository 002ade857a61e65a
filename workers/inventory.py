"""What this host offers: its GPUs, CPU slots, and the meters that answer."""

from __future__ import annotations

import os
from pathlib import Path

from scheduler.domain.readings import MeterMethod
from scheduler.protocol import ENV_SEGMENT, GpuReport, InventoryReport
from workers import clock
from workers.metering.nvml import Board, NvmlAbsent, NvmlError, boards, close_nvml, open_nvml
from workers.metering.rapl import find_zones
from workers.metering.sampler import THIS_HOST, HostFiles
from workers.unit_names import SLICE, UNIT_PREFIX

CPUS_PER_SLOT = 4
"""Logical CPUs behind one CPU slot where the settings do not say how many slots there are."""


def take_inventory(cpu_slots: int | None, files: HostFiles = THIS_HOST) -> InventoryReport:
    """Ask everything anew, NVML included: a GPU that came or went since the last time is seen."""
    gpus, gpu_meters, degraded = _gpus(files.proc)
    host_meter = MeterMethod.RAPL if find_zones(files.powercap) else MeterMethod.HOST_MODEL
    return InventoryReport(
        host=clock.host(),
        boot_id=clock.boot_id(),
        gpus=gpus,
        cpu_slots=default_cpu_slots() if cpu_slots is None else cpu_slots,
        cpu_model=cpu_model(files.proc),
        meters=[*sorted(gpu_meters), host_meter],
        degraded=degraded,
    )


def default_cpu_slots() -> int:
    """One for every four logical CPUs we may run on, and at least one."""
    return max(1, len(os.sched_getaffinity(0)) // CPUS_PER_SLOT)


def cpu_model(proc: Path) -> str | None:
    """As /proc/cpuinfo names the first processor; some architectures do not."""
    try:
        lines = (proc / "cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        return None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)


def _gpus(proc: Path) -> tuple[list[GpuReport], set[str], str | None]:
    """(GPUs, methods that meter them, why some that should be there are not)."""
    try:
        open_nvml()
    except NvmlAbsent:
        return [], set(), None
    except NvmlError as error:
        return [], set(), f"No GPU can be used: {error}."
    try:
        return _answering(proc)
    except NvmlError as error:
        return [], set(), f"No GPU can be used: NVML does not list them ({error}); `nvidia-smi` says more."
    finally:
        close_nvml()


def _answering(proc: Path) -> tuple[list[GpuReport], set[str], str | None]:
    gpus, meters, lost = [], set[str](), []
    for board in boards():
        try:
            report, method = _report(board, proc)
        except NvmlError as error:
            lost.append(str(error))
        else:
            gpus.append(report)
            meters.add(method)
    degraded = (
        f"{'; '.join(lost)}; see the kernel log for Xid messages, then reset the GPU or reboot." if lost else None
    )
    return gpus, meters, degraded


def _report(board: Board | NvmlError, proc: Path) -> tuple[GpuReport, MeterMethod]:
    if isinstance(board, NvmlError):
        raise board
    facts, reading = board.facts(), board.read()
    whole = facts.share == 1  # What the board draws says nothing of one MIG device on it.
    report = GpuReport(
        uuid=facts.uuid,
        name=facts.name,
        memory_bytes=facts.memory_bytes,
        power_limit_w=reading.limit_w if whole else None,
        power_w=reading.power_w if whole else None,
        busy_with=[pid for pid in board.compute_pids() if not _is_ours(proc, pid)],
    )
    return report, MeterMethod.NVML_COUNTER if reading.counter_j is not None else MeterMethod.NVML_POWER


def _is_ours(proc: Path, pid: int) -> bool:
    """Whether a run of this carbonq started it: by the unit it is in, or else by the segment in its environment,
    which only its own user may read."""
    return _is_in_our_unit(proc, pid) or _carries_a_segment(proc, pid)


def _is_in_our_unit(proc: Path, pid: int) -> bool:
    """Whether it is in a unit of ours that process 1 keeps; no user can make one there."""
    try:
        # As bytes, by newlines alone and from a line's beginning: users name the cgroups they make below their own.
        groups = (proc / str(pid) / "cgroup").read_bytes().split(b"\n")
    except OSError:
        return False
    return any(line.startswith(f"0::/{SLICE}/{UNIT_PREFIX}".encode()) for line in groups)


def _carries_a_segment(proc: Path, pid: int) -> bool:
    try:
        environment = (proc / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return any(entry.startswith(ENV_SEGMENT.encode() + b"=") for entry in environment)
