"""Draws up the statements: so far while a job runs, provisional when it ends, final once the grid has the last word."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from scheduler.accounting.intensity import IntensityHistory, intensity_history
from scheduler.accounting.recheck import stretches
from scheduler.accounting.statement import Metered, Terms, restated, settle
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.parts import Parts
from scheduler.daemon.recorded_queue import RecordedQueue, Start
from scheduler.domain.carbon import SeriesKey, SourceCapabilities
from scheduler.domain.errors import StorageError
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Job
from scheduler.domain.statements import EmissionsStatement, Settlement
from scheduler.ports import JobQuery

logger = logging.getLogger(__name__)

FORECAST_LOOK_BACK = timedelta(days=4)
"""Forecasts issued this long before an interval may still be the newest word on it."""


class Settler:
    """Statements of one installation. What it computes runs on the writer thread, beside the store."""

    def __init__(self, parts: Parts, desk: GridDesk) -> None:
        self._parts, self._desk, self._queue = parts, desk, RecordedQueue(parts)
        self._woken = asyncio.Event()
        self._asked: dict[tuple[SeriesKey, datetime], tuple[Interval, datetime]] = {}
        """By series and start: what was asked for last, and when it is asked for again."""
        self._unreckonable: dict[int, str] = {}

    def wake(self) -> None:
        """A job has ended: its statement can be drawn up."""
        self._woken.set()

    async def run(self) -> None:
        """Settle whenever woken, until cancelled; the timer settles what waits for the grid."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            await self.settle_due()

    async def settle_due(self) -> None:
        """Every ended job whose statement is missing or not final; the grid is asked once for all of the same days."""
        try:
            jobs = await self._parts.writer(self._unsettled)
            begun = await self._parts.writer(self._queue.starts, jobs)
            for key, missing in await self._parts.writer(self._missing, jobs, begun):
                await self._ask_for(key, missing)
            await self.each(jobs, lambda job: self._settle(job, begun))
        except StorageError as error:
            # The statements are not lost: what is not settled is found again by the next round.
            logger.warning("statements could not be settled", extra={"reason": str(error)})

    async def _ask_for(self, key: SeriesKey, missing: Interval) -> None:
        """Again only as often as the provider is polled, and where it answers ever more rarely: what nobody published
        for a week does not come sooner for asking."""
        now, poll = self._parts.clock.now(), self._parts.settings.grid.poll
        seldom = now + max(poll, (now - missing.end) * _PATIENCE)
        asked, again_at = self._asked.get((key, missing.start), (None, now))
        # A moment beyond that was noted before the clock was set back.
        if missing == asked and now < again_at <= seldom:
            return
        self._asked[key, missing.start] = missing, now + poll
        if await self._desk.poller.fetch(missing, key):
            self._asked[key, missing.start] = missing, seldom

    async def each(self, jobs: Iterable[Job], work: Callable[[Job], None]) -> None:
        """`work` on the writer thread for one job after another."""
        for job in jobs:
            await self._one(job, work)

    async def _one(self, job: Job, work: Callable[[Job], None]) -> None:
        try:
            await self._parts.writer(work, job)
        except StorageError:
            raise
        except Exception as error:
            # One job whose record cannot be reckoned with must not keep the others from their statements.
            if self._unreckonable.get(job.id) != repr(error):
                logger.error("statement failed", extra={"job": job.id}, exc_info=error)
            self._unreckonable[job.id] = repr(error)

    def statements_so_far(self, jobs: Sequence[Job]) -> dict[int, EmissionsStatement]:
        """What each has emitted until now, nothing recorded; on the writer thread."""
        starts = self._queue.starts_so_far(jobs)
        return {job.id: self._drawn_up(job, self._terms(job), Start(starts[job.id], settled=False)) for job in jobs}

    def statement_so_far(self, job: Job) -> EmissionsStatement:
        return self.statements_so_far([job])[job.id]

    def restate_if_revised(self, job: Job) -> None:
        """A final statement again, if an intensity it rests on was published anew since; on the writer thread."""
        previous = self._parts.store.statement(job.id)
        if previous is not None and previous.key is not None and self._revised_since(previous, previous.key, job):
            self._restate(job, previous)

    def recompute(self, job: Job) -> None:
        """Its statement again from all that is recorded; the same facts add nothing. On the writer thread."""
        previous = self._parts.store.statement(job.id)
        if previous is None or previous.settlement is not Settlement.FINAL or previous.key is None:
            self._settle(job, self._queue.starts([job]))
        else:
            self._restate(job, previous)

    def key_of(self, job: Job) -> SeriesKey:
        """The series that its statement rests on, or will; on the writer thread."""
        previous = self._parts.store.statement(job.id)
        if previous is not None and previous.settlement is Settlement.FINAL and previous.key is not None:
            return previous.key
        return self._source(job).key

    def span(self, job: Job) -> Interval:
        """The time whose intensity the statement of an ended job rests on."""
        previous = self._parts.store.statement(job.id)
        return self._span(job, self._start_known(job, previous), self._parts.clock.now())

    def _restate(self, job: Job, previous: EmissionsStatement) -> None:
        """Only intensity and energy are looked at again. What else it was drawn up under stays: settings, machine and
        queue of today hold for jobs of today."""
        assert previous.key is not None
        terms = replace(
            _kept_terms(self._terms(job), previous),
            key=previous.key,
            claims_savings=previous.at_submission_emissions is not None,
        )
        start = Start(self._start_known(job, previous), settled=True)
        statement = restated(previous, self._drawn_up(job, terms, start))
        if self._parts.store.add_statement(statement):
            logger.info("statement restated", extra={"job": job.id, **_figures(statement)})

    def _revised_since(self, previous: EmissionsStatement, key: SeriesKey, job: Job) -> bool:
        observations = self._parts.store.observations(key, self.span(job))
        # What came in the very moment it was computed may have been missed; the same facts add nothing.
        return any(observation.fetched_at >= previous.computed_at for observation in observations)

    def _unsettled(self) -> tuple[Job, ...]:
        ids = self._parts.store.unsettled_jobs()
        return self._parts.store.jobs(JobQuery(ids=tuple(ids))) if ids else ()

    def _missing(self, jobs: tuple[Job, ...], begun: Mapping[int, Start]) -> list[tuple[SeriesKey, Interval]]:
        """Past stretches that statements need and of which the store lacks the grid's last word, by series."""
        now = self._parts.clock.now()
        spans: dict[SeriesKey, list[Interval]] = {}
        for job in jobs:
            span = self._span(job, begun[job.id].moment, now)
            past = Interval(span.start, max(span.start + _MOMENT, min(now, span.end)))
            spans.setdefault(self._source(job).key, []).append(past)
        needed = [(key, stretch) for key, of_key in spans.items() for stretch in stretches(of_key)]
        return [(key, each) for key, each in needed if self._history(key, each, now).final.coverage(each) < 1]

    def _source(self, job: Job) -> SourceCapabilities:
        """Of the series that the job was planned with; where that is no longer asked, or was none, the one in use."""
        return self._desk.source_of(job.series) or self._desk.capabilities

    def _settle(self, job: Job, begun: Mapping[int, Start]) -> None:
        previous = self._parts.store.statement(job.id)
        terms = self._terms(job) if previous is None else _kept_terms(self._terms(job), previous)
        statement = restated(previous, self._drawn_up(job, terms, begun[job.id]))
        if self._parts.store.add_statement(statement) and statement.settlement is Settlement.FINAL:
            logger.info("statement final", extra={"job": job.id, **_figures(statement)})

    def _drawn_up(self, job: Job, terms: Terms, start: Start) -> EmissionsStatement:
        store, now = self._parts.store, self._parts.clock.now()
        metered = Metered(job, store.segments(job.id), store.slices(job.id))
        history = self._history(terms.key, self._span(job, start.moment, now), now)
        statement = settle(metered, history, start.moment, terms, now, start_settled=start.settled)
        return _with_remark(statement, job)

    def _terms(self, job: Job) -> Terms:
        settings, source = self._parts.settings, self._source(job)
        return Terms(
            key=source.key,
            pue=settings.site.pue,
            claims_savings=source.claims_savings,
            switch=settings.queue.switch_cost,
        )

    def _start_known(self, job: Job, previous: EmissionsStatement | None) -> datetime:
        """That of its statement, where that tells one; else as the queue has it so far."""
        told = previous.run_now_start if previous is not None else None
        return told or self._queue.starts_so_far([job])[job.id]

    def _span(self, job: Job, first: datetime, now: datetime) -> Interval:
        """From the earliest to the latest moment at which the job did, or would have, drawn power."""
        start = min(first, job.submitted_at)
        ran = self._queue.length(job, now) or _MOMENT
        return Interval(start, max(job.ended_at or now, first + ran, start + _MOMENT))

    def _history(self, key: SeriesKey, span: Interval, now: datetime) -> IntensityHistory:
        store, source = self._parts.store, self._desk.source_of(key) or self._desk.capabilities
        issued = Interval(span.start - FORECAST_LOOK_BACK, max(now, span.end) + _MOMENT)
        observations, forecasts = store.observations(key, span), store.forecasts(key, issued)
        return intensity_history(observations, forecasts, now, source.settle_after, source.estimates_settle_after)


_MOMENT = timedelta(milliseconds=1)
_PATIENCE = 1 / 24
"""Share of its age that a missing stretch is left alone: an hour after a day, seven after a week."""


def _kept_terms(terms: Terms, previous: EmissionsStatement) -> Terms:
    """A setting changed since holds for jobs that ended since."""
    return replace(terms, pue=previous.pue, switch=terms.switch if previous.switch is None else previous.switch)


def _with_remark(statement: EmissionsStatement, job: Job) -> EmissionsStatement:
    """Plan, baseline and settlement are of one series; where that could not be kept, the statement says so."""
    if job.series is None or statement.key is None or statement.key == job.series:
        return statement
    remark = f"planned with {job.series}, which is no longer asked; settled with {statement.key}"
    return replace(statement, note=remark if statement.note is None else f"{remark}. {statement.note}")


def _figures(statement: EmissionsStatement) -> dict[str, float | None]:
    return {
        "energy_kwh": statement.energy.kwh if statement.energy else None,
        "emissions_g": statement.emissions.grams if statement.emissions else None,
        "difference_g": statement.difference.grams if statement.difference else None,
    }
