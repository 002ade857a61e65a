"""A week without the first provider, through the real client, chain, poller and database, on a clock of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.grid_server import Fault, LoopbackServer, grid_server, made_up_series
from fakes.whole_daemon import WholeDaemon

from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.grid_poller import GridPoller
from scheduler.daemon.writer import Writer
from scheduler.domain.carbon import SeriesKey
from scheduler.domain.intervals import Interval
from scheduler.domain.lifecycle import JobState
from scheduler.domain.statements import Settlement
from scheduler.domain.units import Power
from scheduler.grid.chain import Chain
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.ports import JobQuery, Store
from scheduler.presenting.grid import grid_now
from scheduler.service_views.requests import JobRequest
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
        self.chain.fall_back_on_history(lambda said: writer(self.desk.sees_ahead, said))

    async def poll(self) -> tuple[str, str, str]:
        """(source whose series is in use, freshness, kind of link that is planned with) after one poll."""
        await self.poller.poll()
        shown = grid_now(await self.writer(self.desk.case))
        return shown.source, shown.freshness.value, shown.link.value

    async def close(self) -> None:
        await self.chain.close()
        await self.writer(self.store.close)
        self.writer.close()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def server(clock: FakeClock) -> Iterator[LoopbackServer]:
    with grid_server(clock.now, made_up_series(NOON, days=20)) as running:
        yield running


def test_more_than_a_week_without_the_provider_ends_in_a_stated_state_at_every_hour(server, clock, tmp_path):
    """Fresh; stale while its last forecast lasts; ours from its history for as long as that bears; the constant."""

    async def outage() -> list[tuple[timedelta, str, str, str]]:
        site = await Site.open(server, tmp_path / "carbonq.db", clock)
        states = []
        began = clock.now()
        for number in range(int(timedelta(days=9) / STEP)):
            server.faults.turn_off()
            if number > 0:
                server.faults.turn_on(FAULTS[number % len(FAULTS)])
            states.append((clock.now() - began, *await site.poll()))
            clock.advance(STEP)
        server.faults.turn_off()
        states.append((clock.now() - began, *await site.poll()))
        await site.close()
        return states

    states = asyncio.run(outage())
    assert states[0][1:] == ("uk-neso", "fresh", "provider")
    for age, *state in states[1:-1]:
        if age < 48 * HOUR:
            expected = ["uk-neso", "stale", "provider"]
        elif age < 7 * 24 * HOUR:
            expected = ["uk-neso", "stale", "built-in"]
        else:
            expected = ["static", "none", "static"]
        assert state == expected, age
    assert states[-1][1:] == ("uk-neso", "fresh", "provider")


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
    assert shown.because[0].startswith("uk-neso is not in use: ")
    assert [(link.name, link.state.value) for link in shown.links] == [
        ("uk-neso", "passed-over"),
        ("built-in", "passed-over"),
        ("static", "in-use"),
    ]


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


RUNS_FOR = 2 * HOUR
WEEK = timedelta(days=7)


def a_request(number: int) -> JobRequest:
    """Two hours of work with a deadline between six and thirty hours away, every third one interruptible."""
    return JobRequest(
        argv=("python", "train.py"),
        workdir="/home/anna",
        env={},
        gpus=1,
        duration=RUNS_FOR,
        power=Power(300),
        within=(6 + 8 * (number % 4)) * HOUR,
        interruptible=number % 3 == 0,
    )


@pytest.mark.long
def test_a_week_long_outage_of_the_first_provider_costs_no_missed_deadline_and_mixes_no_series(server, clock, tmp_path):
    """Real client, chain, planner, dispatcher and database; jobs keep coming; the outage is total and lasts a week.

    All of it is planned with a forecast: the provider's last one, then ours from its history. When the provider is
    back every job is settled with the series that it was planned with, and so is what it would have emitted at once.
    """
    jobs = 8 + 7 * 4
    script = {n: [Outcome(lasts=RUNS_FOR, power=Power(300))] for n in range(1, jobs + 1)}
    neso = SourceSettings(zone="GB", provider="uk-neso", base_url=server.url("uk-neso"), attempts=1)
    links = [open_source(neso, clock), open_source(SourceSettings(zone="GB", provider="static"), clock)]

    async def weeks() -> tuple[WholeDaemon, list[str]]:
        store = open_store(tmp_path / "carbonq.db")
        daemon = WholeDaemon(clock, None, script, gpus=2, store=store, chain=Chain(links, clock))
        daemon.settle_every = 12 * HOUR
        planned_with = []

        async def submit_for(length: timedelta, numbers: range) -> None:
            for number in numbers:
                await daemon.submitted(a_request(number))
                await daemon.until(clock.now() + length / len(numbers), timedelta(minutes=45))
                planned_with.append(grid_now(daemon.desk.case()).link.value)

        await submit_for(timedelta(days=1), range(4))
        server.faults.turn_on(Fault.SERVER_ERROR)
        await submit_for(WEEK, range(4, 4 + 28))
        server.faults.turn_off()
        await submit_for(timedelta(days=1), range(32, 36))
        await daemon.until(clock.now() + timedelta(days=4), 2 * HOUR)
        await daemon.chain.close()
        return daemon, planned_with

    daemon, planned_with = asyncio.run(weeks())
    ended = daemon.store.jobs(JobQuery())
    assert len(ended) == jobs
    assert [job.id for job in ended if job.state is not JobState.COMPLETED or job.ended_at > job.finish_by] == []
    assert set(planned_with[:4]) == {"provider"} and planned_with[-1] == "provider"
    assert set(planned_with[4:31]) == {"provider", "built-in"}, "never without a forecast, never the constant"
    statements = daemon.store.statements([job.id for job in ended])
    assert {statement.key.source for statement in statements.values()} == {"uk-neso"}
    assert {statement.settlement for statement in statements.values()} == {Settlement.FINAL}
    saved = sum(statement.difference.grams for statement in statements.values())
    assert saved > 0
    daemon.store.close()
