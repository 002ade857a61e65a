"""Timers, the only place of APScheduler. A timer is a hint to look again; the database says what is true.

Late or missed timers run once, at once (its default drops a job that is a second late); all times are UTC, because a
daily timer in a zone with summer time fires twice or not at all on two days of the year. It counts by the wall clock:
where that is set back by an hour, every timer is brought forward by an hour, for else none would fire until then.
"""

from __future__ import annotations

import asyncio
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


_LOOK_EVERY = timedelta(seconds=1)
_STEP = timedelta(seconds=1)
"""What a clock loses in one look and more is a step back; less is a clock being steered."""


class Timers:
    def __init__(self, now: Callable[[], datetime], look_every: timedelta = _LOOK_EVERY) -> None:
        """`now`: the wall clock, looked at each `look_every` of the loop's own, which nobody sets."""
        self._now, self._look_every = now, look_every
        self._ahead_s: float | None = None
        """By how much the wall clock is ahead of the loop's."""
        self._next_look: asyncio.TimerHandle | None = None
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
        self._look_at_clock()

    def stop(self) -> None:
        if self._next_look is not None:
            self._next_look.cancel()
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _look_at_clock(self) -> None:
        loop = asyncio.get_running_loop()
        ahead_s = self._now().timestamp() - loop.time()
        back = timedelta(seconds=0 if self._ahead_s is None else self._ahead_s - ahead_s)
        self._ahead_s = ahead_s
        if back > _STEP:
            logger.warning("the clock was set back", extra={"by_s": round(back.total_seconds())})
            for timer in self._scheduler.get_jobs():
                timer.modify(next_run_time=timer.next_run_time - back)
        self._next_look = loop.call_later(self._look_every.total_seconds(), self._look_at_clock)


def _report(event: JobExecutionEvent) -> None:
    """What carbonq has words for needs no traceback: the next firing tries again."""
    foreseen = isinstance(event.exception, CarbonqError | OSError)
    facts = {"timer": event.job_id, "reason": str(event.exception)}
    logger.error("timer failed", extra=facts, exc_info=None if foreseen else event.exception)
