"""Policies by name, one small file each: a situation in, an outcome out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from scheduler.planning.outlook import Outlook
from scheduler.planning.policies.carbon_time import carbon_time
from scheduler.planning.policies.carbonq import carbonq
from scheduler.planning.policies.double_threshold import double_threshold
from scheduler.planning.policies.exact_window import exact_window
from scheduler.planning.policies.lowest_slot import lowest_slot
from scheduler.planning.policies.lowest_window import lowest_window
from scheduler.planning.policies.run_now import run_now
from scheduler.planning.policies.suspend_resume import suspend_resume
from scheduler.planning.policies.threshold import threshold, weekly_threshold
from scheduler.planning.policies.wait_awhile import wait_awhile
from scheduler.planning.situation import Outcome, Situation

Policy = Callable[[Situation, Outlook], Outcome]

OURS: Mapping[str, Policy] = MappingProxyType(
    {
        "carbonq": carbonq,
        "run-now": run_now,
        "lowest-window": lowest_window,
        "suspend-resume": suspend_resume,
    }
)
"""Never worse than first come, first served, for the jobs known when planning."""

COMPARED: Mapping[str, Policy] = MappingProxyType(
    {
        "lowest-slot": lowest_slot,
        "exact-window": exact_window,
        "threshold": threshold,
        "weekly-threshold": weekly_threshold,
        "wait-awhile": wait_awhile,
        "carbon-time": carbon_time,
        "double-threshold": double_threshold,
    }
)
"""The field's, as they are, to compare with; they promise nothing."""

POLICIES: Mapping[str, Policy] = MappingProxyType({**OURS, **COMPARED})
DEFAULT_POLICY = "carbonq"
HEED_PRICES = frozenset({"carbonq", "lowest-window", "suspend-resume"})
"""Policies that weigh the price of waiting, and money, beside emissions."""
HEED_EXPECTED = frozenset({"carbonq"})
"""Policies that leave room for work which is only expected."""
WARMED_UP = frozenset({"carbonq"})
"""Policies whose first plan in a process compiles or loads loops (`warm_up`)."""
STAND_IN = "suspend-resume"
"""Plans at once, while that goes on."""
