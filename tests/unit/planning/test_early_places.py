"""Places that are only ever taken: on lists as on arrays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.places import FreePlaces
from scheduler.planning.early_places import EarlyPlaces

PLACES, BEGIN = 4, 100
REQUESTS = st.lists(
    st.tuples(st.integers(1, PLACES), st.integers(1, 50), st.integers(BEGIN, BEGIN + 120)), min_size=1, max_size=30
)


@given(REQUESTS)
def test_each_takes_what_it_would_take_of_places_kept_in_arrays(requests: list[tuple[int, int, int]]) -> None:
    early, free = EarlyPlaces(PLACES, BEGIN), FreePlaces(PLACES, BEGIN)
    for width, length, begin in requests:
        start = early.take_earliest(width, length, begin)
        assert start == free.earliest(width, length, begin)
        free.occupy(start, start + length, width)


def test_a_pool_that_shrank_under_running_jobs_has_room_after_them() -> None:
    early = EarlyPlaces(1, BEGIN)
    early.occupy(BEGIN, BEGIN + 10, 3)
    assert early.take_earliest(1, 5, BEGIN) == BEGIN + 10


def test_more_places_than_there_are_is_an_error() -> None:
    with pytest.raises(ValueError, match="never free"):
        EarlyPlaces(PLACES, BEGIN).take_earliest(PLACES + 1, 1, BEGIN)
