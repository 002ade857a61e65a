"""Which part of the host's CPU time is one run's."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.powercap import write_cpu_time
from hypothesis import given
from hypothesis import strategies as st

from workers.metering.cpu_time import CpuShare, HostCpuTime, host_cpu_time
from workers.metering.run_usage import TICKS_PER_S


class Clocks:
    """The host's and one run's CPU time, set by hand."""

    def __init__(self) -> None:
        self.host, self.run_s = HostCpuTime(0, 0), 0.0

    def share(self, reserved: float) -> CpuShare:
        return CpuShare(lambda: self.host, lambda: self.run_s, reserved)


def test_idle_time_is_shared_by_reservation_and_busy_time_by_use() -> None:
    """Of 10 CPU seconds the run used 4, others 2, and half of the 4 idle ones are reserved for it."""
    clocks = Clocks()
    share = clocks.share(reserved=0.5)
    clocks.host, clocks.run_s = HostCpuTime(busy_s=6, idle_s=4), 4.0
    assert share.since_last() == pytest.approx(0.6)


def test_a_run_that_sleeps_on_a_host_of_its_own_pays_for_the_idle_host() -> None:
    """Hardware reserved belongs to the job (SCI: energy includes what is reserved)."""
    clocks = Clocks()
    share = clocks.share(reserved=1.0)
    clocks.host = HostCpuTime(busy_s=0, idle_s=10)
    assert share.since_last() == 1.0


def test_while_the_clocks_have_not_ticked_the_former_share_holds() -> None:
    """Two readings within a hundredth of a second say nothing new, and lose nothing that comes later."""
    clocks = Clocks()
    share = clocks.share(reserved=0.25)
    clocks.run_s = 5.0
    assert share.since_last() == 0.25
    clocks.host = HostCpuTime(busy_s=10, idle_s=0)
    assert share.since_last() == 0.5


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8), st.floats(0, 100), st.floats(0.1, 100), st.data())
def test_runs_that_reserve_the_whole_host_share_out_all_that_nobody_else_used(
    used: list[float], others_s: float, idle_s: float, data: st.DataObject
) -> None:
    """Energy is conserved: the runs' shares and the others' add up to one."""
    weights = data.draw(st.lists(st.floats(0.01, 1), min_size=len(used), max_size=len(used)))
    host = HostCpuTime(busy_s=sum(used) + others_s, idle_s=idle_s)
    clocks = [Clocks() for _ in used]
    shares = [clock.share(weight / sum(weights)) for clock, weight in zip(clocks, weights, strict=True)]
    for clock, run_s in zip(clocks, used, strict=True):
        clock.host, clock.run_s = host, run_s
    total = sum(share.since_last() for share in shares) + others_s / (host.busy_s + host.idle_s)
    assert total == pytest.approx(1.0)


@given(st.lists(st.tuples(st.floats(-5, 50), st.floats(-5, 50), st.floats(-5, 50)), max_size=20), st.floats(0, 1))
def test_a_share_is_never_below_zero_nor_above_one(steps: list[tuple[float, float, float]], reserved: float) -> None:
    """Kernel counters of idle time have been seen to run backwards."""
    clocks = Clocks()
    share = clocks.share(reserved)
    for busy_s, idle_s, run_s in steps:
        clocks.host = HostCpuTime(clocks.host.busy_s + busy_s, clocks.host.idle_s + idle_s)
        clocks.run_s += run_s
        assert 0 <= share.since_last() <= 1


def test_the_kernels_ticks_become_seconds(tmp_path: Path) -> None:
    """From the first line of /proc/stat."""
    write_cpu_time(tmp_path, busy_s=12.0, idle_s=30.0, ticks_per_s=TICKS_PER_S)
    assert host_cpu_time(tmp_path) == HostCpuTime(12.0, 30.0)


def test_this_hosts_clock_runs() -> None:
    """The real file has the shape we read."""
    assert host_cpu_time().busy_s > 0
