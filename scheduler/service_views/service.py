"""Everything the API can be asked, as a Protocol."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

from scheduler.domain.intervals import Interval
from scheduler.ports import JobQuery
from scheduler.service_views.grid import GridForecastView, GridNow, ProviderRow
from scheduler.service_views.grid_record import IssuesView, ObservationsView, SeriesView
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import CleanedView, JobDetail, JobRow, LogPart
from scheduler.service_views.plan import PlanView
from scheduler.service_views.requests import Caller, HistoryGrouping, JobRequest, LogStream, SeriesChoice
from scheduler.service_views.site import DaemonStatus, GpuRow
from scheduler.service_views.statements import RecomputedView
from scheduler.service_views.submission import Explanation, Submission


class DaemonService(Protocol):
    """Everything the API can be asked. Failures are CarbonqErrors; what a caller may see is decided here."""

    async def submit(self, caller: Caller, request: JobRequest, dry_run: bool) -> Submission: ...

    async def jobs(self, caller: Caller, query: JobQuery, everything: bool) -> tuple[JobRow, ...]:
        """Oldest first. Without `everything` and without states: not ended, or ended in the last 24 h."""
        ...

    async def job(self, caller: Caller, job_id: int) -> JobDetail: ...

    async def cancel(self, caller: Caller, job_id: int) -> JobRow: ...

    async def hold(self, caller: Caller, job_id: int) -> JobRow: ...

    async def release(self, caller: Caller, job_id: int) -> JobRow: ...

    async def run_now(self, caller: Caller, job_id: int) -> JobRow: ...

    async def update_deadline(self, caller: Caller, job_id: int, deadline: datetime | None) -> JobRow:
        """None takes the deadline away."""
        ...

    async def log(self, caller: Caller, job_id: int, stream: LogStream, cursor: str) -> LogPart: ...

    async def clean(self, caller: Caller, job_id: int, dry_run: bool) -> CleanedView:
        """Remove the logs and checkpoints of an ended job; twice changes nothing."""
        ...

    async def explain(self, caller: Caller, job_id: int) -> Explanation: ...

    async def history(self, caller: Caller, query: JobQuery) -> tuple[JobRow, ...]:
        """Jobs that have ended, oldest first; `since` and `until` bound the end."""
        ...

    async def history_groups(
        self, caller: Caller, query: JobQuery, by: HistoryGrouping
    ) -> tuple[HistoryGroup, ...]: ...

    async def recompute(self, caller: Caller, job_ids: tuple[int, ...]) -> tuple[RecomputedView, ...]:
        """Ask anew for the intensity that these ended jobs rest on and draw their statements up again, in order."""
        ...

    async def plan(self, caller: Caller) -> PlanView: ...

    async def grid_now(self, caller: Caller) -> GridNow: ...

    async def grid_forecast(self, caller: Caller) -> GridForecastView: ...

    async def grid_series(self, caller: Caller) -> tuple[SeriesView, ...]:
        """What is recorded, in order of the series' names."""
        ...

    async def grid_observations(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, as_of: datetime | None, revisions: bool
    ) -> ObservationsView:
        """RequestError where the answer would be too long, or where `choice` fits several series."""
        ...

    async def grid_issues(
        self, caller: Caller, choice: SeriesChoice, interval: Interval, apart: timedelta
    ) -> IssuesView:
        """Of issues less than `apart` from the last one kept, none; RequestError as above."""
        ...

    async def providers(self, caller: Caller) -> tuple[ProviderRow, ...]: ...

    async def gpus(self, caller: Caller) -> tuple[GpuRow, ...]: ...

    async def status(self, caller: Caller) -> DaemonStatus: ...
