"""When to plan again: a reducer over what happens, and whether that is no longer what the plan expected."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import HOLDING_GPUS, WAITING
from scheduler.domain.plans import Placement, Plan

START_GRACE = timedelta(minutes=1)
"""Time after its planned start in which a job may still begin. Places that a plan counts on may be missing for long,
and no plan can change that (a worker that refuses, another's process on a GPU): it is made again no sooner."""


class Trigger(StrEnum):
    """What makes a plan out of date, or merely lets time pass."""

    FORECAST = "forecast"
    PRICE = "price"
    SUBMISSION = "submission"
    END = "end"
    FAILURE = "failure"
    INVENTORY = "inventory"
    USER_CHANGE = "user-change"
    PLANNER = "planner"
    """The planner that was asked for can be used from now on."""
    OVERTAKEN = "overtaken"
    """A job has not ended, or not begun, when the plan expected it to."""
    TICK = "tick"
    """Nothing happened but time: something wanted before may be due."""


@dataclass(frozen=True, slots=True)
class ReplanRules:
    debounce: timedelta
    """Least time between two plans: a burst of events is answered at once, and then once more."""
    longest_plan: timedelta
    """A plan older than this is made again even if nothing happened: the future that it knew has moved on."""


@dataclass(frozen=True, slots=True)
class ReplanState:
    planned_at: datetime | None = None
    wanted_at: datetime | None = None
    """When the next plan is to be made; None while nothing has happened since the last."""


@dataclass(frozen=True, slots=True)
class ReplanDecision:
    state: ReplanState
    replan_now: bool
    at: datetime | None
    """When to send the next TICK; None before the first event."""


def on_event(state: ReplanState, trigger: Trigger, now: datetime, rules: ReplanRules) -> ReplanDecision:
    """Take note of `trigger`; `replan_now` says to plan at this moment, and the state already counts on it."""
    if state.planned_at is not None and state.planned_at > now:
        # The clock was set back: what was planned at another time of day is planned anew.
        state = ReplanState(wanted_at=now)
    if trigger is not Trigger.TICK:
        state = replace(state, wanted_at=_earlier(state.wanted_at, _soonest(state, now, rules)))
    at = _earlier(state.wanted_at, _expiry(state, rules))
    if at is None or at > now:
        return ReplanDecision(state, False, at)
    planned = ReplanState(planned_at=now)
    return ReplanDecision(planned, True, _expiry(planned, rules))


def is_overtaken(plan: Plan | None, jobs: Iterable[Job], now: datetime, end_grace: timedelta) -> bool:
    """Whether a job still holds its places `end_grace` after its planned end, or waits well after its planned start.

    A plan made anew expects it to need at least a tenth of its estimate more, and where it has run longer than any such
    job before it, of what it has run: so even a long overrun makes few plans.
    """
    placements = {placement.job: placement for placement in plan.placements} if plan else {}
    return any(
        (placement := placements.get(job.id)) is not None and _is_behind(job, placement, now, end_grace)
        for job in jobs
    )  # fmt: skip


def _is_behind(job: Job, placement: Placement, now: datetime, end_grace: timedelta) -> bool:
    if job.state in HOLDING_GPUS:
        return placement.end + end_grace <= now
    # A suspended job between two of its stretches waits as planned.
    if job.state not in WAITING or not (placement.active_at(now) or placement.end <= now):
        return False
    return max(stretch.start for stretch in placement.intervals if stretch.start <= now) + START_GRACE <= now


def _soonest(state: ReplanState, now: datetime, rules: ReplanRules) -> datetime:
    return now if state.planned_at is None else max(now, state.planned_at + rules.debounce)


def _expiry(state: ReplanState, rules: ReplanRules) -> datetime | None:
    return None if state.planned_at is None else state.planned_at + rules.longest_plan


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
