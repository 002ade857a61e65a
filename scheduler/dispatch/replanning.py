"""When to plan again: a reducer over what happens, the same for the daemon and for a simulation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


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


def _soonest(state: ReplanState, now: datetime, rules: ReplanRules) -> datetime:
    return now if state.planned_at is None else max(now, state.planned_at + rules.debounce)


def _expiry(state: ReplanState, rules: ReplanRules) -> datetime | None:
    return None if state.planned_at is None else state.planned_at + rules.longest_plan


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)
