"""Work that will come, read from the store: what was submitted lately, asked for once an hour."""

from __future__ import annotations

from datetime import timedelta

from fakes.clock import NOON
from fakes.queue import a_machine, a_spec
from fakes.records import a_draft
from fakes.store import FakeStore

from scheduler.daemon.expectation import Expectation
from scheduler.domain.gpus import Pool

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def a_store(days: int, each_day: int) -> FakeStore:
    """Jobs on one GPU for an hour, at noon of each of the last days."""
    store = FakeStore()
    for day in range(days, 0, -1):
        for _ in range(each_day):
            store.add_job(a_draft(a_spec(gpus=1), submitted_at=NOON - day * DAY))
    return store


def test_what_was_submitted_lately_is_expected_again() -> None:
    """On GPUs, for that is what was asked for."""
    expected = Expectation(a_store(days=14, each_day=12)).at(NOON, a_machine(gpus=1))
    assert expected and {work.pool for work in expected} == {Pool.GPU}
    assert all(work.earliest_start > NOON and work.places > 0 for work in expected)


def test_an_empty_history_expects_nothing() -> None:
    """A new installation plans as if nobody else would come."""
    assert Expectation(FakeStore()).at(NOON, a_machine()) == ()


def test_the_store_is_read_once_an_hour() -> None:
    """Plans are made far more often than habits change."""
    store = a_store(days=3, each_day=6)
    work = Expectation(store)
    before = work.at(NOON, a_machine())
    for _ in range(60):
        store.add_job(a_draft(a_spec(gpus=1), submitted_at=NOON - HOUR))
    assert work.at(NOON + HOUR / 2, a_machine()) == before
    assert work.at(NOON + 2 * HOUR, a_machine()) != before
