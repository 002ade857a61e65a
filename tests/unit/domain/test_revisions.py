"""Which of several published values holds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from fakes.records import GB
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.carbon import IntensityObservation, IntensityStatus
from scheduler.domain.intervals import Interval
from scheduler.domain.revisions import newest_values

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

recorded = st.lists(
    st.builds(
        lambda start, length, value: IntensityObservation(
            GB,
            Interval(MIDNIGHT + start * HOUR, MIDNIGHT + (start + length) * HOUR),
            float(value),
            IntensityStatus.ACTUAL,
            MIDNIGHT,
        ),
        st.integers(0, 20),
        st.integers(1, 6),
        st.integers(0, 1000),
    ),
    max_size=25,
)


@given(recorded)
def test_what_holds_is_sorted_and_without_overlap(observations: list[IntensityObservation]) -> None:
    shown = newest_values(observations)
    assert all(one.interval.end <= other.interval.start for one, other in pairwise(shown))


@given(recorded, st.integers(0, 30))
def test_at_every_moment_the_newest_value_holds_that_its_start_still_has(
    observations: list[IntensityObservation], hour: int
) -> None:
    """Stated the slow way: of each start only the last, of those that cover the moment the last."""
    moment = MIDNIGHT + hour * HOUR
    standing = [
        o
        for n, o in enumerate(observations)
        if not any(later.interval.start == o.interval.start for later in observations[n + 1 :])
    ]
    covering = [o.g_per_kwh for o in standing if moment in o.interval]
    shown = [o.g_per_kwh for o in newest_values(observations) if moment in o.interval]
    assert shown == covering[-1:]


@given(recorded)
def test_showing_twice_is_showing_once(observations: list[IntensityObservation]) -> None:
    assert newest_values(newest_values(observations)) == newest_values(observations)
