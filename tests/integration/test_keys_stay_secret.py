"""A provider's key goes to its provider and nowhere else: not into a log, an error, an answer or the database."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from fakes.clock import NOON, FakeClock
from fakes.executor import Outcome
from fakes.grid_server import KEY, KEYS, Fault, LoopbackServer, grid_server
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler.daemon.logging_setup import FactsFormatter
from scheduler.domain.intervals import Interval
from scheduler.grid.chain import Chain
from scheduler.grid.provider_views import provider_views
from scheduler.grid.registry import open_source
from scheduler.grid.settings import SourceSettings
from scheduler.service_views.requests import SeriesChoice
from scheduler.storage import open_store

ZONES = {
    "electricity-maps": "DE",
    "watttime": "CAISO_NORTH",
    "eia": "US-CISO",
    "entsoe": "NO-NO1",
    "openelectricity": "AU-NSW",
}
FAULTS = (
    None,
    Fault.UNAUTHORISED,
    Fault.FORBIDDEN_HTML,
    Fault.SERVER_ERROR,
    Fault.HTML,
    Fault.TRUNCATED,
    Fault.REDIRECT,
    Fault.HANG_UP,
    Fault.NAN,
)
WRONG = "wr0ng-but-still-s3cret"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """All that any library logs, at the most talkative, as the daemon would write it."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.setFormatter(FactsFormatter(under_systemd=False))
    root = logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield text
    root.removeHandler(handler)
    root.setLevel(before)


def keys(secret: str) -> dict[str, str]:
    return {name: value if name == "watttime_user" else secret for name, value in KEYS.items()}


async def lived_through(
    server: LoopbackServer, provider: str, secret: str, database: Path
) -> tuple[list[Any], WholeDaemon]:
    """Every fault once, polled, planned and settled with; all that the API would answer after each."""
    clock = FakeClock(NOON)
    settings = SourceSettings(
        zone=ZONES[provider],
        provider=provider,
        base_url=server.url(provider),
        credentials=keys(secret),
        attempts=1,
    )
    chain = Chain([open_source(settings, clock)], clock)
    daemon = WholeDaemon(clock, None, {1: [Outcome()]}, store=open_store(database), chain=chain)
    answers: list[Any] = [repr(settings), str(settings)]
    for fault in FAULTS:
        server.faults.turn_off()
        if fault is not None:
            server.faults.turn_on(fault)
        await daemon.poller.poll()
        await daemon.dispatcher.beat()
        await daemon.settler.settle_due()
        answers += [daemon.poller.status, await answered(daemon, settings)]
    await chain.close()
    return answers, daemon


async def answered(daemon: WholeDaemon, settings: SourceSettings) -> str:
    """As JSON, which is what `--json` prints."""
    service, day = daemon.service, Interval(NOON, daemon.clock.now().replace(day=24))
    now = await service.grid_now(ANNA)
    views = [
        now,
        await service.grid_forecast(ANNA),
        await service.grid_observations(ANNA, SeriesChoice(), day, None, True),
        await service.status(ANNA),
        *provider_views(now, settings.credentials),
    ]
    return json.dumps([asdict(view) for view in views], default=str)


@pytest.mark.parametrize("provider", ZONES)
@pytest.mark.parametrize("secret", [KEY, WRONG], ids=["good key", "wrong key"])
def test_a_key_is_in_no_log_no_answer_and_not_in_the_database(
    provider: str, secret: str, tmp_path: Path, log: io.StringIO
) -> None:
    database = tmp_path / "carbonq.db"
    with grid_server(lambda: NOON) as server:
        answers, daemon = asyncio.run(lived_through(server, provider, secret, database))
    said = "\n".join(map(str, answers))
    daemon.store.close()
    assert daemon.poller.status.last_error, "the faults did something"
    assert secret not in said
    assert secret not in log.getvalue()
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes(), file
