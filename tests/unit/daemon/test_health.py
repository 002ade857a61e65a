"""What the daemon says of its own health, and what it warns of."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.whole_daemon import WholeDaemon

from scheduler.daemon.health import daemon_status, status_line
from scheduler.domain.errors import CarbonSourceUnavailable, DiskFull
from scheduler.domain.series import StepSeries
from scheduler.service_views.grid import Freshness
from scheduler.service_views.site import DaemonStatus

HOUR = timedelta(hours=1)


def a_daemon(ahead: StepSeries | None = None) -> WholeDaemon:
    daemon = WholeDaemon(FakeClock(), ahead or hourly(NOON, [100.0] * 48))
    daemon.pass_time(timedelta(0))
    return daemon


def status(daemon: WholeDaemon) -> DaemonStatus:
    return daemon_status(daemon.parts, daemon.desk, agent_pid=42)


def warnings(daemon: WholeDaemon) -> str:
    """Without the one about root, which depends on who runs the tests."""
    return "; ".join(text for text in status(daemon).warnings if "as root" not in text)


def test_a_daemon_in_good_health_warns_of_nothing() -> None:
    seen = status(daemon := a_daemon())
    assert warnings(daemon) == ""
    assert (seen.agent.reachable, seen.agent.pid, seen.agent.host) == (True, 42, "worker")
    assert (seen.gpus, seen.cpu_slots, seen.meters) == (1, 2, ("replay",))
    assert seen.database.problems == () and seen.grid.freshness is Freshness.FRESH
    assert seen.pid == os.getpid()


def test_the_daemon_names_the_settings_file_that_it_reads() -> None:
    """Not the one it would read if nobody had named another."""
    daemon = a_daemon()
    daemon.parts = replace(daemon.parts, settings_file=Path("/etc/other.toml"))
    assert status(daemon).settings_file == "/etc/other.toml"


@pytest.mark.skipif(os.getuid() != 0, reason="only root runs as root")
def test_a_daemon_of_root_says_that_its_jobs_are_roots_too() -> None:
    assert any("run it as yourself" in text for text in status(a_daemon()).warnings)


def test_jobs_are_counted_by_state_and_states_without_any_left_out() -> None:
    daemon = a_daemon()
    daemon.submit(duration=HOUR, run_now=True)
    daemon.submit(duration=HOUR)
    daemon.pass_time(timedelta(minutes=1))
    assert status(daemon).jobs == {"queued": 1, "running": 1}
    assert status_line(daemon.parts) == "1 running, 1 waiting"


def test_a_database_that_cannot_be_written_is_its_first_problem_until_it_can_be() -> None:
    """A problem and not a warning: `carbonq doctor` ends with 1."""
    daemon = a_daemon()
    daemon.submit(duration=HOUR, run_now=True)
    daemon.store.failing_with = DiskFull("the disk is full; make room there")
    daemon.pass_time(2 * HOUR)
    assert status(daemon).database.problems == ("the disk is full; make room there",)
    daemon.store.failing_with = None
    daemon.pass_time(timedelta(minutes=1))
    assert status(daemon).database.problems == ()


def test_a_worker_that_is_away_is_named_with_the_reason() -> None:
    daemon = a_daemon()
    daemon.executor.unreachable = True
    daemon.pass_time(timedelta(minutes=1))
    assert "worker agent: the worker agent cannot be reached" in warnings(daemon)
    assert status(daemon).agent.reachable is False


def test_gpus_that_should_be_there_and_are_not_are_a_warning() -> None:
    daemon = a_daemon()
    inventory = daemon.parts.live.inventory
    assert inventory is not None
    daemon.parts.live.inventory = replace(inventory, degraded="the NVIDIA driver does not answer")
    assert "the NVIDIA driver does not answer" in warnings(daemon)


def test_an_outage_makes_the_forecast_stale_and_says_why() -> None:
    daemon = a_daemon()
    daemon.source.error = CarbonSourceUnavailable("503 from the provider")
    daemon.pass_time(HOUR)
    assert "is stale (forecast of fake): 503 from the provider" in warnings(daemon)


def test_a_forecast_that_nobody_renews_grows_stale_by_itself() -> None:
    daemon = a_daemon()
    daemon.clock.advance(13 * HOUR)
    assert "is stale (forecast of fake): it has not been renewed" in warnings(daemon)


def test_without_a_forecast_nothing_is_claimed_and_that_is_said() -> None:
    daemon = WholeDaemon(FakeClock(), None)
    asyncio.run(daemon.poller.poll())
    said = warnings(daemon)
    assert "GB: no forecast, so jobs run in their order and no saving is claimed" in said
    assert "fake gives no forecast: it publishes none; built-in is not in use: too little is recorded" in said


def test_places_and_meters_are_unknown_until_the_worker_has_answered() -> None:
    """Unknown, and not none."""
    seen = status(WholeDaemon(FakeClock(), None))
    assert (seen.gpus, seen.cpu_slots, seen.meters) == (None, None, None)
    assert seen.agent.reachable is False


def test_a_daemon_that_fails_at_each_look_says_so_until_one_goes_well() -> None:
    daemon = a_daemon()
    daemon.executor.fault = ZeroDivisionError("once and always")
    daemon.pass_time(HOUR / 2)
    said = [warning for warning in status(daemon).warnings if "fails each time" in warning]
    assert len(said) == 1 and "ZeroDivisionError('once and always')" in said[0] and "its log" in said[0]
    daemon.executor.fault = None
    daemon.pass_time(timedelta(minutes=5))
    assert "fails each time" not in warnings(daemon)
