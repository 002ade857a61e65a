"""What the daemon answers of its record of the grid: one series at a time, as known now or then, and never too much."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.carbon_source import HOUR, KEY, hourly
from fakes.clock import NOON, FakeClock
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SignalKind
from scheduler.domain.errors import NotFound, RequestError
from scheduler.domain.intervals import Interval
from scheduler.service_views.grid_record import ObservationsView
from scheduler.service_views.requests import SeriesChoice

MARGINAL = replace(KEY, source="other", kind=SignalKind.MARGINAL)
DAY = Interval(NOON, NOON + 24 * HOUR)
SECOND = timedelta(seconds=1)
THE_ONE_IN_USE = SeriesChoice()


@pytest.fixture
def daemon() -> WholeDaemon:
    """It has seen two hours, one of them revised, a value of another series, and a day of hourly issues."""
    daemon = WholeDaemon(FakeClock(), hourly(NOON, [100.0] * 48))
    daemon.store.add_observations([said(0, 100.0), said(1, 110.0), replace(said(0, 700.0), key=MARGINAL)])
    daemon.store.add_observations([replace(said(0, 90.0), fetched_at=NOON + 3 * HOUR)])
    for n in range(24):
        issued_at = NOON + n * HOUR
        daemon.store.add_forecast(CarbonForecast(KEY, issued_at, issued_at, hourly(issued_at, [float(n)] * 4)))
    return daemon


def said(hour: int, g_per_kwh: float) -> IntensityObservation:
    interval = Interval(NOON + hour * HOUR, NOON + (hour + 1) * HOUR)
    return IntensityObservation(KEY, interval, g_per_kwh, IntensityStatus.ACTUAL, interval.end)


def observed(daemon: WholeDaemon, choice: SeriesChoice = THE_ONE_IN_USE, **how: object) -> ObservationsView:
    asked = {"interval": DAY, "as_of": None, "revisions": False, **how}
    return asyncio.run(daemon.service.grid_observations(ANNA, choice, **asked))


def test_without_a_word_it_is_the_series_that_is_planned_with(daemon: WholeDaemon) -> None:
    shown = observed(daemon)
    assert (shown.source, shown.zone, shown.kind) == ("fake", "GB", "average")
    assert [(row.start, row.g_per_kwh) for row in shown.rows] == [(NOON, 90.0), (NOON + HOUR, 110.0)]


def test_the_past_is_shown_as_it_was_known_then(daemon: WholeDaemon) -> None:
    then = NOON + 2 * HOUR
    assert [row.g_per_kwh for row in observed(daemon, as_of=then).rows] == [100.0, 110.0]
    assert [row.g_per_kwh for row in observed(daemon, revisions=True).rows] == [100.0, 90.0, 110.0]
    assert [row.g_per_kwh for row in observed(daemon, revisions=True, as_of=then).rows] == [100.0, 110.0]


def test_another_series_is_asked_for_by_as_much_as_tells_it_apart(daemon: WholeDaemon) -> None:
    shown = observed(daemon, SeriesChoice(kind=SignalKind.MARGINAL))
    assert shown.source == "other" and [row.g_per_kwh for row in shown.rows] == [700.0]
    with pytest.raises(RequestError, match=r"zone GB fits several series: fake/GB .*; other/GB .*; say which"):
        observed(daemon, SeriesChoice(zone="GB"))
    with pytest.raises(NotFound, match="nothing is recorded of zone DE; there is fake/GB"):
        observed(daemon, SeriesChoice(zone="DE"))


def test_the_series_there_are_can_be_listed(daemon: WholeDaemon) -> None:
    ours, other = asyncio.run(daemon.service.grid_series(ANNA))
    assert (ours.source, ours.in_use, ours.observed_until, ours.issues) == ("fake", True, NOON + 2 * HOUR, 24)
    assert (other.source, other.in_use, other.observed_from, other.issues) == ("other", False, NOON, 0)


def test_issues_come_with_their_slots_and_not_nearer_than_is_wanted(daemon: WholeDaemon) -> None:
    every = asyncio.run(daemon.service.grid_issues(ANNA, THE_ONE_IN_USE, DAY, timedelta(0)))
    assert len(every.issues) == 24 and len(every.issues[0].slots) == 4
    few = asyncio.run(daemon.service.grid_issues(ANNA, THE_ONE_IN_USE, DAY, 6 * HOUR))
    assert [issue.issued_at for issue in few.issues] == [NOON + n * HOUR for n in (0, 6, 12, 18)]


def test_an_index_stands_under_its_own_name_and_never_under_grams(daemon: WholeDaemon) -> None:
    index = replace(KEY, kind=SignalKind.INDEX)
    daemon.store.add_observations([replace(said(0, 37.0), key=index, raw_value=37.0, raw_unit="percentile")])
    daemon.store.add_forecast(CarbonForecast(index, NOON, NOON, hourly(NOON, [37.0])))
    choice = SeriesChoice(kind=SignalKind.INDEX)
    for how in ({}, {"revisions": True}, {"as_of": NOON + HOUR}):
        [row] = observed(daemon, choice, **how).rows
        assert (row.g_per_kwh, row.index, row.raw_unit) == (None, 37.0, "percentile")
    assert {row.index for row in observed(daemon).rows} == {None}
    [issue] = asyncio.run(daemon.service.grid_issues(ANNA, choice, DAY, timedelta(0))).issues
    assert issue.slots == ()


def test_an_answer_that_would_keep_others_waiting_is_refused(daemon: WholeDaemon) -> None:
    """Too long a stretch, or too many values in a short one."""
    with pytest.raises(RequestError, match="at most 93 days"):
        observed(daemon, interval=Interval(NOON, NOON + timedelta(days=94)))
    moments = [NOON + n * SECOND for n in range(50_002)]
    daemon.store.add_observations(replace(said(0, 1.0), interval=Interval(at, at + SECOND)) for at in moments)
    with pytest.raises(RequestError, match=r"50,00\d values and one answer holds at most 50,000; ask for a shorter"):
        observed(daemon)
