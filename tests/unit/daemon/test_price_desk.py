"""What power costs, as the daemon knows it: the file is followed, and a bad one is said and planned without."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.whole_daemon import WholeDaemon

from scheduler.config import PlanningSettings, Settings
from scheduler.daemon.health import daemon_status
from scheduler.daemon.price_desk import PriceDesk
from scheduler.domain.jobs import Job
from scheduler.grid.series_file import read_prices

HEADING = "start,price_per_kwh\n"


def prices(*values: float) -> str:
    rows = (f"{(NOON + timedelta(hours=hour)).isoformat()},{value}\n" for hour, value in enumerate(values))
    return HEADING + "".join(rows)


def desk(file: Path | None) -> PriceDesk:
    return PriceDesk(PlanningSettings(price_file=file, price_weight_g_per_unit=100, currency="GBP"), read_prices)


def test_without_a_file_there_is_no_price_and_no_problem() -> None:
    known = desk(None)
    assert not known.look()
    assert (known.price, known.problem) == (None, None)


def test_a_file_is_read_once_and_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "price.csv"
    file.write_text(prices(0.1, 0.2))
    known = desk(file)
    assert (known.look(), known.look()) == (True, False)
    file.write_text(prices(0.1, 0.2, 0.3))
    assert known.look()
    assert known.price is not None
    assert known.price.per_kwh.values.tolist() == [0.1, 0.2, 0.3]
    assert (known.price.weight_g_per_unit, known.price.currency) == (100, "GBP")


def test_a_bad_file_is_said_and_a_mended_one_is_used_again(tmp_path: Path) -> None:
    file = tmp_path / "price.csv"
    file.write_text(prices(0.1, 0.2).replace("0.2", "dear"))
    known = desk(file)
    assert known.look()
    assert known.price is None
    assert known.problem is not None
    assert "planning without the price of power" in known.problem
    assert "line 3, column 'price_per_kwh'" in known.problem
    file.write_text(prices(0.1, 0.255))
    assert known.look()
    assert known.price is not None and known.problem is None


def test_a_missing_file_is_said_until_it_is_there(tmp_path: Path) -> None:
    known = desk(file := tmp_path / "price.csv")
    assert known.look() and not known.look()
    assert known.problem is not None
    assert "cannot be read" in known.problem
    file.write_text(prices(0.1, 0.255))
    assert known.look() and known.problem is None


def a_daemon(file: Path, **planning: float) -> WholeDaemon:
    chosen = PlanningSettings(price_file=file, currency="GBP", start_gain_pct=0, move_gain_pct=0, **planning)
    ahead = hourly(NOON, [400.0, 400.0, 300.0, 200.0] + [400.0] * 44)
    daemon = WholeDaemon(FakeClock(), ahead, settings=Settings(planning=chosen))
    daemon.pass_time(timedelta(0))
    return daemon


def planned_start(daemon: WholeDaemon, job: Job) -> datetime:
    made = daemon.parts.live.plan
    placement = made.placement(job.id) if made is not None else None
    assert placement is not None
    return placement.start


def test_the_daemon_weighs_money_and_plans_on_without_it_when_the_file_goes_bad(tmp_path: Path) -> None:
    """The cheap hour is the third, the clean one the fourth; a file that cannot be read leaves the clean one."""
    file = tmp_path / "price.csv"
    file.write_text(prices(0.5, 0.5, 0.1, 0.5, 0.5))
    daemon = a_daemon(file, price_weight_g_per_unit=5000)
    job = daemon.submit(duration=timedelta(hours=1), within=timedelta(hours=5))
    assert planned_start(daemon, job) == NOON + timedelta(hours=2)
    file.write_text("nothing of the kind")
    daemon.pass_time(timedelta(minutes=1))
    assert planned_start(daemon, job) == NOON + timedelta(hours=3)
    warned = daemon_status(daemon.parts, daemon.desk, agent_pid=1).warnings
    assert any("planning without the price of power" in text for text in warned)


@pytest.mark.parametrize(("site", "own", "hour"), [(0.0, None, 3), (150.0, None, 0), (150.0, 0.0, 3), (0.0, 150.0, 0)])
def test_the_sites_waiting_price_holds_for_jobs_that_name_none(
    tmp_path: Path, site: float, own: float | None, hour: int
) -> None:
    """Waiting three hours saves 200 g: 67 g an hour."""
    file = tmp_path / "price.csv"
    file.write_text(prices(0.1, 0.1))
    daemon = a_daemon(file, patience_g_per_h=site)
    job = daemon.submit(duration=timedelta(hours=1), within=timedelta(hours=5), patience_g_per_h=own)
    assert planned_start(daemon, job) == NOON + timedelta(hours=hour)
