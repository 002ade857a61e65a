"""Routes about the machine and its grid: plan, intensity, GPUs, health."""

from __future__ import annotations

from fastapi import APIRouter

from scheduler.api.routes_jobs import From
from scheduler.service_views import (
    DaemonService,
    DaemonStatus,
    GpuRow,
    GridForecastView,
    GridNow,
    PlanView,
    ProviderRow,
)


def site_routes(service: DaemonService) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["site"])

    @routes.get("/plan")
    async def plan(who: From) -> PlanView:
        return await service.plan(who)

    @routes.get("/grid/now")
    async def grid_now(who: From) -> GridNow:
        return await service.grid_now(who)

    @routes.get("/grid/forecast")
    async def grid_forecast(who: From) -> GridForecastView:
        return await service.grid_forecast(who)

    @routes.get("/grid/providers")
    async def grid_providers(who: From) -> tuple[ProviderRow, ...]:
        return await service.providers(who)

    @routes.get("/gpus")
    async def gpus(who: From) -> tuple[GpuRow, ...]:
        return await service.gpus(who)

    @routes.get("/status")
    async def status(who: From) -> DaemonStatus:
        return await service.status(who)

    return routes
