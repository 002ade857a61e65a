"""What the daemon knows only while it runs; after a restart all of it is found out again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from scheduler.daemon.start_failures import StartFailures
from scheduler.domain.gpus import Inventory
from scheduler.domain.plans import Plan, PlanningProblem
from scheduler.protocol import Progress


@dataclass(slots=True)
class Live:
    """Last seen state of the worker, the current plan, and what running jobs said of themselves."""

    started_at: datetime
    inventory: Inventory | None = None
    agent_error: str | None = "the worker agent has not answered yet"
    plan: Plan | None = None
    problem: PlanningProblem | None = None
    plan_took: timedelta = timedelta(0)
    stand_in_because: str | None = None
    """Why another policy plans in place of the one that is set; None where that one plans."""
    watts: dict[int, float] = field(default_factory=dict)
    """Power just now, by job."""
    progress: dict[int, Progress] = field(default_factory=dict)
    start_failures: StartFailures = field(default_factory=StartFailures)
    storage_error: str | None = None
    fault: str | None = None
    """Ours, at which each look at the queue fails; None since one went well."""
    price_problem: str | None = None
    """Why planning goes on without the price of power although one is set."""

    def forget_job(self, job_id: int) -> None:
        self.watts.pop(job_id, None)
        self.progress.pop(job_id, None)
