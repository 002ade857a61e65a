"""carbonq: all jobs together under prices for places, with a bound that says how near the best possible this is.

Lagrangian decomposition: every job answers prices with its cheapest placement; prices move until places suffice; the
jobs' answers prove the bound; placing them in turn and letting them choose again as prices fade gives the plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from scheduler.planning.board import Board
from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.decomposition.joint import Effort, kept, solve
from scheduler.planning.decomposition.queue_arrays import QueueArrays, queue_arrays
from scheduler.planning.decomposition.searching import Trials, improved
from scheduler.planning.demand import Schedule
from scheduler.planning.guard import first_sound, late_jobs
from scheduler.planning.hysteresis import settled
from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.suspend_resume import suspend_resume
from scheduler.planning.queue import pull_forward
from scheduler.planning.situation import Outcome, Situation

_UNCOMPILED = 1_500
"""Jobs times pieces beyond which the loops in plain Python would keep people waiting."""
_HOUR = 3_600_000_000
_BESIDE_AN_HOUR = 240
"""Trials of a few jobs at once, beside what is expected, for each hour since the last plan, and for at most one."""


def carbonq(situation: Situation, outlook: Outlook) -> Outcome:
    arrays = queue_arrays(situation, outlook)
    if not COMPILED and len(situation.demands) * arrays.pieces.rate.size > _UNCOMPILED:
        note = "planned by suspend-resume, without a bound: so many jobs are planned jointly only by compiled loops"
        return Outcome(suspend_resume(situation, outlook).schedule, notes=(note,))
    queue = arrays.queue(situation.previous, situation.place_prices)
    settings = situation.settings
    go_on = settings.time_limit() if settings.time_limit is not None else None
    effort = Effort(
        trials=trials_for(situation, known=queue.announced is not None),
        reserve=settings.reserve,
        hurries_late=settings.hurries_late,
        thorough=settings.thorough,
        go_on=go_on,
        prove=settings.told,
    )
    joint = solve(queue, effort)
    jointly = arrays.schedule(joint.placed)
    if queue.wanted is not None and _late_for_nothing(jointly, situation):
        without = solve(queue._replace(wanted=None), effort)
        tight = arrays.schedule(without.placed)
        if len(late_jobs(tight, situation)) < len(late_jobs(jointly, situation)):
            joint, jointly = without, tight
    announced = None
    if settings.patient and queue.announced is not None:
        announced = arrays.schedule(kept(queue, joint.prices, effort))
    schedule = first_sound(_attempts(jointly, announced, arrays, situation, outlook), situation)
    # The bound supposes that the jobs in time are those of the joint schedule; of any others it says nothing.
    proven = joint.bound_g > -inf and late_jobs(schedule, situation) <= late_jobs(jointly, situation)
    return Outcome(
        schedule,
        # In plain Python the bound is a number of numpy's, which no record takes.
        lower_bound_g=float(joint.bound_g + arrays.settled_g) if proven else None,
        job_prices=arrays.job_prices(schedule, joint.prices) if settings.told else {},
        place_prices=arrays.place_prices(joint.prices),
    )


def trials_for(situation: Situation, known: bool) -> Trials:
    """Fewer where jobs are known, for the search begins where the last one ended.

    Beside what is expected fewer, too, where that was just now: then the next plan is likely to be as near.
    """
    alone = Effort().trials.alone
    passed = _HOUR if situation.previous_at is None else min(max(situation.now - situation.previous_at, 0), _HOUR)
    return Trials(alone // 2 if known else alone, _BESIDE_AN_HOUR * passed // _HOUR)


def _late_for_nothing(schedule: Schedule, situation: Situation) -> bool:
    """Whether a job is late that alone could be in time: others' margins may be in its way."""
    late = late_jobs(schedule, situation)
    return any(d.id in late and d.earliest + d.work <= d.due for d in situation.demands)


def _attempts(
    jointly: Schedule, announced: Schedule | None, arrays: QueueArrays, situation: Situation, outlook: Outlook
) -> Iterator[Schedule]:
    """The plan we would like best, first."""
    if situation.settings.patient or any(d.run_now and not d.running for d in situation.demands):
        patient = settled(jointly, announced, situation, outlook)
        yield pull_forward(Board(situation, patient), situation)
        yield patient
    yield jointly
    queue = arrays.queue_with_margins()
    yield arrays.schedule(improved(queue, arrays.placements(situation.run_now)))
