"""The application: gate, body limit, routes and errors around a DaemonService."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import FastAPI
from pydantic import BaseModel

from scheduler.api.callers import Admission, CallerGate, owner_only
from scheduler.api.errors import add_error_handlers
from scheduler.api.limits import BodyLimit
from scheduler.api.routes_grid import grid_routes
from scheduler.api.routes_jobs import history_routes, job_routes
from scheduler.api.routes_site import site_routes
from scheduler.service_views.service import DaemonService


class ErrorBody(BaseModel):
    """What went wrong: a stable code and a sentence that names the next step."""

    code: str
    message: str


class ErrorAnswer(BaseModel):
    error: ErrorBody


def create_app(service: DaemonService, admits: Admission = owner_only) -> FastAPI:
    """The API of one daemon; `admits` says which uids may call it at all."""
    app = FastAPI(
        title="carbonq",
        version=version("carbonq"),
        description="JSON over HTTP on a Unix socket. Times are ISO 8601 in UTC, durations seconds, emissions grams "
        "of CO2-equivalent with PUE included, energy kilowatt-hours of IT energy; null is unknown.",
        responses={"4XX": {"model": ErrorAnswer}, "5XX": {"model": ErrorAnswer}},
        docs_url=None,
        redoc_url=None,
    )
    for routes in (job_routes(service), history_routes(service), grid_routes(service), site_routes(service)):
        app.include_router(routes)
    add_error_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(CallerGate, admits=admits)
    return app
