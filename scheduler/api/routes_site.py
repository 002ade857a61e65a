"""Routes about the machine: plan, GPUs, health."""

from __future__ import annotations

from fastapi import APIRouter

from scheduler.api.routes_jobs import From
from scheduler.service_views.plan import PlanView
from scheduler.service_views.service import DaemonService
from scheduler.service_views.site import DaemonStatus, GpuRow


def site_routes(service: DaemonService) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["site"])

    @routes.get("/plan")
    async def plan(who: From) -> PlanView:
        return await service.plan(who)

    @routes.get("/gpus")
    async def gpus(who: From) -> tuple[GpuRow, ...]:
        return await service.gpus(who)

    @routes.get("/status")
    async def status(who: From) -> DaemonStatus:
        return await service.status(who)

    return routes
