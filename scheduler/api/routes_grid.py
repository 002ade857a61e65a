"""Routes about the grid: carbon intensity now and ahead, who says so, and what was recorded of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import AwareDatetime

from scheduler.api.models import LONGEST_S
from scheduler.api.routes_jobs import From
from scheduler.domain.carbon import Accounting, Basis, SignalKind
from scheduler.domain.errors import RequestError
from scheduler.domain.intervals import Interval
from scheduler.service_views.grid import GridForecastView, GridNow, ProviderRow
from scheduler.service_views.grid_record import IssuesView, ObservationsView, SeriesView
from scheduler.service_views.requests import SeriesChoice
from scheduler.service_views.service import DaemonService


def _choice(
    source: str | None = None,
    zone: str | None = None,
    kind: SignalKind | None = None,
    accounting: Accounting | None = None,
    basis: Basis | None = None,
) -> SeriesChoice:
    return SeriesChoice(source=source, zone=zone, kind=kind, accounting=accounting, basis=basis)


def _interval(since: AwareDatetime, until: AwareDatetime) -> Interval:
    """Both bounds are asked for: a clock of the daemon's own would make two answers of one question."""
    if until <= since:
        raise RequestError(f"until ({until.isoformat()}) must be after since ({since.isoformat()})")
    return Interval(since, until)


Choice = Annotated[SeriesChoice, Depends(_choice)]
Stretch = Annotated[Interval, Depends(_interval)]
Apart = Annotated[float, Query(alias="apart_s", ge=0, le=LONGEST_S, allow_inf_nan=False)]


def grid_routes(service: DaemonService) -> APIRouter:
    routes = APIRouter(prefix="/v1/grid", tags=["grid"])

    @routes.get("/now")
    async def now(who: From) -> GridNow:
        return await service.grid_now(who)

    @routes.get("/forecast")
    async def forecast(who: From) -> GridForecastView:
        return await service.grid_forecast(who)

    @routes.get("/providers")
    async def providers(who: From) -> tuple[ProviderRow, ...]:
        return await service.providers(who)

    @routes.get("/series")
    async def series(who: From) -> tuple[SeriesView, ...]:
        return await service.grid_series(who)

    @routes.get("/observations")
    async def observations(
        who: From,
        choice: Choice,
        interval: Stretch,
        as_of: AwareDatetime | None = None,
        revisions: bool = False,
    ) -> ObservationsView:
        return await service.grid_observations(who, choice, interval, as_of, revisions)

    @routes.get("/issues")
    async def issues(who: From, choice: Choice, interval: Stretch, apart_s: Apart = 0.0) -> IssuesView:
        return await service.grid_issues(who, choice, interval, timedelta(seconds=apart_s))

    return routes
