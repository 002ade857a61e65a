"""Pure: a planning problem and a policy in, a plan with its reasons out."""

from scheduler.planning.decomposition.compiled import COMPILED
from scheduler.planning.feasibility import latest_safe_start
from scheduler.planning.planner import plan
from scheduler.planning.policies import COMPARED, DEFAULT_POLICY, HEED_EXPECTED, OURS, POLICIES, STAND_IN, WARMED_UP
from scheduler.planning.settings import STEADY, PlanningSettings
from scheduler.planning.warm_up import warm_up

__all__ = [
    "COMPARED",
    "COMPILED",
    "DEFAULT_POLICY",
    "HEED_EXPECTED",
    "OURS",
    "POLICIES",
    "STAND_IN",
    "STEADY",
    "WARMED_UP",
    "PlanningSettings",
    "latest_safe_start",
    "plan",
    "warm_up",
]
