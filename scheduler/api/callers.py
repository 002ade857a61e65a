"""Who calls: the kernel's word for the peer of the connection, checked before any route is looked at."""

from __future__ import annotations

import os
import pwd
from collections.abc import Callable
from functools import lru_cache

from fastapi import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from scheduler.api.errors import error_response
from scheduler.service_views.requests import Caller

PEER_UID = "peer_uid"
"""Key in the ASGI state under which the server leaves the peer's uid, an integer."""

Admission = Callable[[int], bool]


def owner_only(uid: int) -> bool:
    """The rule of user mode: the daemon's own user, and root."""
    return uid in (0, os.getuid())


def whoever_connects(uid: int) -> bool:
    """The rule of a socket that systemd keeps: its mode and group have decided already."""
    return True


class CallerGate:
    """Turns away, with 403 and before routing, every caller that `admits` does not let in or that has no uid."""

    def __init__(self, app: ASGIApp, admits: Admission) -> None:
        self._app = app
        self._admits = admits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            uid = scope.get("state", {}).get(PEER_UID)
            if uid is None or not self._admits(uid):
                refusal = error_response(403, "not-permitted", _refusal(uid))
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def caller(request: Request) -> Caller:
    """The caller of an admitted request."""
    uid: int = request.scope["state"][PEER_UID]
    return Caller(uid, _name(uid))


def _refusal(uid: int | None) -> str:
    who = "a caller without a uid" if uid is None else f"user {_name(uid)} (uid {uid})"
    return f"this daemon belongs to {_name(os.getuid())} and does not serve {who}; start your own with `carbonq daemon`"


@lru_cache(maxsize=256)
def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
