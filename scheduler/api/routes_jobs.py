"""Routes about jobs: submit, look, change, read logs, ask why."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query
from pydantic import AwareDatetime

from scheduler.api.callers import caller
from scheduler.api.models import CleanBody, RecomputeBody, SubmitBody, UpdateBody
from scheduler.domain.lifecycle import JobState
from scheduler.ports import JobQuery
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import CleanedView, JobDetail, JobRow, LogPart
from scheduler.service_views.requests import Caller, HistoryGrouping, LogStream
from scheduler.service_views.service import DaemonService
from scheduler.service_views.statements import RecomputedView
from scheduler.service_views.submission import Explanation, Submission

From = Annotated[Caller, Depends(caller)]
JobId = Annotated[int, Path(ge=1, le=2**63 - 1)]
States = Annotated[list[JobState], Query(alias="state")]
Limit = Annotated[int | None, Query(ge=1, le=2**63 - 1)]


def job_routes(service: DaemonService) -> APIRouter:
    routes = APIRouter(prefix="/v1/jobs", tags=["jobs"])

    @routes.post("", status_code=201)
    async def submit(who: From, body: SubmitBody) -> Submission:
        return await service.submit(who, body.to_request(), body.dry_run)

    @routes.get("")
    async def list_jobs(
        who: From,
        states: States = [],  # noqa: B006
        user: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        zone: str | None = None,
        everything: Annotated[bool, Query(alias="all")] = False,
        limit: Limit = None,
    ) -> tuple[JobRow, ...]:
        query = JobQuery(states=frozenset(states), user=user, project=project, tag=tag, zone=zone, limit=limit)
        return await service.jobs(who, query, everything)

    @routes.get("/{job_id}")
    async def show(who: From, job_id: JobId) -> JobDetail:
        return await service.job(who, job_id)

    @routes.patch("/{job_id}")
    async def update(who: From, job_id: JobId, body: UpdateBody) -> JobRow:
        return await service.update_deadline(who, job_id, body.deadline)

    @routes.get("/{job_id}/log")
    async def log(who: From, job_id: JobId, stream: LogStream = LogStream.STDOUT, cursor: str = "") -> LogPart:
        return await service.log(who, job_id, stream, cursor)

    @routes.post("/{job_id}/clean")
    async def clean(who: From, job_id: JobId, body: CleanBody) -> CleanedView:
        return await service.clean(who, job_id, body.dry_run)

    @routes.get("/{job_id}/explain")
    async def explain(who: From, job_id: JobId) -> Explanation:
        return await service.explain(who, job_id)

    @routes.post("/{job_id}/cancel")
    async def cancel(who: From, job_id: JobId) -> JobRow:
        return await service.cancel(who, job_id)

    @routes.post("/{job_id}/hold")
    async def hold(who: From, job_id: JobId) -> JobRow:
        return await service.hold(who, job_id)

    @routes.post("/{job_id}/release")
    async def release(who: From, job_id: JobId) -> JobRow:
        return await service.release(who, job_id)

    @routes.post("/{job_id}/run-now")
    async def run_now(who: From, job_id: JobId) -> JobRow:
        return await service.run_now(who, job_id)

    return routes


def history_routes(service: DaemonService) -> APIRouter:
    routes = APIRouter(prefix="/v1/history", tags=["history"])

    @routes.get("")
    async def history(
        who: From,
        since: AwareDatetime | None = None,
        until: AwareDatetime | None = None,
        states: States = [],  # noqa: B006
        user: str | None = None,
        project: str | None = None,
        tag: str | None = None,
        zone: str | None = None,
        with_files: bool = False,
        by: HistoryGrouping | None = None,
        limit: Limit = None,
    ) -> tuple[JobRow, ...] | tuple[HistoryGroup, ...]:
        query = JobQuery(
            states=frozenset(states),
            user=user,
            project=project,
            tag=tag,
            zone=zone,
            since=since,
            until=until,
            with_files=with_files,
            limit=limit,
        )
        return await service.history(who, query) if by is None else await service.history_groups(who, query, by)

    @routes.post("/recompute")
    async def recompute(who: From, body: RecomputeBody) -> tuple[RecomputedView, ...]:
        return await service.recompute(who, tuple(body.jobs))

    return routes
