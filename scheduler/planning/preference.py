"""What is chosen where more counts than emissions: of several sound schedules the one that weighs least."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scheduler.planning.cost import all_weighed_g
from scheduler.planning.demand import Schedule
from scheduler.planning.guard import late_jobs
from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import Outcome, Situation


def preferred(outcome: Outcome, schedules: Sequence[Schedule], situation: Situation, weighed: Outlook) -> Outcome:
    """The first of the sound schedules that weigh least, late jobs before all; `outcome` is by emissions.

    Its bound holds for any schedule that has its jobs in time; its prices for places are told of it alone.
    """

    def weight(schedule: Schedule) -> tuple[int, float]:
        weighs = all_weighed_g(situation.demands, schedule, weighed, situation.now)
        return len(late_jobs(schedule, situation)), weighs

    chosen = min(schedules, key=weight)
    if chosen is outcome.schedule:
        return outcome
    proven = late_jobs(chosen, situation) <= late_jobs(outcome.schedule, situation)
    return replace(
        outcome,
        schedule=chosen,
        lower_bound_g=outcome.lower_bound_g if proven else None,
        job_prices={},
    )
