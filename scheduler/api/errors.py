"""How errors are said over HTTP: one table from the error tree to status and code, one shape for the body."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from scheduler.domain.errors import (
    CarbonDataError,
    CarbonqError,
    ExecutorError,
    IllegalTransition,
    NotFound,
    NotPermitted,
    RequestError,
    StorageError,
)

logger = logging.getLogger(__name__)

STATUS_AND_CODE: tuple[tuple[type[CarbonqError], int, str], ...] = (
    (NotFound, 404, "not-found"),
    (NotPermitted, 403, "not-permitted"),
    (RequestError, 400, "request"),
    (IllegalTransition, 409, "wrong-state"),
    (StorageError, 503, "storage"),
    (ExecutorError, 503, "executor"),
    (CarbonDataError, 503, "carbon-data"),
)
"""The first class that fits counts; everything else is 500 `internal`."""

NOT_UTF_8 = "holds a byte that is not UTF-8 (half of a surrogate pair); write it in UTF-8"

_HTTP_CODES = {404: "not-found", 405: "request", 413: "too-large"}


def error_response(status: int, code: str, message: str) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status_code=status)


def add_error_handlers(app: FastAPI) -> None:
    """Every failure leaves as `{"error": {"code", "message"}}`."""
    app.add_exception_handler(CarbonqError, _known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unknown)


async def _known(request: Request, error: Exception) -> JSONResponse:
    for kind, status, code in STATUS_AND_CODE:
        if isinstance(error, kind):
            return error_response(status, code, str(error))
    return await _unknown(request, error)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    details = error.errors() if isinstance(error, RequestValidationError) else ()
    if (number := _beyond_all_jobs(details)) is not None:
        return error_response(404, "not-found", f"there is no job {number}; `carbonq list --all` shows those there are")
    return error_response(400, "request", "; ".join(_mistakes(details)))


async def _http(request: Request, error: Exception) -> JSONResponse:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"{request.method} {request.url.path}: {getattr(error, 'detail', 'failed')}"
    return error_response(status, _HTTP_CODES.get(status, "request"), message)


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    logger.error("request failed", extra={"path": request.url.path}, exc_info=error)
    message = f"the daemon failed in an unforeseen way ({type(error).__name__}); its log has the details"
    return error_response(500, "internal", message)


def _beyond_all_jobs(details: Sequence[Any]) -> Any:
    """The number asked for where it is larger than any job's can be."""
    jobs = (detail for detail in details if "job_id" in detail["loc"] or "after" in detail["loc"])
    return next((detail["input"] for detail in jobs if detail["type"] == "less_than_equal"), None)


def _mistakes(details: Sequence[Any]) -> list[str]:
    """One phrase for each mistake, each naming the field."""
    return [f"{_field(detail['loc'])}: {_phrase(detail)}" for detail in details]


def _field(location: Sequence[str | int]) -> str:
    inner = [str(part) for part in location if part not in ("body", "query", "path")]
    return ".".join(inner) or "request"


def _phrase(detail: dict[str, Any]) -> str:
    if detail["type"] == "string_too_short":
        return "is empty; say something, or leave it out"
    if detail["type"] == "string_unicode":
        return NOT_UTF_8
    if detail["type"] == "string_too_long":
        return f"is longer than {detail['ctx']['max_length']} characters; shorten it"
    return str(detail["msg"]).removeprefix("Value error, ").replace("Input should", "should")
