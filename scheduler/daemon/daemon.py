"""The daemon's life: start everything in order, run until told to stop, stop everything in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from scheduler.daemon.agent_keeper import AgentKeeper
from scheduler.daemon.cleaning import Cleaner
from scheduler.daemon.dispatcher import Dispatcher
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.health import status_line
from scheduler.daemon.notify import ServiceNotifier
from scheduler.daemon.parts import Parts
from scheduler.daemon.review import Reviewer
from scheduler.daemon.settlement import Settler
from scheduler.daemon.timers import Timers
from scheduler.daemon.warm_up import WarmUp
from scheduler.domain.errors import StorageError

logger = logging.getLogger(__name__)

_REVIEW_EVERY = timedelta(hours=1)
_FIRST_REVIEW = timedelta(minutes=2)
"""After the start: a machine that is never on for an hour has its statements reviewed, too."""
_CLEAN_EVERY, _FIRST_CLEANING = timedelta(hours=1), timedelta(minutes=3)
_FIRST_LOOK_WITHIN = timedelta(seconds=30)
_LATE_BEAT = 20
"""Ticks without a finished beat after which the watchdog is no longer told that all is well."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """Everything that runs, wired in bootstrap. `serve` answers the API until `stop_serving`."""

    parts: Parts
    dispatcher: Dispatcher
    desk: GridDesk
    settler: Settler
    reviewer: Reviewer
    cleaner: Cleaner
    keeper: AgentKeeper | None
    warming: WarmUp | None
    notifier: ServiceNotifier
    serve: Callable[[], Coroutine[Any, Any, None]]
    stop_serving: Callable[[], None]

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. Runs go on: they belong to their supervisors."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        timers = self._timers()
        try:
            await self._work(timers, stop)
        finally:
            timers.stop()
            await self._close()

    async def _work(self, timers: Timers, stop: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            loops = [group.create_task(work) for work in self._loops()]
            timers.start()
            self.notifier.ready(await self.parts.writer(status_line, self.parts))
            logger.info("daemon ready", extra={"socket": str(self.parts.paths.api_socket)})
            await stop.wait()
            self.notifier.stopping()
            timers.stop()
            self.stop_serving()
            for running in loops:
                running.cancel()

    def _loops(self) -> list[Coroutine[Any, Any, None]]:
        loops = [self.serve(), self.dispatcher.run(), self.settler.run(), self.desk.poller.poll_if_due(), self._tidy()]
        if self.keeper is not None:
            loops.append(self.keeper.keep())
        return [*loops, self.warming.run()] if self.warming is not None else loops

    async def _tidy(self) -> None:
        """Once, with what the daemon before left; the worker, which has its part in it, is waited for."""
        await self.dispatcher.machine_seen(_FIRST_LOOK_WITHIN)
        await self.cleaner.drop_leftovers()

    def _timers(self) -> Timers:
        timers, settings = Timers(self.parts.clock.now), self.parts.settings
        poll = min(settings.grid.poll, timedelta(seconds=30))
        timers.every("grid", poll, self.desk.poller.poll_if_due, jitter=poll / 5)
        timers.every("settlement", settings.daemon.settle_every, self.settler.settle_due)
        timers.at("first-review", self.parts.clock.now() + _FIRST_REVIEW, self.reviewer.review_due)
        timers.every("review", _REVIEW_EVERY, self.reviewer.review_due)
        timers.at("first-cleaning", self.parts.clock.now() + _FIRST_CLEANING, self.cleaner.clean_due)
        timers.every("cleaning", _CLEAN_EVERY, self.cleaner.clean_due)
        timers.every("backup", settings.daemon.backup_every, self._back_up)
        if (interval := self.notifier.watchdog_interval) is not None:
            timers.every("watchdog", interval, self._say_alive)
        return timers

    async def _say_alive(self) -> None:
        """Only while beats finish and the writer answers: a timer that runs alone proves nothing."""
        line = await self.parts.writer(status_line, self.parts)
        since_beat = self.dispatcher.since_beat()
        if since_beat is None or since_beat < max(timedelta(seconds=30), self.parts.settings.daemon.tick * _LATE_BEAT):
            self.notifier.alive()
            self.notifier.status(line)

    async def _back_up(self) -> None:
        folder = self.parts.paths.state / "backups"
        folder.mkdir(mode=0o700, exist_ok=True)
        await self.parts.writer(self.parts.store.backup, str(folder / "daily.db"))

    async def _close(self) -> None:
        if self.warming is not None:
            await self.warming.stop()
        if self.keeper is not None:
            await self.keeper.stop()
        with contextlib.suppress(Exception):
            await self.parts.executor.close()
        with contextlib.suppress(Exception):
            await self.desk.poller.source.close()
        try:
            await self.parts.writer(self.parts.store.close)
        except StorageError as error:
            # All that was committed is in the log beside the database; the next start takes it in.
            logger.warning("the database could not be closed", extra={"reason": str(error)})
        self.parts.writer.close()
        logger.info("daemon stopped")
