"""Timers, the only place of APScheduler. A timer is a hint to look again; the database says what is true.

Late or missed timers run once, at once (its default drops a job that is a second late); all times are UTC, because a
daily timer in a zone with summer time fires twice or not at all on two days of the year.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger

from scheduler.domain.errors import CarbonqError

logger = logging.getLogger(__name__)

Action = Callable[[], Awaitable[None]]


class Timers:
    def __init__(self) -> None:
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        self._scheduler = AsyncIOScheduler(timezone=UTC, job_defaults=defaults)
        self._scheduler.add_listener(_report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
        # One line a tick would drown the journal.
        logging.getLogger("apscheduler").setLevel(logging.WARNING)

    def every(self, name: str, interval: timedelta, action: Action, jitter: timedelta = timedelta(0)) -> None:
        """Run `action` each `interval`, moved by up to `jitter` so that installations do not ask in step."""
        trigger = IntervalTrigger(seconds=interval.total_seconds(), jitter=jitter.total_seconds() or None, timezone=UTC)
        self._scheduler.add_job(action, trigger, id=name, name=name, replace_existing=True)

    def at(self, name: str, moment: datetime, action: Action) -> None:
        """Run `action` once at `moment`; a timer of the same name is replaced."""
        self._scheduler.add_job(action, DateTrigger(moment, timezone=UTC), id=name, name=name, replace_existing=True)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)


def _report(event: JobExecutionEvent) -> None:
    """What carbonq has words for needs no traceback: the next firing tries again."""
    foreseen = isinstance(event.exception, CarbonqError | OSError)
    facts = {"timer": event.job_id, "reason": str(event.exception)}
    logger.error("timer failed", extra=facts, exc_info=None if foreseen else event.exception)
