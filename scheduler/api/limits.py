"""A bound on what one request may carry, so that a client's mistake cannot fill the daemon's memory."""

from __future__ import annotations

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from scheduler.api.errors import error_response

LARGEST_BODY_BYTES = 4 * 1024 * 1024
"""Twice what Linux lets arguments and environment of one process take together by default."""


class BodyLimit:
    """Reads the whole body before the app sees the request; 413 as soon as it grows past `limit_bytes`."""

    def __init__(self, app: ASGIApp, limit_bytes: int = LARGEST_BODY_BYTES) -> None:
        self._app = app
        self._limit = limit_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = await self._read(receive)
        if body is None:
            refusal = error_response(413, "too-large", f"the request is larger than {self._limit // 2**20} MiB")
            await refusal(scope, receive, send)
            return
        await self._app(scope, _replayed(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._limit:
                return None
            if not message.get("more_body", False):
                return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    pending: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def next_message() -> Message:
        return pending.pop() if pending else await receive()

    return next_message
