"""Policies by name, one small file each: a situation in, an outcome out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.carbonq import carbonq
from scheduler.planning.policies.lowest_window import lowest_window
from scheduler.planning.policies.run_now import run_now
from scheduler.planning.policies.suspend_resume import suspend_resume
from scheduler.planning.situation import Outcome, Situation

Policy = Callable[[Situation, Outlook], Outcome]

POLICIES: Mapping[str, Policy] = MappingProxyType(
    {
        "carbonq": carbonq,
        "run-now": run_now,
        "lowest-window": lowest_window,
        "suspend-resume": suspend_resume,
    }
)
DEFAULT_POLICY = "carbonq"
