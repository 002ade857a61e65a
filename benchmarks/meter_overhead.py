"""What metering one run costs: `python benchmarks/meter_overhead.py`.

Each row is one `Sampler.sample()`, taken about once a second. Beside it stands the floor measured in the same run: the
bare reads of the same files, or the bare pynvml calls, that no sampler can do without. GPUs are real where there are
any; else eight scripted ones behind the real pynvml module, whose answers are Python and dearer than the driver's.
"""

from __future__ import annotations

import contextlib
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pynvml

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fakes.nvml.library import FakeGpu, FakeNvml, install  # noqa: E402
from fakes.powercap import zone  # noqa: E402

from workers.inventory import cpu_model  # noqa: E402
from workers.metering.nvml import NvmlError, open_nvml  # noqa: E402
from workers.metering.run_usage import PROC  # noqa: E402
from workers.metering.sampler import HostFiles, open_sampler  # noqa: E402

ROUNDS = 300
PROCESSES = 9
BOUND_MS = 10.0
"""One per cent of a core at one sample a second."""


def median_ms(work: Callable[[], object]) -> float:
    """Of ROUNDS, after a tenth as many to warm up."""
    times = []
    for _ in range(ROUNDS + ROUNDS // 10):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1e3)
    return statistics.median(times[ROUNDS // 10 :])


@contextlib.contextmanager
def process_tree() -> Iterator[int]:
    """A training process with its data-loader workers, all asleep."""
    sleeper = "import sys; sys.stdin.read()"
    workers = f"[subprocess.Popen([sys.executable, '-c', {sleeper!r}]) for _ in range({PROCESSES - 1})]"
    code = f"import subprocess, sys; workers = {workers}; print(flush=True); {sleeper}"
    root = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert root.stdin is not None and root.stdout is not None
    root.stdout.readline()
    yield root.pid
    root.communicate()


def tree_files(root_pid: int) -> list[Path]:
    """What must be read of the tree: each process's stat, and each thread's children."""
    pids, waiting = [], [root_pid]
    while waiting:
        pids.append(waiting.pop())
        text = (PROC / str(pids[-1]) / "task" / str(pids[-1]) / "children").read_text()
        waiting += [int(child) for child in text.split()]
    return [PROC / str(pid) / name for pid in pids for name in ("stat", f"task/{pid}/children")]


def read_all(files: list[Path]) -> None:
    for path in files:
        descriptor = os.open(path, os.O_RDONLY)
        os.read(descriptor, 4096)
        os.close(descriptor)


def gpu_uuids() -> tuple[list[str], str]:
    """The real ones, else eight scripted ones."""
    try:
        open_nvml()
    except NvmlError:
        install(FakeNvml([FakeGpu(f"GPU-{n}") for n in range(8)]))
        open_nvml()
    handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
    kind = "scripted" if isinstance(pynvml.nvmlLib, FakeNvml) else pynvml.nvmlDeviceGetName(handles[0])
    return [str(pynvml.nvmlDeviceGetUUID(handle)) for handle in handles], f"{len(handles)} GPUs ({kind})"


def bare_gpu_reads(uuids: list[str]) -> Callable[[], None]:
    handles = [pynvml.nvmlDeviceGetHandleByUUID(uuid) for uuid in uuids]
    fields = [pynvml.NVML_FI_DEV_TOTAL_ENERGY_CONSUMPTION, (pynvml.NVML_FI_DEV_POWER_AVERAGE, 0)]

    def read() -> None:
        for handle in handles:
            pynvml.nvmlDeviceGetFieldValues(handle, fields)
            pynvml.nvmlDeviceGetEnforcedPowerLimit(handle)

    return read


def report(title: str, sample_ms: float, floor_ms: float) -> None:
    verdict = "ok" if sample_ms <= BOUND_MS else "TOO DEAR"
    print(f"{title:44} {sample_ms:8.3f} ms   floor {floor_ms:8.3f} ms   {sample_ms / 10:6.3f} % of a core   {verdict}")


def main() -> None:
    print(f"{platform.node()}: {cpu_model(PROC)}, {os.cpu_count()} CPUs, Linux {platform.release()}")
    print(f"Python {platform.python_version()}; median of {ROUNDS} samples; bound {BOUND_MS:g} ms\n")
    with tempfile.TemporaryDirectory() as folder, process_tree() as root_pid:
        powercap, files = Path(folder), tree_files(root_pid)
        model = open_sampler([], root_pid, 1.0, files=HostFiles(powercap=powercap / "absent"))
        report(
            f"host model, {PROCESSES} processes", median_ms(lambda: model.sample(0)), median_ms(lambda: read_all(files))
        )

        counters = [zone(powercap, f"intel-rapl:{n}", f"package-{n}").path / "energy_uj" for n in range(2)]
        rapl = open_sampler([], root_pid, 1.0, files=HostFiles(powercap=powercap))
        rapl_files = [*files, *files, PROC / "stat", *counters]
        report(
            "RAPL, 2 packages, memory modelled",
            median_ms(lambda: rapl.sample(0)),
            median_ms(lambda: read_all(rapl_files)),
        )

        uuids, title = gpu_uuids()
        gpus = open_sampler(uuids, root_pid, 1.0, files=HostFiles(powercap=powercap / "absent"))
        floor_ms = median_ms(bare_gpu_reads(uuids)) + median_ms(lambda: read_all(files))
        report(f"{title} and host model", median_ms(lambda: gpus.sample(0)), floor_ms)


if __name__ == "__main__":
    main()
