"""A run's meters together, cut into slices."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.nvml.library import FakeGpu, FakeNvml, environment_for, installed
from fakes.powercap import write_cpu_time, zone
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.readings import Component, ComponentEnergy, MeterMethod, ReadingFlag
from scheduler.domain.units import Energy, Power
from scheduler.protocol import SlicePart
from workers.metering.replay import ReplayMeter
from workers.metering.run_usage import TICKS_PER_S
from workers.metering.sampler import HostFiles, Sampler, open_sampler


class Seconds:
    """A steady clock that moves only when told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def constant(watts: float, clock: Seconds) -> Sampler:
    return Sampler([ReplayMeter([(1.0, Power(watts))])], clock)


def total(parts: list[SlicePart]) -> float:
    return sum(part.joules for part in parts)


def test_a_slice_holds_what_was_drawn_since_the_last_cut() -> None:
    """And the first one what was drawn since opening."""
    clock = Seconds()
    sampler = constant(50, clock)
    clock.now_s += 2
    first = sampler.cut(0)
    clock.now_s += 3
    assert (total(first), total(sampler.cut(0))) == (100.0, 150.0)


def test_watts_are_those_of_the_last_sample() -> None:
    """Nothing is claimed before there was one."""
    clock = Seconds()
    sampler = Sampler([ReplayMeter([(1.0, Power(100)), (1.0, Power(300))])], clock)
    assert sampler.watts() is None
    clock.now_s += 1
    sampler.sample(0)
    assert sampler.watts() == 100.0
    clock.now_s += 1
    sampler.sample(0)
    assert sampler.watts() == 300.0


class Failing:
    """50 W of memory, and a fault that nobody foresaw for as long as it is asked for."""

    fails = False

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        if self.fails:
            raise UnicodeDecodeError("utf-8", b"\xe9", 0, 1, "invalid continuation byte")
        return (ComponentEnergy(Component.DRAM, "host", Energy(50 * elapsed_s), MeterMethod.HOST_MODEL),)

    def close(self) -> None: ...


def test_a_meter_that_fails_costs_the_others_nothing_and_is_flagged() -> None:
    """Its own part says that it was lost; what it counts when it answers again is for the whole time."""
    clock, failing = Seconds(), Failing()
    sampler = Sampler([failing, ReplayMeter([(1.0, Power(100))])], clock)
    slices = []
    for failing.fails in (False, True, False):
        for _ in range(2):
            clock.now_s += 1
            sampler.sample(0)
        slices.append({part.component: (part.joules, part.flags) for part in sampler.cut(0)})
    assert [drawn[Component.HOST] for drawn in slices] == [(200.0, [])] * 3
    lost = [ReadingFlag.METER_LOST]
    assert [drawn[Component.DRAM] for drawn in slices] == [(100.0, []), (0.0, lost), (200.0, [])]
    assert sampler.watts() == 150.0


def test_a_meter_that_never_answers_leaves_a_part_that_says_so() -> None:
    """Unknown is not zero: the flag is the statement."""
    clock, failing = Seconds(), Failing()
    failing.fails = True
    sampler = Sampler([failing], clock)
    clock.now_s += 1
    (part,) = sampler.cut(0)
    assert (part.component, part.joules, part.flags) == (Component.HOST, 0.0, [ReadingFlag.METER_LOST])


def test_a_meter_that_fails_is_said_once_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """Not once a second."""
    clock, failing = Seconds(), Failing()
    failing.fails = True
    sampler = Sampler([failing], clock)
    for _ in range(3):
        sampler.sample(0)
    assert [record.getMessage() for record in caplog.records if "Failing failed" in record.getMessage()] != []
    assert len(caplog.records) == 1


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_a_wall_clock_that_is_set_changes_no_energy(jump_s: float) -> None:
    """An hour forward is not an hour of idle power, an hour back is not nothing."""
    clock = Seconds()
    sampler = constant(50, clock)
    clock.now_s += 1
    sampler.sample(1_000_000.0)
    clock.now_s += 1
    assert total(sampler.cut(1_000_001.0 + jump_s)) == 100.0


@given(st.lists(st.tuples(st.floats(0, 120), st.sampled_from(["sample", "cut"])), max_size=40))
def test_cutting_more_often_changes_no_total(steps: list[tuple[float, str]]) -> None:
    """Slices are a partition of the run."""
    clock = Seconds()
    sampler = Sampler([ReplayMeter([(30.0, Power(80)), (60.0, Power(420)), (5.0, Power(0))])], clock)
    slices = []
    for gap, step in steps:
        clock.now_s += gap
        slices += sampler.cut(0) if step == "cut" else (sampler.sample(0), [])[1]
    slices += sampler.cut(0)
    whole = Seconds()
    once = Sampler([ReplayMeter([(30.0, Power(80)), (60.0, Power(420)), (5.0, Power(0))])], whole)
    whole.now_s += sum(gap for gap, _ in steps)
    assert total(slices) == pytest.approx(total(once.cut(0)))


@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=20), st.floats(0, 700))
def test_the_slices_of_a_gpu_add_up_to_its_counters_difference(gaps: list[float], watts: float) -> None:
    """Whatever the schedule: the counter has been read at both ends."""
    clock, gpu = Seconds(), FakeGpu("GPU-a", power_w=watts)
    with installed(FakeNvml([gpu])) as library:
        sampler = open_sampler(["GPU-a"], os.getpid(), 0.0, clock=clock)
        assert gpu.counter_j is not None
        before_j, booked_j = gpu.counter_j, 0.0
        for gap in gaps:
            library.advance(gap)
            clock.now_s += gap
            booked_j += sum(part.joules for part in sampler.cut(0) if part.component == Component.GPU)
        assert booked_j == pytest.approx(gpu.counter_j - before_j, abs=0.002 * len(gaps))


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostFiles]:
    """A host without counters of its own, idle."""
    files = HostFiles(tmp_path / "proc", tmp_path / "powercap", tmp_path / "cgroup")
    write_cpu_time(files.proc, 0, 0, TICKS_PER_S)
    yield files


def methods(parts: list[SlicePart]) -> set[tuple[str, str]]:
    return {(part.component, part.method) for part in parts}


def test_without_rapl_the_host_is_modelled_beside_the_gpus(host: HostFiles) -> None:
    """GPU counters miss a third of a node; the rest has a part, and a label, of its own."""
    with installed(FakeNvml([FakeGpu("GPU-a")])):
        parts = open_sampler(["GPU-a"], 1, 1.0, files=host).cut(0)
    assert methods(parts) == {
        (Component.GPU, MeterMethod.NVML_COUNTER),
        (Component.CPU, MeterMethod.HOST_MODEL),
        (Component.DRAM, MeterMethod.HOST_MODEL),
    }


def test_with_rapl_nothing_that_it_counts_is_modelled(host: HostFiles) -> None:
    """Package and memory are counted once."""
    zone(host.powercap, "intel-rapl:0", "package-0")
    zone(host.powercap, "intel-rapl:0:0", "dram")
    assert methods(open_sampler([], 1, 1.0, files=host).cut(0)) == {
        (Component.CPU, MeterMethod.RAPL),
        (Component.DRAM, MeterMethod.RAPL),
    }


def test_memory_that_rapl_does_not_count_is_modelled_not_zero(host: HostFiles) -> None:
    """AMD's RAPL has no DRAM zone."""
    zone(host.powercap, "intel-rapl:0", "package-0")
    assert methods(open_sampler([], 1, 1.0, files=host).cut(0)) == {
        (Component.CPU, MeterMethod.RAPL),
        (Component.DRAM, MeterMethod.HOST_MODEL),
    }


def test_a_reset_inside_a_slice_keeps_counted_and_bridged_energy_apart() -> None:
    """Each joule is labelled with how it was come by, and the flag stands on the part that earned it."""
    clock, gpu = Seconds(), FakeGpu("GPU-a", power_w=100)
    with installed(FakeNvml([gpu])) as library:
        sampler = open_sampler(["GPU-a"], os.getpid(), 0.0, clock=clock)
        for second in range(4):
            library.advance(1.0)
            clock.now_s += 1.0
            if second == 2:
                gpu.reset()
            sampler.sample(0)
        gpu_parts = [part for part in sampler.cut(0) if part.component == Component.GPU]
    assert {(part.method, part.joules, tuple(part.flags)) for part in gpu_parts} == {
        (MeterMethod.NVML_COUNTER, 300.0, ()),
        (MeterMethod.NVML_POWER, 100.0, (ReadingFlag.COUNTER_RESET,)),
    }


def test_no_outside_program_is_needed_to_meter_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another meter books 0 J where the nvidia-smi binary is not on the path."""
    monkeypatch.setenv("PATH", "")
    with installed(FakeNvml([FakeGpu("GPU-a", power_w=300)])) as library:
        clock = Seconds()
        sampler = open_sampler(["GPU-a"], os.getpid(), 0.0, clock=clock)
        library.advance(1.0)
        clock.now_s += 1.0
        assert [part.joules for part in sampler.cut(0) if part.component == Component.GPU] == [300.0]


QUIET = """
import signal, sys, threading

def forbid(event, _):
    if event.startswith(("socket.", "subprocess.", "os.fork", "os.posix_spawn", "os.exec")):
        raise SystemExit(f"{event} while metering")

sys.addaudithook(forbid)
before = signal.getsignal(signal.SIGTERM)
from workers.metering.sampler import open_sampler
sampler = open_sampler(["GPU-a"], 1, 1.0)
sampler.cut(0.0)
assert signal.getsignal(signal.SIGTERM) == before and threading.active_count() == 1
sampler.close()
"""


def test_metering_starts_no_process_or_thread_opens_no_socket_and_takes_no_signal(tmp_path: Path) -> None:
    """Each has been seen in a meter: a process per RAPL file, a call home at import, SIGTERM taken over."""
    variables = environment_for(tmp_path / "nvml.json", [{"uuid": "GPU-a"}])
    answer = subprocess.run(
        [sys.executable, "-P", "-c", QUIET], env={**os.environ, **variables}, capture_output=True, text=True
    )
    assert (answer.returncode, answer.stderr) == (0, "")


def test_closing_gives_nvml_back() -> None:
    """A supervisor that ends leaves nothing open."""
    with installed(FakeNvml([FakeGpu("GPU-a")])) as library:
        open_sampler(["GPU-a"], os.getpid(), 0.0).close()
        assert library.open == 0
