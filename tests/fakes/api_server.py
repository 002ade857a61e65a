"""The real API server on a real Unix socket, in a thread, around any DaemonService."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

from scheduler.api.app import create_app
from scheduler.api.callers import Admission, owner_only
from scheduler.api.server import ApiServer, bind
from scheduler.service_views.service import DaemonService


@contextlib.contextmanager
def api_server(service: DaemonService, socket: Path, admits: Admission = owner_only) -> Iterator[Path]:
    """Serves until the block ends; the socket listens before the block begins."""
    server = ApiServer(create_app(service, admits), bind(socket))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        yield socket
    finally:
        server.stop()
        thread.join(timeout=10)
