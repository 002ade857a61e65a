"""Pure: a planning problem and a policy in, a plan with its reasons out."""

from scheduler.planning.explain import explain
from scheduler.planning.feasibility import latest_safe_start
from scheduler.planning.planner import plan
from scheduler.planning.policies import COMPARED, DEFAULT_POLICY, HEED_EXPECTED, OURS, POLICIES
from scheduler.planning.settings import STEADY, PlanningSettings

__all__ = [
    "COMPARED",
    "DEFAULT_POLICY",
    "HEED_EXPECTED",
    "OURS",
    "POLICIES",
    "STEADY",
    "PlanningSettings",
    "explain",
    "latest_safe_start",
    "plan",
]
