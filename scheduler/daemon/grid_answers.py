"""Answers about the grid and the plan that is made on it: now, ahead, the timeline and its places."""

from __future__ import annotations

from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.parts import Parts
from scheduler.domain.errors import ExecutorError
from scheduler.domain.lifecycle import NOT_ENDED
from scheduler.ports import JobQuery
from scheduler.presenting.grid import case_answer, grid_forecast, grid_now
from scheduler.presenting.plan import place_rows, plan_view
from scheduler.service_views.grid import GridForecastView, GridNow
from scheduler.service_views.plan import PlanView
from scheduler.service_views.site import GpuRow


class GridAnswers:
    """What is known of one machine's grid. Its methods read the store, so they run on the writer thread."""

    def __init__(self, parts: Parts, desk: GridDesk) -> None:
        self._parts, self._desk = parts, desk

    def now(self) -> GridNow:
        return grid_now(self._desk.case())

    def forecast(self) -> GridForecastView:
        return grid_forecast(self._desk.case())

    def plan(self) -> PlanView:
        live, now = self._parts.live, self._parts.clock.now()
        if live.plan is None:
            raise ExecutorError(f"there is no plan yet: {live.agent_error or 'the daemon has only just started'}")
        jobs = {job.id: job for job in self._parts.store.jobs(JobQuery(states=NOT_ENDED))}
        key, pue = self._desk.capabilities.key, self._parts.settings.site.pue
        case = self._desk.case()
        answered, places = case_answer(case), self.places()
        currency = self._parts.settings.planning.currency
        problems = () if live.price_problem is None else (live.price_problem,)
        return plan_view(live.plan, jobs, case.forecast, places, key, answered, pue, now, currency, problems)

    def places(self) -> tuple[GpuRow, ...]:
        live = self._parts.live
        if live.inventory is None:
            raise ExecutorError(live.agent_error or "the worker agent has not answered yet; try again in a second")
        return place_rows(live.inventory, self._parts.store.open_segments())
