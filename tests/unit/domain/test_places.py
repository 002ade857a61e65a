"""Free places over time, checked against a count at each minute."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.places import FreePlaces, from_micros, to_micros

taken = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(1, 3)), max_size=12)


def filled(capacity: int, takings: list[tuple[int, int, int]]) -> FreePlaces:
    free = FreePlaces(capacity, 0)
    for start, length, places in takings:
        free.occupy(start, start + length, places)
    return free


def count(capacity: int, takings: list[tuple[int, int, int]], moment: int) -> int:
    return capacity - sum(places for start, length, places in takings if start <= moment < start + length)


@given(takings=taken, places=st.integers(1, 4), begin=st.integers(0, 30), length=st.integers(1, 40))
def test_stretches_are_where_the_places_are_free(
    takings: list[tuple[int, int, int]], places: int, begin: int, length: int
) -> None:
    starts, ends = filled(4, takings).stretches(places, begin, begin + length)
    inside = {t for s, e in zip(starts, ends, strict=True) for t in range(s, e)}
    assert inside == {t for t in range(begin, begin + length) if count(4, takings, t) >= places}


@given(takings=taken, begin=st.integers(0, 30), places=st.integers(1, 4))
def test_all_occupied_at_once_are_as_occupied_one_after_another(
    takings: list[tuple[int, int, int]], begin: int, places: int
) -> None:
    spans = np.array([(start, start + length) for start, length, _ in takings], dtype=np.int64).reshape(-1, 2)
    widths = np.array([width for *_, width in takings], dtype=np.int64)
    starts, ends = FreePlaces.beside(spans, widths, 4, begin).stretches(places, begin, 80)
    inside = {t for s, e in zip(starts, ends, strict=True) for t in range(s, e)}
    assert inside == {t for t in range(begin, 80) if count(4, takings, t) >= places}


@given(takings=taken, places=st.integers(1, 4), begin=st.integers(0, 30), length=st.integers(1, 20))
def test_the_earliest_room_is_the_first_that_is_free_throughout(
    takings: list[tuple[int, int, int]], places: int, begin: int, length: int
) -> None:
    free = filled(4, takings)
    start = free.earliest(places, length, begin)
    assert free.fits(start, start + length, places)
    assert not any(
        all(count(4, takings, t) >= places for t in range(s, s + length)) for s in range(begin, start)
    )  # fmt: skip


@given(takings=taken, extra=st.tuples(st.integers(0, 40), st.integers(1, 20), st.integers(1, 3)))
def test_releasing_undoes_occupying(takings: list[tuple[int, int, int]], extra: tuple[int, int, int]) -> None:
    free, start, length, places = filled(4, takings), *extra
    before = [free.fits(t, t + 1, 2) for t in range(60)]
    free.occupy(start, start + length, places)
    free.release(start, start + length, places)
    assert [free.fits(t, t + 1, 2) for t in range(60)] == before


@given(takings=taken, moment=st.integers(0, 40))
def test_forgetting_the_past_changes_no_future(takings: list[tuple[int, int, int]], moment: int) -> None:
    free, forgetful = filled(4, takings), filled(4, takings)
    forgetful.forget_before(moment)
    assert forgetful.earliest(3, 5, moment) == free.earliest(3, 5, moment)


def test_a_pool_that_is_too_small_says_so() -> None:
    with pytest.raises(ValueError, match="never free"):
        FreePlaces(2, 0).earliest(3, 1, 0)


@given(moment=st.datetimes(datetime(1990, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_moments_survive_the_way_to_microseconds_exactly(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment


def test_microseconds_count_from_1970() -> None:
    assert to_micros(NOON) == int(NOON.timestamp()) * 1_000_000
