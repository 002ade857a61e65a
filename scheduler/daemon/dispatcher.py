"""The daemon's heartbeat: look at the runs, plan again where that is called for, start and stop what the plan says.

Everything here loads, asks a pure room, and writes or sends. What a crash leaves half done is judged again, from the
disk and the database, by the next beat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import perf_counter

from scheduler.daemon.carrying_out import carry_out, note_failing
from scheduler.daemon.expectation import Expectation
from scheduler.daemon.parts import Parts
from scheduler.daemon.price_desk import PriceDesk
from scheduler.daemon.running_times import RunningTimes
from scheduler.daemon.watching import Looked, look, look_at_machine, triggers
from scheduler.dispatch.dependencies import dependency_verdict, known_states
from scheduler.dispatch.problem import Weights, build_problem
from scheduler.dispatch.reasons import waiting_reason
from scheduler.dispatch.reconcile import Instruction, reconcile
from scheduler.dispatch.replanning import ReplanRules, ReplanState, Trigger, is_overtaken, on_event
from scheduler.dispatch.wakeup import next_wakeup
from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import CarbonqError, StorageError
from scheduler.domain.gpus import Inventory
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import NOT_ENDED, WAITING, JobEvent, JobState
from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.domain.runs import Segment
from scheduler.planning import HEED_EXPECTED, STAND_IN
from scheduler.planning import plan as make_plan
from scheduler.planning.arrivals import LOOK_AGAIN
from scheduler.planning.settings import STEADY
from scheduler.ports import JobQuery

logger = logging.getLogger(__name__)

_LOOK_AT_MACHINE_EVERY = timedelta(seconds=15)
_QUICK_PLAN = timedelta(milliseconds=100)
_SHORTEST_PAUSE = timedelta(milliseconds=5)
_WORTH_THE_WAIT = 10
"""Times as long as the last plan took, jobs may outlive it before it is made again for that alone."""


@dataclass(frozen=True, slots=True)
class Queue:
    """What the database says at one moment: jobs that have not ended, open segments, and states others wait for."""

    jobs: tuple[Job, ...]
    segments: tuple[Segment, ...]
    ended: dict[int, JobState]


class Dispatcher:
    """One beat at a time; `wake` asks for the next one at once."""

    def __init__(
        self,
        parts: Parts,
        forecast: Callable[[datetime], CarbonForecast | None],
        on_job_end: Callable[[], None],
        prices: PriceDesk,
        stopwatch_s: Callable[[], float] = perf_counter,
    ) -> None:
        """`forecast` gives what to plan on, on the writer thread; `on_job_end` is told when a segment is over.

        `stopwatch_s` times each plan: while plans are quick, whoever submits is answered with one at once. It tells
        how long ago a beat was finished, too: nobody can set it, and it stands still while the machine sleeps.
        """
        planning = parts.settings.planning
        self._parts, self._forecast, self._on_job_end = parts, forecast, on_job_end
        self._rules = ReplanRules(debounce=planning.debounce, longest_plan=LOOK_AGAIN)
        self._planning = replace(
            STEADY, start_gain=planning.start_gain_pct / 100, move_gain=planning.move_gain_pct / 100
        )
        self._expected, self._prices, self._stopwatch_s = Expectation(parts.store), prices, stopwatch_s
        self.running_times = RunningTimes(parts.store, parts.settings.queue.assumed_duration)
        self._replan = ReplanState()
        self._events: list[Trigger] = [Trigger.INVENTORY]
        self._beat_lock = asyncio.Lock()
        self._woken, self._machine_seen = asyncio.Event(), asyncio.Event()
        self._failures = parts.live.start_failures
        self._waiting: tuple[Job, ...] = ()
        self._machine_seen_at: datetime | None = None
        self._instruction_faults: dict[Instruction, str] = {}
        self._beaten_s: float | None = None

    def wake(self, trigger: Trigger) -> None:
        self._events.append(trigger)
        self._woken.set()

    async def machine_seen(self, within: timedelta) -> bool:
        """Whether the worker has said what it has; waited for, because a daemon just started may not know yet."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._machine_seen.wait(), within.total_seconds())
        return self._machine_seen.is_set()

    async def run(self) -> None:
        """Beat until cancelled: each tick, at the next planned start or stop, and whenever woken."""
        while True:
            await self.beat()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._pause().total_seconds())

    async def beat(self) -> None:
        """One look, plan and carrying out. A failing disk is reported and tried again by the next beat."""
        async with self._beat_lock:
            self._woken.clear()
            try:
                await self._look()
                try:
                    await self._plan_if_called_for()
                except Exception:
                    # Jobs that are due, or planned before, do not wait for a plan that cannot be made.
                    await self._carry_out()
                    raise
                await self._carry_out()
                self._note_if_overtaken()
                self._parts.live.storage_error, self._parts.live.fault = None, None
                self._beaten_s = self._stopwatch_s()
            except StorageError as error:
                self._note_storage_error(str(error))
            except Exception as error:
                # A beat that fails again and again is no beat: none is finished, and the watchdog restarts us.
                self._note_fault(error)

    def since_beat(self) -> timedelta | None:
        """How long ago a beat was finished; None before the first."""
        return None if self._beaten_s is None else timedelta(seconds=self._stopwatch_s() - self._beaten_s)

    def _note_storage_error(self, reason: str) -> None:
        if reason != self._parts.live.storage_error:
            logger.error("the database cannot be written", extra={"reason": reason})
        self._parts.live.storage_error = reason

    def _note_fault(self, error: Exception) -> None:
        """The same fault is logged once, however often it makes a beat fail."""
        if repr(error) != self._parts.live.fault:
            logger.error("beat failed", exc_info=error)
        self._parts.live.fault = repr(error)

    def _note_instruction_fault(self, instruction: Instruction, error: Exception) -> None:
        """Once for as long as it fails in the same way; what carbonq has words for needs no traceback."""
        if self._instruction_faults.get(instruction) == repr(error):
            return
        facts = {"instruction": str(instruction), "reason": str(error)}
        logger.error("instruction failed", extra=facts, exc_info=None if isinstance(error, CarbonqError) else error)

    async def plan_now(self) -> None:
        """Plan at once for someone who waits for the answer, unless planning takes so long that a burst must share."""
        if self._parts.live.plan_took < _QUICK_PLAN:
            self._replan = ReplanState()
        await self.beat()

    async def rehearse(self, job: Job) -> tuple[PlanningProblem, Plan] | None:
        """The plan as it would be with a job that is not recorded; None before the worker has been seen."""
        inventory, now = self._parts.live.inventory, self._parts.clock.now()
        if inventory is None:
            return None
        queue = await self._parts.writer(self._load_queue)
        with_it = replace(queue, jobs=(*queue.jobs, job))
        problem = await self._parts.writer(self._problem, with_it, inventory, now)
        return problem, await self._planned(problem)

    def _pause(self) -> timedelta:
        now = self._parts.clock.now()
        upcoming = next_wakeup(self._parts.live.plan, self._waiting, now)
        tick = self._parts.settings.daemon.tick
        return tick if upcoming is None else min(tick, max(upcoming - now, _SHORTEST_PAUSE))

    async def _look(self) -> None:
        now = self._parts.clock.now()
        seen_at = self._machine_seen_at
        if seen_at is None or not timedelta(0) <= now - seen_at < _LOOK_AT_MACHINE_EVERY:
            if await look_at_machine(self._parts):
                self._events.append(Trigger.INVENTORY)
            if self._parts.live.agent_error is None:
                self._machine_seen_at = now
                self._machine_seen.set()
        if await self._parts.writer(self._prices.look):
            self._parts.live.price_problem = self._prices.problem
            self._events.append(Trigger.PRICE)
        looked = await look(self._parts)
        self._events.extend(triggers(looked))
        await self._note_starts(looked)
        if any(result.observation.concluded for result in looked):
            self.running_times.forget()
            self._on_job_end()

    async def _note_starts(self, looked: Sequence[Looked]) -> None:
        """An order that was taken is no start yet: only what is seen to run has begun."""
        for result in looked:
            events = {step.event for step in result.observation.steps}
            if JobEvent.STARTED in events:
                self._failures.forget(result.job.id)
            elif JobEvent.NEVER_STARTED in events:
                known = self._failures.of(result.job.id)
                failing = self._failures.note_never_begun(result.segment, self._parts.clock.now())
                if failing is not known:
                    logger.warning("start failed", extra={"segment": str(result.segment), "reason": failing.reason})
                await self._parts.writer(note_failing, self._parts, result.job.id, failing)

    async def _plan_if_called_for(self) -> None:
        before, events, self._events = self._replan, self._events, []
        called_for = False
        for event in (*events, Trigger.TICK):
            decision = on_event(self._replan, event, self._parts.clock.now(), self._rules)
            self._replan, called_for = decision.state, called_for or decision.replan_now
        if not called_for:
            return
        try:
            await self._make_plan()
        except Exception:
            # What called for the plan still does: the next beat tries again.
            self._replan, self._events = before, [*events, *self._events]
            raise

    async def _make_plan(self) -> None:
        live, now = self._parts.live, self._parts.clock.now()
        if live.inventory is None:
            self._replan = ReplanState()
            self._events.append(Trigger.INVENTORY)
            return
        queue = await self._parts.writer(self._load_queue)
        problem = await self._parts.writer(self._problem, queue, live.inventory, now)
        began = self._stopwatch_s()
        plan = await self._planned(problem)
        live.problem, live.plan = problem, plan
        live.plan_took = timedelta(seconds=self._stopwatch_s() - began)
        await self._parts.writer(self._parts.store.add_plan, plan)
        await self._parts.writer(self._note_reasons, queue, plan, now)

    def _problem(self, queue: Queue, inventory: Inventory, now: datetime) -> PlanningProblem:
        forecast, rules = self._forecast(now), self._parts.settings.queue
        jobs = [job for job in queue.jobs if job.id not in self._failures.unfit]
        settings = self._parts.settings
        problem = build_problem(
            jobs, queue.segments, inventory, forecast, now, rules, queue.ended, self.running_times.of,
            settings.planning.deadline_confidence,
            Weights(settings.planning.patience_g_per_h, settings.site.pue, self._prices.price),
        )  # fmt: skip
        if self._policy() not in HEED_EXPECTED:
            return problem
        return replace(problem, expected=self._expected.at(now, inventory))

    async def _planned(self, problem: PlanningProblem) -> Plan:
        because = self._parts.live.stand_in_because
        announced = self._parts.live.plan or await self._parts.writer(self._parts.store.latest_plan)
        plan = await asyncio.to_thread(make_plan, problem, self._policy(), self._planning, announced)
        return plan if because is None else replace(plan, notes=(*plan.notes, because))

    def _policy(self) -> str:
        return self._parts.settings.planning.policy if self._parts.live.stand_in_because is None else STAND_IN

    def _load_queue(self) -> Queue:
        store = self._parts.store
        jobs = store.jobs(JobQuery(states=NOT_ENDED))
        known = {job.id for job in jobs}
        awaited = tuple({other for job in jobs for other in job.spec.after if other not in known})
        ended = {job.id: job.state for job in store.jobs(JobQuery(ids=awaited))} if awaited else {}
        return Queue(jobs, store.open_segments(), ended)

    def _note_reasons(self, queue: Queue, plan: Plan, now: datetime) -> None:
        """Keep the reason of every waiting job true, so that a list says why it waits."""
        states, store = known_states(queue.jobs, queue.ended), self._parts.store
        # Read anew: while the plan was made its user may have held or cancelled a job.
        for job in store.jobs(JobQuery(states=WAITING)):
            if job.id not in states or job.stop_requested is not None:
                continue
            reason = waiting_reason(job, dependency_verdict(job, states), plan.placement(job.id), now)
            if reason is not job.reason:
                store.change_job(job.id, now, JobChanges(reason=reason))

    async def _carry_out(self) -> None:
        live, now = self._parts.live, self._parts.clock.now()
        queue = await self._parts.writer(self._load_queue)
        self._failures.keep_only({job.id for job in queue.jobs})
        resting = self._failures.resting(now)
        instructions = reconcile(queue.jobs, queue.segments, live.plan, live.inventory, now, queue.ended, resting)
        jobs, self._waiting = {job.id: job for job in queue.jobs}, queue.jobs
        unfit_before = len(self._failures.unfit)
        faults: dict[Instruction, str] = {}
        for instruction in instructions:
            try:
                if await carry_out(self._parts, instruction, jobs, self._failures):
                    self._woken.set()
            except StorageError:
                raise
            except Exception as error:
                # Whatever is wrong with one, the others are carried out.
                faults[instruction] = repr(error)
                self._note_instruction_fault(instruction, error)
        self._instruction_faults = faults
        if len(self._failures.unfit) > unfit_before:
            self.wake(Trigger.FAILURE)

    def _note_if_overtaken(self) -> None:
        """The next beat plans again; this one has just looked, so it is in no hurry."""
        live = self._parts.live
        grace = max(self._rules.debounce, _WORTH_THE_WAIT * live.plan_took)
        if is_overtaken(live.plan, self._waiting, self._parts.clock.now(), grace):
            self._events.append(Trigger.OVERTAKEN)
