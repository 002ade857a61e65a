"""When the provider is asked again, and that nothing it says can do more than cost freshness."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from fakes.carbon_source import KEY, FakeCarbonSource, hourly
from fakes.clock import NOON, FakeClock
from fakes.store import FakeStore
from fakes.whole_daemon import InlineWriter
from hypothesis import given
from hypothesis import strategies as st

from scheduler.daemon.grid_poller import LOOK_BACK, SPREAD, GridPoller, SourceStatus, after_answer, after_failure
from scheduler.domain.carbon import IntensityObservation, SeriesKey
from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable, DiskFull
from scheduler.domain.intervals import Interval
from scheduler.grid.chain import Chain

POLL = timedelta(minutes=15)
SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def failed(times: int, error: Exception | None = None) -> SourceStatus:
    status = SourceStatus()
    for _ in range(times):
        status = after_failure(status, error or CarbonSourceUnavailable("no answer"), NOON, POLL)  # type: ignore[arg-type]
    return status


# --- the reducers
def test_after_an_answer_the_next_question_is_a_poll_away_and_the_outage_is_over() -> None:
    status = after_answer(failed(3), NOON, POLL)
    assert (status.next_at, status.failures, status.failing) == (NOON + POLL, 0, False)
    assert status.last_answer_at == NOON


@pytest.mark.parametrize(("times", "wait_s"), [(1, 30), (2, 60), (3, 120), (6, 960), (7, 1800), (40, 1800)])
def test_each_failure_doubles_the_wait_up_to_half_an_hour(times: int, wait_s: int) -> None:
    assert failed(times).next_at == NOON + wait_s * SECOND


def test_a_provider_that_is_polled_often_is_asked_again_as_soon() -> None:
    status = after_failure(SourceStatus(), CarbonDataInvalid("HTML"), NOON, SECOND)
    assert status.next_at == NOON + SECOND


@pytest.mark.parametrize("asked_s", [90, 7200])
def test_a_provider_that_says_when_to_come_back_is_not_asked_before(asked_s: int) -> None:
    """Retry-After, also beyond the half hour that we would wait unasked."""
    error = CarbonSourceUnavailable("429", retry_after=asked_s * SECOND)
    assert failed(1, error).next_at == NOON + asked_s * SECOND


def test_a_shorter_retry_after_does_not_shorten_the_back_off() -> None:
    assert failed(7, CarbonSourceUnavailable("429", retry_after=SECOND)).next_at == NOON + 1800 * SECOND


@pytest.mark.parametrize("status", [after_answer(failed(3), NOON, POLL), failed(3)], ids=["answered", "failed"])
def test_after_the_clock_was_set_back_the_provider_is_asked_at_once_and_then_as_ever(status: SourceStatus) -> None:
    assert not status.may_ask(NOON)
    earlier = NOON - HOUR
    assert status.may_ask(earlier)
    assert not after_answer(status, earlier, POLL).may_ask(earlier + SECOND)
    assert not after_failure(status, CarbonDataInvalid("HTML"), earlier, POLL).may_ask(earlier + SECOND)


def test_what_went_wrong_is_kept_with_its_time() -> None:
    status = failed(2, CarbonSourceRejected("bad key"))
    assert (status.last_error, status.last_error_at, status.failures) == ("bad key", NOON, 2)


@given(st.floats(0, 1), st.integers(1, 50), st.one_of(st.none(), st.integers(1, 10_000)))
def test_chance_only_lengthens_a_wait_and_by_a_tenth_at_most(chance: float, times: int, asked_s: int | None) -> None:
    """So that installations neither ask in step nor come back together, and Retry-After holds."""
    error = CarbonSourceUnavailable("no", retry_after=None if asked_s is None else asked_s * SECOND)
    before = failed(times - 1, error)
    plain, spread = (after_failure(before, error, NOON, POLL, c).next_at for c in (0.0, chance))
    assert plain is not None and spread is not None
    assert plain <= spread <= plain + (plain - NOON) * SPREAD + timedelta(microseconds=1)


# --- the poller
class Polled:
    """A poller with a made-up provider, its clock and store, and a count of the forecasts it told of."""

    def __init__(self, min_poll: timedelta = SECOND) -> None:
        self.clock, self.store, self.told = FakeClock(), FakeStore(), 0
        self.source = FakeCarbonSource(self.clock, hourly(NOON - 72 * HOUR, [100.0] * 120))
        self.poller = GridPoller(
            self.source, self.store, InlineWriter(), self.clock, POLL, self._tell, chance=lambda: 0.0
        )

    def _tell(self) -> None:
        self.told += 1

    def poll(self) -> None:
        asyncio.run(self.poller.poll())

    def observed(self) -> tuple[IntensityObservation, ...]:
        return self.store.observations(KEY, Interval(NOON - 72 * HOUR, self.clock.now() + HOUR))


def test_an_answer_is_stored_and_told_of_once() -> None:
    polled = Polled()
    polled.poll()
    assert polled.store.latest_forecast(KEY) is not None
    assert polled.observed()[-1].interval.end == NOON
    told = polled.told
    polled.source.issued_at = NOON
    polled.poll()
    assert polled.told == told


def test_the_last_two_days_are_asked_for_each_time_for_providers_revise_them() -> None:
    polled = Polled()
    asked: list[Interval] = []
    ask = polled.source.observations

    async def noted(interval: Interval) -> tuple[IntensityObservation, ...]:
        asked.append(interval)
        return await ask(interval)

    polled.source.observations = noted  # type: ignore[method-assign]
    polled.poll()
    assert asked[0] == Interval(NOON - LOOK_BACK, NOON)


def test_a_provider_is_asked_when_it_is_due_and_not_before() -> None:
    polled = Polled()
    for after, asked in ((timedelta(0), 1), (14 * 60 * SECOND, 1), (60 * SECOND, 2)):
        polled.clock.advance(after)
        asyncio.run(polled.poller.poll_if_due())
        assert polled.source.forecasts_asked == asked


def test_during_an_outage_the_last_forecast_stays_and_the_error_is_shown() -> None:
    polled = Polled()
    polled.poll()
    before = polled.store.latest_forecast(KEY)
    polled.source.error = CarbonSourceUnavailable("no answer")
    polled.poll()
    assert polled.poller.status.failing and polled.poller.status.last_error == "no answer"
    assert polled.store.latest_forecast(KEY) == before


def test_an_outage_is_logged_when_it_begins_and_not_each_time(caplog: pytest.LogCaptureFixture) -> None:
    polled = Polled()
    polled.source.error = CarbonSourceUnavailable("no answer")
    for _ in range(3):
        polled.poll()
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "grid provider failed"
    ]


def test_a_fault_of_ours_in_reading_an_answer_is_an_outage_and_no_crash(caplog: pytest.LogCaptureFixture) -> None:
    """A provider must not be able to take the daemon down, whatever it sends."""
    polled = Polled()

    async def stumbles() -> None:
        raise KeyError("intensity")

    polled.source.forecast = stumbles  # type: ignore[assignment,method-assign]
    for _ in range(3):
        polled.poll()
    assert polled.poller.status.failures == 3
    assert "could not be read (KeyError: 'intensity'); please report it" in (polled.poller.status.last_error or "")
    assert sum(record.exc_info is not None for record in caplog.records) == 1


def test_what_a_full_disk_did_not_keep_is_asked_for_again_before_the_next_poll() -> None:
    """Not at once: it is the disk that is full, and the provider is not to be asked each time the timer fires."""
    polled = Polled()
    polled.store.failing_with = DiskFull("the disk is full")
    polled.poll()
    assert polled.observed() == () and not polled.poller.status.failing
    asyncio.run(polled.poller.poll_if_due())
    assert polled.source.forecasts_asked == 1
    polled.store.failing_with = None
    polled.clock.advance(timedelta(minutes=5))
    asyncio.run(polled.poller.poll_if_due())
    assert polled.observed() != ()


def test_past_hours_are_not_asked_for_while_the_provider_wants_to_be_left_alone() -> None:
    polled = Polled()
    polled.source.error = CarbonSourceUnavailable("429", retry_after=HOUR)
    polled.poll()
    polled.source.error = None
    past = Interval(NOON - 60 * HOUR, NOON - 50 * HOUR)
    assert asyncio.run(polled.poller.fetch(past)) is False
    polled.clock.advance(2 * HOUR)
    assert asyncio.run(polled.poller.fetch(past)) is True
    assert len([o for o in polled.observed() if o.interval.overlaps(past)]) == 10


def test_a_forecast_is_kept_though_the_values_of_past_hours_are_refused() -> None:
    """Planning needs the one, and settlement can wait for the others."""
    polled = Polled()

    async def refused(interval: Interval) -> tuple[IntensityObservation, ...]:
        raise CarbonSourceRejected("HTTP 403")

    polled.source.observations = refused  # type: ignore[method-assign]
    polled.poll()
    assert polled.store.latest_forecast(KEY) is not None and polled.told == 1
    assert polled.poller.status.failures == 1


def test_a_provider_that_fails_on_past_hours_is_counted_as_failing() -> None:
    polled = Polled()
    polled.source.error = CarbonDataInvalid("NaN")
    assert asyncio.run(polled.poller.fetch(Interval(NOON - HOUR, NOON))) is False
    assert polled.poller.status.failures == 1


def test_the_weeks_to_learn_from_are_asked_for_once() -> None:
    polled = Polled()
    spans: list[datetime] = []
    ask = polled.source.observations

    async def noted(interval: Interval) -> tuple[IntensityObservation, ...]:
        spans.append(interval.start)
        return await ask(interval)

    polled.source.observations = noted  # type: ignore[method-assign]
    for _ in range(3):
        polled.poll()
        polled.clock.advance(POLL)
    assert sum(start < NOON - LOOK_BACK for start in spans) == 1


# --- what makes the plan out of date
def plans_wanted(source: FakeCarbonSource | Chain, polls: int, between: Callable[[int], None]) -> list[int]:
    """How often each poll asked for a new plan."""
    told: list[int] = []
    counts: list[int] = []
    poller = GridPoller(source, FakeStore(), InlineWriter(), FakeClock(), POLL, lambda: told.append(1))
    for number in range(polls):
        between(number)
        told.clear()
        asyncio.run(poller.poll())
        counts.append(len(told))
    return counts


def test_new_values_of_a_source_without_a_forecast_are_a_reason_to_plan_anew() -> None:
    """What our own forecaster sees ahead follows from them; values that are known already are none."""
    clock = FakeClock()
    source = FakeCarbonSource(clock, None, hourly(NOON - 40 * HOUR, [100.0] * 39))

    def publish(number: int) -> None:
        if number == 2:
            source.past = hourly(NOON - 40 * HOUR, [100.0] * 40)

    first, second, third = plans_wanted(source, 3, publish)
    assert first >= 1 and (second, third) == (0, 1)


def test_another_series_is_a_reason_to_plan_anew() -> None:
    clock = FakeClock()
    best = FakeCarbonSource(clock, hourly(NOON, [100.0] * 48), needs_key=True)
    constant = FakeCarbonSource(clock, None, hourly(NOON - 9 * HOUR, [1.0] * 8), SeriesKey("static", "GB"))

    def break_it(number: int) -> None:
        if number == 1:
            best.error = CarbonSourceRejected("bad key")

    assert plans_wanted(Chain([best, constant], clock), 2, break_it)[1] >= 1


def test_nobody_is_asked_about_a_series_that_nobody_has() -> None:
    """The source in use knows nothing of it, and its values would be of another level."""
    source = FakeCarbonSource(FakeClock(), hourly(NOON, [100.0] * 48))
    poller = GridPoller(source, FakeStore(), InlineWriter(), FakeClock(), POLL, lambda: None)
    day = Interval(NOON - 24 * HOUR, NOON)
    assert not asyncio.run(poller.fetch(day, SeriesKey("gone", "GB")))
    assert source.asked == []
    assert asyncio.run(poller.fetch(day, source.key))
