"""Where a forecast or a past says nothing of the simulated time, it is told; where it says nothing at all, refused."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from fakes.clock import NOON
from fakes.problems import series
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.errors import RequestError
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.simulation.coverage import forecast_remarks, history_remarks, simulated_time
from scheduler.simulation.forecasters import Combined, issue
from scheduler.simulation.world import SimulatedJob, World

HOUR = timedelta(hours=1)
FILE = Path("forecast.csv")


def world(hours: int = 48, deadline_h: float = 12) -> World:
    """A grid from noon on, and a job that is there with it."""
    job = SimulatedJob("a", NOON, HOUR, 1, 1000.0, NOON + deadline_h * HOUR, True, timedelta(0), HOUR)
    return World(series([300] * hours), (job,), 1)


def of(begin_h: int, hours: int, issued_h: float | None = None) -> CarbonForecast:
    issued = begin_h if issued_h is None else issued_h
    return issue(NOON + issued * HOUR, series([310] * hours, start=NOON + begin_h * HOUR))


def past(hours: int, until_h: int = 0) -> StepSeries:
    return series([290] * hours, start=NOON + (until_h - hours) * HOUR)


def remarks(issues: list[CarbonForecast], before: StepSeries | None, here: World | None = None) -> list[str]:
    here = here or world()
    known = here.actual if before is None else here.actual.filled_from(before)
    return forecast_remarks(FILE, issues, Combined(known, issues, HOUR), here)


def test_the_simulated_time_lasts_until_all_is_to_be_done_or_the_series_ends() -> None:
    assert simulated_time(world()) == Interval(NOON, NOON + 12 * HOUR)
    assert simulated_time(world(hours=8)) == Interval(NOON, NOON + 8 * HOUR)


def test_forecasts_for_all_of_the_time_are_no_matter_of_remark() -> None:
    assert remarks([of(0, 12)], past(48)) == []
    assert remarks([of(-6, 12), of(3, 12)], None) == []


@pytest.mark.parametrize(
    ("issues", "silent"),
    [
        ([of(3, 12)], "2026-11-23 12:00 to 2026-11-23 15:00 UTC"),
        ([of(-2, 6)], "2026-11-23 16:00 to 2026-11-24 00:00 UTC"),
        ([of(0, 12), of(2, 2)], "2026-11-23 16:00 to 2026-11-24 00:00 UTC"),
        (
            [of(h, 1) for h in range(1, 12, 2)],
            "2026-11-23 12:00 to 2026-11-23 13:00 UTC, 2026-11-23 14:00 to 2026-11-23 15:00 UTC, "
            "2026-11-23 16:00 to 2026-11-23 17:00 UTC and 3 stretches more",
        ),
    ],
    ids=["issued late", "ends early", "the newest ends early", "many"],
)
def test_a_stretch_without_a_forecast_is_told_with_what_is_planned_with(
    issues: list[CarbonForecast], silent: str
) -> None:
    """Only the newest issue counts, as in planning."""
    said = f"forecast.csv has no forecast for {silent}; the built-in one is planned with instead"
    assert remarks(issues, past(48)) == [said]


def test_without_a_day_of_the_past_jobs_are_told_to_run_as_they_come() -> None:
    """To the moment at which ours begins: the value that holds then is known."""
    said = remarks([of(3, 45)], past(6), world(deadline_h=40))
    assert said[1:] == [
        "the built-in forecast needs a day of what went right before: jobs run as they come, "
        "2026-11-23 12:00 to 2026-11-23 15:00 UTC; of files, give --history"
    ]
    alone = world(deadline_h=40)
    (said_of_ours,) = forecast_remarks(None, [], Combined(alone.actual, [], HOUR), alone)
    assert "2026-11-23 12:00 to 2026-11-24 11:00 UTC; of files, give --history" in said_of_ours


@pytest.mark.parametrize(
    ("issues", "spans"),
    [
        (
            [of(-48, 24), of(-30, 24)],
            "is of 2026-11-21 12:00 to 2026-11-23 06:00 UTC, first issued at 2026-11-21 12:00",
        ),
        ([of(12, 24)], "is of 2026-11-24 00:00 to 2026-11-25 00:00 UTC, first issued at 2026-11-24 00:00"),
        ([of(24, 24, issued_h=0)], "is of 2026-11-24 12:00 to 2026-11-25 12:00 UTC, first issued at 2026-11-23 12:00"),
    ],
    ids=["before", "issued too late", "for later"],
)
def test_forecasts_of_another_time_are_refused_with_both_spans(issues: list[CarbonForecast], spans: str) -> None:
    with pytest.raises(RequestError) as refused:
        remarks(issues, past(48))
    assert spans in str(refused.value)
    assert "says nothing of 2026-11-23 12:00 to 2026-11-24 00:00 UTC, which is simulated" in str(refused.value)


@given(st.lists(st.tuples(st.integers(-20, 20), st.integers(2, 20)), min_size=1, max_size=6, unique_by=lambda i: i[0]))
def test_what_is_told_is_where_the_newest_issue_has_ended(rows: list[tuple[int, int]]) -> None:
    """Hour by hour, by the forecaster itself."""
    issues = [of(begin, hours) for begin, hours in sorted(rows)]
    here = world(hours=18, deadline_h=15)
    forecaster = Combined(StepSeries.empty(), issues, HOUR)
    silent = [forecaster.at(NOON + h * HOUR) is None for h in range(15)]
    try:
        told = forecast_remarks(FILE, issues, forecaster, here)
    except RequestError:
        assert all(silent)
    else:
        assert bool(told) == any(silent)


def test_a_history_that_ends_where_the_grid_begins_or_overlaps_it_is_no_matter_of_remark() -> None:
    for before in (past(48), past(48, until_h=6), past(48, until_h=-24)):
        assert history_remarks(FILE, before, world(), perfect=False) == []


def test_a_history_that_ends_long_before_the_grid_is_told() -> None:
    (said,) = history_remarks(FILE, past(48, until_h=-36), world(), perfect=False)
    assert said.startswith("forecast.csv ends at 2026-11-22 00:00 UTC, 1 d 12 h before the grid's series begins")


def test_a_history_beside_a_perfect_forecast_is_told_to_be_of_no_use() -> None:
    (said,) = history_remarks(FILE, past(48), world(), perfect=True)
    assert "is not used" in said and "give --forecast builtin" in said


def test_a_history_that_begins_no_earlier_than_the_grid_is_told_to_add_nothing() -> None:
    """It is no mistake to give the same file twice."""
    (said,) = history_remarks(FILE, past(24, until_h=24), world(), perfect=False)
    assert "holds nothing from before 2026-11-23 12:00 UTC, where the grid's series begins" in said
