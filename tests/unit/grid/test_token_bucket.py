"""The token bucket: never more than was declared, and never a token lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fakes.clock import NOON
from hypothesis import given
from hypothesis import strategies as st

from scheduler.grid.catalogue import PROVIDERS
from scheduler.grid.token_bucket import RateLimit, TokenBucket

SECOND = timedelta(seconds=1)


@given(requests=st.integers(1, 20), pauses=st.lists(st.integers(0, 90), max_size=60))
def test_no_stretch_of_time_holds_more_than_a_full_bucket_and_what_came_back_in_it(requests, pauses):
    """Whatever the rhythm of asking, and however long a stretch one looks at."""
    limit = RateLimit(requests, 60 * SECOND)
    bucket, now, used = TokenBucket(limit), NOON, []
    for pause in pauses:
        now += pause * SECOND
        used.append(now + bucket.take(now))
    for first in range(len(used)):
        for last in range(first, len(used)):
            stretch = used[last] - used[first]
            assert last - first + 1 <= requests + stretch / limit.refill + 1e-6


def test_a_full_bucket_is_used_at_once():
    bucket = TokenBucket(RateLimit(3, 60 * SECOND))
    assert [bucket.take(NOON) for _ in range(5)] == [0 * SECOND, 0 * SECOND, 0 * SECOND, 20 * SECOND, 40 * SECOND]


def test_it_never_holds_more_than_it_was_made_for():
    """A week of silence earns no burst."""
    bucket = TokenBucket(RateLimit(2, 60 * SECOND))
    bucket.take(NOON)
    later = NOON + timedelta(days=7)
    assert [bucket.take(later) for _ in range(3)] == [0 * SECOND, 0 * SECOND, 30 * SECOND]


def test_looking_takes_nothing():
    bucket = TokenBucket(RateLimit(1, 60 * SECOND))
    assert [bucket.wait(NOON), bucket.wait(NOON), bucket.take(NOON)] == [0 * SECOND] * 3
    assert bucket.wait(NOON) == 60 * SECOND


@pytest.mark.parametrize("provider", [p for p in PROVIDERS if p.base_url], ids=lambda p: p.name)
def test_every_provider_on_the_net_has_its_limit(provider):
    """And it leaves room for two polls with a long fill-back."""
    assert provider.rate_limit is not None
    assert provider.rate_limit.requests >= 10
