"""When to look again, and how few questions that takes."""

from __future__ import annotations

from datetime import timedelta

from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.accounting.recheck import LONGEST, recheck_due, stretches
from scheduler.domain.intervals import Interval

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
AGES = (2 * DAY, 8 * DAY)


def test_a_look_is_due_once_at_each_age() -> None:
    """Not before the first age, then once, then not before the second."""
    assert not recheck_due(NOON, None, AGES, NOON + 47 * HOUR)
    assert recheck_due(NOON, None, AGES, NOON + 2 * DAY)
    assert not recheck_due(NOON, NOON + 2 * DAY, AGES, NOON + 7 * DAY)
    assert recheck_due(NOON, NOON + 2 * DAY, AGES, NOON + 8 * DAY)
    assert not recheck_due(NOON, NOON + 9 * DAY, AGES, NOON + 90 * DAY)


def test_ages_that_passed_unseen_make_one_look() -> None:
    """A machine that was off over both ages asks once."""
    assert recheck_due(NOON, None, AGES, NOON + 20 * DAY)
    assert not recheck_due(NOON, NOON + 20 * DAY, AGES, NOON + 20 * DAY)


def test_jobs_of_one_day_make_one_question() -> None:
    """Spans that touch, overlap or nearly touch are asked for together; a far one is not."""
    day = [Interval(NOON + n * HOUR, NOON + (n + 3) * HOUR) for n in range(0, 20, 4)]
    far = Interval(NOON + 10 * DAY, NOON + 11 * DAY)
    assert stretches([far, *day]) == (Interval(NOON, NOON + 19 * HOUR), far)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 200)), max_size=30))
def test_every_span_lies_in_one_stretch_and_no_stretch_grows_without_bound(hours: list[tuple[int, int]]) -> None:
    """Nothing is left out, and a question stays as long as a provider answers."""
    spans = [Interval(NOON + start * HOUR, NOON + (start + length) * HOUR) for start, length in hours]
    found = stretches(spans)
    assert all(any(s.start <= span.start and span.end <= s.end for s in found) for span in spans)
    assert all(stretch.length <= LONGEST for stretch in found)
