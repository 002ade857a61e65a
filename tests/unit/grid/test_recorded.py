"""A grid replayed from files: moved and compressed in time, never looking ahead."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.clock import NOON, FakeClock
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.carbon import Basis, SignalKind
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.domain.intervals import Interval
from scheduler.grid.recorded import Replay
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings

HOUR = timedelta(hours=1)
MIDNIGHT = datetime(2021, 1, 1, tzinfo=UTC)


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Two days of 2021, hour n having the value 100 + n."""
    file = tmp_path / "grid.csv"
    rows = [f"{MIDNIGHT + n * HOUR:%Y-%m-%d %H:%M:%S},{100 + n}" for n in range(48)]
    file.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]))
    return file


@pytest.fixture
def forecasts(tmp_path: Path) -> Path:
    """Two issues, at midnight and at six; the second is the better one."""
    file = tmp_path / "forecasts.csv"
    rows = [f"2021-01-01T00:00Z,{MIDNIGHT + n * HOUR:%Y-%m-%dT%H:%MZ},{200 + n}" for n in range(24)]
    rows += [f"2021-01-01T06:00Z,{MIDNIGHT + n * HOUR:%Y-%m-%dT%H:%MZ},{300 + n}" for n in range(6, 30)]
    file.write_text("\n".join(["issued_at,start,carbon_intensity_g_per_kwh", *rows]))
    return file


def recorded(now: datetime, file: Path, **settings: object):
    return open_source(SourceSettings(zone="DE", provider="recorded", file=file, **settings), FakeClock(now))


def forecast(source):
    return asyncio.run(source.forecast())


def observed(source, interval: Interval) -> list[float]:
    return [row.g_per_kwh for row in asyncio.run(source.observations(interval))]


def test_without_an_anchor_the_series_keeps_its_own_time(series):
    source = recorded(MIDNIGHT + 3 * HOUR, series)
    assert observed(source, Interval(MIDNIGHT, MIDNIGHT + 10 * HOUR)) == [100, 101, 102]
    assert forecast(source).expected.value_at(MIDNIGHT + 4 * HOUR) == 104


def test_the_first_row_is_shown_at_the_anchor(series):
    """Midnight of 2021 happens at noon today."""
    source = recorded(NOON + 90 * timedelta(minutes=1), series, anchor=NOON)
    assert observed(source, Interval(NOON, NOON + 5 * HOUR)) == [100]
    assert forecast(source).expected.value_at(NOON + 2 * HOUR) == 102


def test_time_runs_as_fast_as_told(series):
    """At 60 times the speed an hour of the series is a minute of ours, and the values are unchanged."""
    source = recorded(NOON + timedelta(minutes=5), series, anchor=NOON, speed=60)
    assert observed(source, Interval(NOON, NOON + HOUR)) == [100, 101, 102, 103, 104]
    assert source.capabilities.resolution == timedelta(minutes=1)
    assert source.capabilities.forecast_horizon == timedelta(hours=168) / 60
    assert any("60 times as fast" in note for note in source.capabilities.notes)


def test_a_replay_may_begin_in_the_middle(series):
    source = recorded(NOON + HOUR, series, anchor=NOON, origin=MIDNIGHT + 12 * HOUR)
    assert observed(source, Interval(NOON - 2 * HOUR, NOON + HOUR)) == [110, 111, 112]


def test_values_come_with_the_lag_that_was_set(series):
    """A value that is published two hours late cannot be known before."""
    source = recorded(MIDNIGHT + 5 * HOUR, series, lag=2 * HOUR)
    assert observed(source, Interval(MIDNIGHT, MIDNIGHT + 5 * HOUR)) == [100, 101, 102]


def test_without_a_forecast_file_the_series_ahead_is_the_forecast_and_says_so(series):
    source = recorded(MIDNIGHT + 90 * timedelta(minutes=1), series)
    perfect = forecast(source)
    assert perfect.method == "perfect"
    assert perfect.expected.span == Interval(MIDNIGHT + HOUR, MIDNIGHT + 48 * HOUR)
    assert any("always right" in note for note in source.capabilities.notes)


def test_a_perfect_forecast_reaches_as_far_as_its_horizon(series):
    source = recorded(MIDNIGHT + HOUR, series, horizon=6 * HOUR)
    assert forecast(source).horizon == MIDNIGHT + 7 * HOUR


def test_the_newest_issue_that_was_out_by_now_is_the_forecast(series, forecasts):
    """At five only the midnight issue exists; at six the next one replaces it."""
    at_five = forecast(recorded(MIDNIGHT + 5 * HOUR, series, forecast_file=forecasts))
    at_six = forecast(recorded(MIDNIGHT + 6 * HOUR, series, forecast_file=forecasts))
    assert (at_five.issued_at, at_five.expected.value_at(MIDNIGHT + 7 * HOUR)) == (MIDNIGHT, 207)
    assert (at_six.issued_at, at_six.expected.value_at(MIDNIGHT + 7 * HOUR)) == (MIDNIGHT + 6 * HOUR, 307)
    assert at_six.method == "recorded"


def test_issues_are_replayed_at_the_same_speed(series, forecasts):
    """Six hours of the series are six minutes of ours, for the issue and for what it says."""
    minute = timedelta(minutes=1)
    issue = forecast(recorded(NOON + 6 * minute, series, forecast_file=forecasts, anchor=NOON, speed=60))
    assert issue.issued_at == NOON + 6 * minute
    assert issue.expected.value_at(NOON + 7 * minute) == 307


def test_before_the_first_issue_there_is_no_forecast_yet(series, forecasts):
    with pytest.raises(CarbonSourceUnavailable, match="still to come"):
        forecast(recorded(MIDNIGHT - HOUR, series, forecast_file=forecasts))


def test_after_the_end_of_the_series_there_is_no_forecast(series):
    """The message says what to change."""
    with pytest.raises(CarbonSourceUnavailable, match="later anchor"):
        forecast(recorded(MIDNIGHT + 60 * HOUR, series))


def test_what_the_values_are_can_be_said(series):
    """A file of direct marginal values is kept apart from average life-cycle ones."""
    key = recorded(MIDNIGHT, series, kind=SignalKind.MARGINAL, basis=Basis.DIRECT).capabilities.key
    assert (key.kind, key.basis) == (SignalKind.MARGINAL, Basis.DIRECT)


def test_json_is_read_as_well(tmp_path):
    file = tmp_path / "grid.json"
    rows = [{"start": f"2021-01-01T0{n}:00Z", "carbon_intensity_g_per_kwh": 100 + n} for n in range(3)]
    file.write_text(json.dumps(rows))
    assert observed(recorded(MIDNIGHT + 3 * HOUR, file), Interval(MIDNIGHT, MIDNIGHT + 3 * HOUR)) == [100, 101, 102]


def test_an_empty_value_is_a_gap(tmp_path):
    """Unknown is not zero, and not the value before it."""
    file = tmp_path / "grid.csv"
    file.write_text(
        "start,carbon_intensity_g_per_kwh\n2021-01-01T00:00Z,100\n2021-01-01T01:00Z,\n2021-01-01T02:00Z,120\n"
    )
    assert observed(recorded(MIDNIGHT + 3 * HOUR, file), Interval(MIDNIGHT, MIDNIGHT + 3 * HOUR)) == [100, 120]


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["2021-01-01T00:00Z,100", "2021-01-01T01:00Z,nan"], r"line 3, column 'carbon_.*'nan' is outside"),
        (["2021-01-01T00:00Z,100", "2021-01-01T01:00Z,-1"], r"line 3, column 'carbon_.*'-1' is outside"),
        (["2021-01-01T00:00Z,lots", "2021-01-01T01:00Z,1"], r"line 2, column 'carbon_.*'lots' is not a number"),
        (["2021-01-01T01:00Z,100", "2021-01-01T00:00Z,100"], r"line 3, column 'start'.*not after the row before"),
        (["2021-01-01T00:00Z,100", "2021-01-01T00:00Z,100"], r"line 3, column 'start'.*not after the row before"),
        (["yesterday,100", "2021-01-01T00:00Z,100"], r"line 2, column 'start'.*not an ISO 8601 time"),
        (["2021-01-01T00:00Z,100"], r"at least two"),
        ([], r"at least two"),
    ],
)
def test_a_mistake_in_a_file_is_named_by_line_and_column(tmp_path, rows, complaint):
    file = tmp_path / "grid.csv"
    file.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]))
    with pytest.raises(CarbonDataInvalid, match=complaint) as error:
        recorded(MIDNIGHT, file)
    assert str(file) in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("a.csv", b"time,value\n2021-01-01,1\n", "no column 'start'"),
        ("a.csv", b"start,carbon_intensity_g_per_kwh\n\xff\xfe", "not UTF-8"),
        ("a.json", b"[{", "not JSON"),
        ("a.json", b'{"start": 1}', "a list of objects"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path, name, content, complaint):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CarbonDataInvalid, match=complaint):
        recorded(MIDNIGHT, tmp_path / name)


def test_a_forecast_file_without_a_row_is_not_taken_for_foresight(tmp_path, series):
    """Without one the series ahead is the forecast; with an empty one that would be said nowhere."""
    forecasts = tmp_path / "forecasts.csv"
    forecasts.write_text("issued_at,start,carbon_intensity_g_per_kwh\n")
    with pytest.raises(CarbonDataInvalid, match=r"forecasts\.csv holds no forecast"):
        recorded(MIDNIGHT, series, forecast_file=forecasts)


def test_a_missing_file_is_refused_by_name(tmp_path):
    with pytest.raises(CarbonSourceRejected, match=r"none\.csv cannot be read: No such file"):
        recorded(MIDNIGHT, tmp_path / "none.csv")


@given(
    minutes=st.integers(0, 100_000),
    speed=st.sampled_from([1, 7, 60, 240, 1000]),
)
def test_replay_keeps_order_and_distance(minutes, speed):
    """A moment of the series lies on the wall clock where the speed puts it, to the microsecond."""
    replay = Replay(MIDNIGHT, NOON, speed)
    shown = replay.moment_on_wall(MIDNIGHT + timedelta(minutes=minutes)) - NOON
    assert abs(shown * speed - timedelta(minutes=minutes)) <= timedelta(microseconds=speed)
