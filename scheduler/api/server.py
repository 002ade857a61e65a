"""The socket and the server: bound by us, because uvicorn would open it to everyone; the peer's uid noted on accept."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from scheduler.api.callers import PEER_UID
from scheduler.domain.errors import AlreadyRunning, SettingsError

BACKLOG = 128
_UCRED = struct.Struct("3i")
"""pid, uid, gid: `struct ucred` of SO_PEERCRED."""


class PeerCredentialsProtocol(HttpToolsProtocol):
    """Puts the peer's uid, an integer from the kernel, into the ASGI state of every request on the connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        peer = transport.get_extra_info("socket")
        if peer is not None and peer.family == socket.AF_UNIX:
            _, uid, _ = _UCRED.unpack(peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
            self.app_state = {**self.app_state, PEER_UID: uid}
        super().connection_made(transport)


def bind(path: Path) -> socket.socket:
    """A listening socket at `path`, 0600 from its first moment; AlreadyRunning when a daemon answers there."""
    if len(os.fsencode(path)) > 107:
        raise SettingsError((f"{path} is too long for a socket (107 bytes); set CARBONQ_HOME to a shorter directory",))
    if _answers(path):
        raise AlreadyRunning(f"a daemon already listens on {path}; `carbonq doctor` asks it how it is")
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with _umask(0o177):
            listener.bind(str(path))
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener


class ApiServer:
    """Serves an app on an already bound socket until it is told to stop."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
        self._listener = listener
        self._server = _QuietServer(
            uvicorn.Config(
                app,
                http=PeerCredentialsProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=2,
            )
        )

    @property
    def started(self) -> bool:
        return self._server.started

    async def serve(self) -> None:
        """Runs until `stop`, then answers what was asked and returns."""
        await self._server.serve(sockets=[self._listener])

    def stop(self) -> None:
        self._server.should_exit = True


class _QuietServer(uvicorn.Server):
    """Leaves signals to the daemon, which has more to stop than this server."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
        return True


@contextlib.contextmanager
def _umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)
