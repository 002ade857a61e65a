"""Every fault of the loopback grid, met by client, poller and database: a stated state, no interval lost or doubled."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.clock import NOON, FakeClock
from fakes.grid_server import KEYS, Fault, grid_server, made_up_series

from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.grid_poller import GridPoller
from scheduler.daemon.writer import Writer
from scheduler.domain.intervals import Interval
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.presenting.grid import freshness
from scheduler.service_views.grid import Freshness
from scheduler.storage import open_store

HOUR = timedelta(hours=1)
PROVIDERS = {"uk-neso": "GB", "energy-charts": "DE", "electricity-maps": "DE"}
HARMLESS = {
    Fault.CONTENT_TYPE,
    Fault.CLOCK_SKEW,
    Fault.DUPLICATE,
    Fault.MISSING_SLOT,
    Fault.NULL,
    Fault.LATE,
    Fault.REVISED,
    Fault.MODEL_SWITCH,
}
"""What a good answer may hold: it stays fresh, with holes where something is not known."""
NOT_TOLD = {("energy-charts", Fault.WRONG_ZONE), ("uk-neso", Fault.WRONG_ZONE)}
"""Answers that do not say for which zone they are."""


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("fault", Fault)
def test_a_fault_is_stated_while_it_lasts_and_leaves_nothing_behind(
    tmp_path: Path, provider: str, fault: Fault
) -> None:
    """Stale with the reason, the last good forecast kept; when it is over, fresh, and every interval once."""
    clock = FakeClock(NOON)

    async def act() -> tuple[Freshness, str | None, Freshness, list[Interval]]:
        writer = Writer()
        store = await writer(open_store, tmp_path / "carbonq.db")
        with grid_server(clock.now, made_up_series(NOON, days=4)) as server:
            settings = SourceSettings(
                zone=PROVIDERS[provider],
                provider=provider,
                base_url=server.url(provider),
                credentials=KEYS,
                attempts=1,
                timeout=timedelta(seconds=2 if fault in (Fault.STALL, Fault.DRIP) else 10),
            )
            source = open_source(settings, clock)
            poller = GridPoller(source, store, writer, clock, HOUR, lambda: None, chance=lambda: 0.0)
            desk = GridDesk(poller, store, clock, timedelta(hours=12), ())

            async def polled() -> tuple[Freshness, str | None]:
                await poller.poll()
                case = await writer(desk.case)
                return freshness(case), case.last_error

            try:
                assert await polled() == (Freshness.FRESH, None)
                clock.advance(HOUR)
                server.faults.turn_on(fault)
                during, reason = await polled()
                server.faults.turn_off()
                clock.advance(HOUR)
                after, _ = await polled()
                day = Interval(clock.now() - 24 * HOUR, clock.now())
                stored = await writer(store.observations, source.capabilities.key, day)
                return during, reason, after, [row.interval for row in stored]
            finally:
                await source.close()
                await writer(store.close)
                writer.close()

    during, reason, after, intervals = asyncio.run(act())
    if fault in HARMLESS or (provider, fault) in NOT_TOLD:
        assert (during, reason) == (Freshness.FRESH, None)
    else:
        assert during is Freshness.STALE
        assert reason
    assert after is Freshness.FRESH
    assert all(before.end == later.start for before, later in pairwise(intervals))
    assert intervals[-1].end - intervals[0].start >= 23 * HOUR
