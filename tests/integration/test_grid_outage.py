"""A week without the first provider, through the real client, chain, poller and database, on a clock of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import Fault, LoopbackServer, grid_server, made_up_series

from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.grid_poller import GridPoller
from scheduler.daemon.writer import Writer
from scheduler.domain.carbon import SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.grid.chain import Chain
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.ports import Store
from scheduler.presenting.grid import freshness, grid_now
from scheduler.storage import open_store

HOUR = timedelta(hours=1)
STEP = 3 * HOUR
FAULTS = (Fault.SERVER_ERROR, Fault.HTML, Fault.TRUNCATED, Fault.HANG_UP, Fault.NEGATIVE)


class Site:
    """A daemon's grid side: two links, polled every three hours."""

    @classmethod
    async def open(cls, server: LoopbackServer, database: Path, clock: FakeClock) -> Site:
        writer = Writer()
        return cls(server, writer, await writer(open_store, database), clock)

    def __init__(self, server: LoopbackServer, writer: Writer, store: Store, clock: FakeClock) -> None:
        neso = SourceSettings(zone="GB", provider="uk-neso", base_url=server.url("uk-neso"), attempts=1)
        static = SourceSettings(zone="GB", provider="static")
        self.clock = clock
        self.writer = writer
        self.store = store
        self.chain = Chain([open_source(neso, clock), open_source(static, clock)], clock)
        self.poller = GridPoller(self.chain, self.store, self.writer, clock, STEP, on_forecast=lambda: None)
        self.desk = GridDesk(self.poller, self.store, clock, stale_after=12 * HOUR, notes=())

    async def poll(self) -> tuple[str, str, bool]:
        """(source in use, freshness, whether there is a forecast to plan with) after one poll."""
        await self.poller.poll()
        case = await self.writer(self.desk.case)
        planned_with = await self.writer(self.desk.forecast, self.clock.now())
        return case.capabilities.source, freshness(case).value, planned_with is not None

    async def close(self) -> None:
        await self.chain.close()
        await self.writer(self.store.close)
        self.writer.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> Iterator[LoopbackServer]:
    with grid_server(clock.now, made_up_series(NOON, days=12)) as running:
        yield running


def test_a_week_without_the_provider_ends_in_a_stated_state_at_every_hour(server, clock, tmp_path):
    """Fresh, then stale with its age while the last forecast lasts, then the fallback by name, then fresh again."""

    async def week() -> list[tuple[timedelta, str, str, bool]]:
        site = await Site.open(server, tmp_path / "carbonq.db", clock)
        states = []
        began = clock.now()
        for number in range(int(timedelta(days=7) / STEP)):
            server.faults.turn_off()
            if number > 0:
                server.faults.turn_on(FAULTS[number % len(FAULTS)])
            states.append((clock.now() - began, *await site.poll()))
            clock.advance(STEP)
        server.faults.turn_off()
        states.append((clock.now() - began, *await site.poll()))
        await site.close()
        return states

    states = asyncio.run(week())
    assert states[0][1:] == ("uk-neso", "fresh", True)
    for age, *state in states[1:-1]:
        assert state == (["uk-neso", "stale", True] if age < 48 * HOUR else ["static", "none", False]), age
    assert states[-1][1:] == ("uk-neso", "fresh", True)


def test_the_fallback_is_named_with_the_reason(server, clock, tmp_path):
    """`carbonq grid now` shows whose value it is and why the better one is missing."""

    async def outage():
        site = await Site.open(server, tmp_path / "carbonq.db", clock)
        server.faults.turn_on(Fault.UNAUTHORISED)
        await site.poll()
        shown = grid_now(await site.writer(site.desk.case))
        await site.close()
        return shown

    shown = asyncio.run(outage())
    assert shown.source == "static"
    assert shown.g_per_kwh is not None
    assert any("uk-neso is not in use" in note for note in shown.notes)


def test_after_the_outage_no_interval_is_lost_or_doubled(server, clock, tmp_path):
    """What was missed is asked for again, once, and each series stays by itself."""

    async def week() -> list[tuple[datetime, datetime]]:
        site = await Site.open(server, tmp_path / "carbonq.db", clock)
        began = clock.now()
        await site.poll()
        server.faults.turn_on(Fault.SERVER_ERROR)
        for _ in range(int(timedelta(days=4) / STEP)):
            clock.advance(STEP)
            await site.poll()
        server.faults.turn_off()
        await site.poll()
        missed = Interval(began, clock.now())
        assert await site.poller.fetch(missed)
        assert await site.poller.fetch(missed)
        key: SeriesKey = site.chain.capabilities.key
        found = [
            (row.interval.start, row.interval.end) for row in await site.writer(site.store.observations, key, missed)
        ]
        await site.close()
        return found

    found = asyncio.run(week())
    assert len(found) == 4 * 48
    assert all(before[1] == after[0] for before, after in pairwise(found))
