"""Times as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.cli import times
from scheduler.cli.failures import Failure

BERLIN = ZoneInfo("Europe/Berlin")
MONDAY_NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
"""13:00 in Berlin."""


def at(text: str, now: datetime = MONDAY_NOON, zone: ZoneInfo = BERLIN) -> datetime:
    return times.moment(text, "--by", now, zone)[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-24 09:00", "2026-11-24T08:00Z"),
        ("2026-11-24T09:00:30", "2026-11-24T08:00:30Z"),
        ("2026-11-24T09:00+05:00", "2026-11-24T04:00Z"),
        ("2026-11-24T09:00Z", "2026-11-24T09:00Z"),
        ("tomorrow 09:00", "2026-11-24T08:00Z"),
        ("Today 18:00", "2026-11-23T17:00Z"),
        ("18:00", "2026-11-23T17:00Z"),
        ("13:00", "2026-11-24T12:00Z"),
        ("9:05", "2026-11-24T08:05Z"),
        ("fri 18:00", "2026-11-27T17:00Z"),
        ("monday 14:00", "2026-11-23T13:00Z"),
        ("monday 08:00", "2026-11-30T07:00Z"),
    ],
)
def test_a_deadline_can_be_written_in_many_ways(text: str, expected: str) -> None:
    """Without a zone it is the user's; a time of day alone is the next one."""
    assert at(text) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "25:00", "tomorrow", "2026-11-24", "2026-13-01 09:00", "someday 09:00", "0001-01-01 00:00"],
)
def test_what_is_no_moment_is_refused_with_the_forms_that_are(text: str) -> None:
    """A date alone is no moment: nobody can tell which end of the day is meant."""
    with pytest.raises(Failure, match="--by"):
        at(text)


@pytest.mark.parametrize(
    "text", ["9999-12-31T23:59-14:00", "0001-01-01T00:00+14:00", "0001-01-01 00:00", "0001-01-01", "9999-12-31"]
)
@pytest.mark.parametrize("zone", [BERLIN, ZoneInfo("America/Los_Angeles")])
def test_at_either_end_of_what_can_be_counted_a_moment_is_one_or_refused(text: str, zone: ZoneInfo) -> None:
    """In some zone it is another year there."""
    for read in (lambda: at(text, zone=zone), lambda: times.since(text, "--since", MONDAY_NOON, zone)):
        try:
            assert read().year in (1, 9999)
        except Failure as failure:
            assert "is out of the range of times" in str(failure) or "is not a time" in str(failure)


def test_a_time_that_occurs_twice_is_the_earlier_and_says_so() -> None:
    """On 2026-10-25 Berlin's clocks go back: 02:30 is 00:30Z and 01:30Z."""
    moment, remark = times.moment("2026-10-25 02:30", "--by", MONDAY_NOON, BERLIN)
    assert moment == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert remark is not None and "occurs twice" in remark and "CEST" in remark


def test_a_time_that_does_not_occur_is_the_earlier_reading_and_says_so() -> None:
    """On 2027-03-28 Berlin's clocks go forward: 02:30 read with the offset after the change is 00:30Z."""
    moment, remark = times.moment("2027-03-28 02:30", "--by", MONDAY_NOON, BERLIN)
    assert moment == datetime(2027, 3, 28, 0, 30, tzinfo=UTC)
    assert remark is not None and "does not occur" in remark and "01:30 CET" in remark


@given(st.datetimes(datetime(2020, 1, 1), datetime(2037, 1, 1)))  # noqa: DTZ001
def test_a_local_time_is_never_read_later_than_either_of_its_readings(local: datetime) -> None:
    """A deadline read too early is kept; one read too late is missed."""
    local = local.replace(microsecond=0)
    moment = at(local.isoformat(" "))
    assert all(moment <= local.replace(tzinfo=BERLIN, fold=fold).astimezone(UTC) for fold in (0, 1))


def test_the_system_zone_counts_where_none_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """TZ is what the C library reads too."""
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        moment, _ = times.moment("2026-11-24 09:00", "--by", MONDAY_NOON)
        assert moment == datetime(2026, 11, 24, 14, 0, tzinfo=UTC)
        assert times.shown("2026-11-23T17:30:00Z", MONDAY_NOON) == "12:30"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", "2026-11-16T12:00Z"),
        ("yesterday", "2026-11-21T23:00Z"),
        ("today", "2026-11-22T23:00Z"),
        ("2026-11-01", "2026-10-31T23:00Z"),
        ("2026-11-01 10:00", "2026-11-01T09:00Z"),
    ],
)
def test_looking_back_takes_an_age_a_date_or_a_time(text: str, expected: str) -> None:
    """A date is its first moment in the user's zone."""
    assert times.since(text, "--since", MONDAY_NOON, BERLIN) == datetime.fromisoformat(expected)


def test_whoever_writes_a_moment_to_look_back_to_wrongly_is_told_how_such_are_written() -> None:
    with pytest.raises(Failure, match='\'tomorrow\' is not a time; write it like "2026-11-01", "yesterday"'):
        times.since("tomorrow", "--since", MONDAY_NOON, BERLIN)


@pytest.mark.parametrize(("text", "hours"), [("8h", 8), ("1d12h", 36), ("90m", 1.5), ("1.5h", 1.5)])
def test_lengths_are_written_with_their_units(text: str, hours: float) -> None:
    assert times.length(text, "--within") == timedelta(hours=hours)


@pytest.mark.parametrize("text", ["", "8", "h", "-8h", "0h", "8 hours please"])
def test_a_length_without_unit_or_size_is_refused(text: str) -> None:
    with pytest.raises(Failure, match="--within"):
        times.length(text, "--within")


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("2026-11-23T17:00:00Z", "18:00"),
        ("2026-11-24T01:30:00Z", "Tue 02:30"),
        ("2026-12-24T08:00:00Z", "2026-12-24 09:00"),
        ("2026-11-22T08:00:00Z", "2026-11-22 09:00"),
        (None, "–"),
    ],
)
def test_a_moment_is_shown_as_short_as_it_is_clear(stamp: str | None, expected: str) -> None:
    """Past days are dated, for `Mon` could be this one."""
    assert times.shown(stamp, MONDAY_NOON, BERLIN) == expected


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-11-24T01:30:00Z", "2026-11-24T05:30:00Z", "Tue 02:30 to 06:30"),
        ("2026-11-23T22:00:00Z", "2026-11-24T01:30:00Z", "23:00 to Tue 02:30"),
        ("2026-11-23T12:00:00Z", "2026-11-23T12:00:09Z", "13:00:00 to 13:00:09"),
    ],
)
def test_a_span_names_its_day_once_and_seconds_where_they_matter(start: str, end: str, expected: str) -> None:
    assert times.span(start, end, MONDAY_NOON, BERLIN) == expected
