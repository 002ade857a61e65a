"""The HTTP side of the loopback grid: real sockets on 127.0.0.1, one mount point a dialect."""

from __future__ import annotations

import gzip
import hashlib
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from scheduler.grid.loopback.carbon_aware_sdk import CarbonAwareSdkDialect
from scheduler.grid.loopback.dialect import Dialect, Reply, Request, json_reply
from scheduler.grid.loopback.eia import EiaDialect
from scheduler.grid.loopback.electricity_maps import ElectricityMapsDialect
from scheduler.grid.loopback.energinet import EnerginetDialect
from scheduler.grid.loopback.energy_charts import EnergyChartsDialect
from scheduler.grid.loopback.entsoe import EntsoeDialect
from scheduler.grid.loopback.faults import Fault, Switchboard, Switched
from scheduler.grid.loopback.grid import LoopbackGrid
from scheduler.grid.loopback.nemweb import NemwebDialect
from scheduler.grid.loopback.openelectricity import OpenElectricityDialect
from scheduler.grid.loopback.rte import RteDialect
from scheduler.grid.loopback.uk_neso import UkNesoDialect
from scheduler.grid.loopback.watttime import WattTimeDialect

logger = logging.getLogger(__name__)

DIALECTS: tuple[Dialect, ...] = (
    UkNesoDialect(),
    EnergyChartsDialect(),
    EiaDialect(),
    ElectricityMapsDialect(),
    WattTimeDialect(),
    EnerginetDialect(),
    RteDialect(),
    EntsoeDialect(),
    OpenElectricityDialect(),
    NemwebDialect(),
    CarbonAwareSdkDialect(),
)
HTML = b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
OVERSIZED_BYTES = 17 * 1024 * 1024
SKEW = timedelta(hours=2)
"""How far the server's clock is ahead, where that is switched on."""


class LoopbackServer:
    """Serves `grid` to every dialect at once. A context manager: inside it the server answers."""

    def __init__(self, grid: LoopbackGrid, port: int = 0, dialects: Sequence[Dialect] = DIALECTS) -> None:
        self.grid = grid
        self.faults = Switchboard()
        self.requests: deque[Request] = deque(maxlen=1_000)
        """What was asked lately, oldest first."""
        self.dialects = {dialect.name: dialect for dialect in dialects}
        self.released = threading.Event()
        """Ends what stalls, so that the server can stop at once."""
        self._http = _Http(("127.0.0.1", port), self)
        self._thread: threading.Thread | None = None

    def url(self, provider: str) -> str:
        """The base URL to give to that provider's client."""
        return f"http://127.0.0.1:{self._http.server_port}/{provider}"

    def __enter__(self) -> LoopbackServer:
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.02,), name="loopback-grid", daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.released.set()
        self._http.shutdown()
        self._http.server_close()
        if self._thread is not None:
            self._thread.join()

    def serve_forever(self) -> None:
        """Answer in this thread until it is interrupted."""
        try:
            self._http.serve_forever()
        finally:
            self._http.server_close()

    def reply(self, request: Request) -> Reply:
        name, _, path = request.path.lstrip("/").partition("/")
        dialect = self.dialects.get(name)
        if dialect is None:
            return json_reply({"error": f"no provider '{name}' here", "providers": sorted(self.dialects)}, 404)
        self.requests.append(request)
        return dialect.reply(replace(request, path=path), self.grid)


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], loopback: LoopbackServer) -> None:
        self.loopback = loopback
        super().__init__(address, _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True  # The client gave up; that is its right.

    def do_GET(self) -> None:
        loopback = self.server.loopback
        faults = loopback.faults.take()
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request("GET", parts.path, parse_qs(parts.query, keep_blank_values=True), headers, faults)
        self._send(spoiled(loopback.reply(request), faults), faults)

    def _send(self, reply: Reply, faults: dict[Fault, Switched]) -> None:
        if Fault.HANG_UP in faults:
            self.close_connection = True
            return
        if Fault.STALL in faults:
            self.server.loopback.released.wait(60)
        etag = f'W/"{hashlib.sha256(reply.body).hexdigest()[:16]}"'
        if reply.status == 200 and self.headers.get("If-None-Match") == etag:
            reply = Reply(304, b"")
        body = self._packed(reply.body)
        self.send_response_only(reply.status)
        self.send_header("Date", self._date(faults))
        if reply.status in (200, 304):
            self.send_header("ETag", etag)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        if body is not reply.body:
            self.send_header("Content-Encoding", "gzip")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._write(body, drip=Fault.DRIP in faults)

    def _write(self, body: bytes, drip: bool) -> None:
        if not drip:
            self.wfile.write(body)
            return
        for byte in body:
            self.wfile.write(bytes([byte]))
            if self.server.loopback.released.wait(0.02):
                break
        self.close_connection = True

    def _date(self, faults: dict[Fault, Switched]) -> str:
        """The grid's own moment, as the service's clock has it."""
        skew = SKEW if Fault.CLOCK_SKEW in faults else timedelta(0)
        return format_datetime(self.server.loopback.grid.now() + skew, usegmt=True)

    def _packed(self, body: bytes) -> bytes:
        wanted = "gzip" in self.headers.get("Accept-Encoding", "")
        return gzip.compress(body, compresslevel=1) if wanted and len(body) > 2_000 else body

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it)
        # The path alone: queries hold keys.
        logger.debug("loopback request", extra={"path": urlsplit(self.path).path})


def spoiled(reply: Reply, faults: dict[Fault, Switched]) -> Reply:
    """The reply with the faults of whole answers done to it."""
    for fault, status in ((Fault.RATE_LIMITED, 429), (Fault.SERVER_ERROR, 503)):
        if fault in faults:
            said = faults[fault].retry_after
            return Reply(status, HTML, "text/html", {"Retry-After": said} if said else {})
    if Fault.UNAUTHORISED in faults:
        return json_reply({"error": "Invalid auth-token"}, 401)
    if Fault.FORBIDDEN_HTML in faults:
        return Reply(403, HTML, "text/html")
    if Fault.REDIRECT in faults:
        return Reply(302, b"", headers={"Location": "http://elsewhere.invalid/"})
    if Fault.CONTENT_TYPE in faults:
        return replace(reply, content_type="text/html; charset=utf-8")
    if Fault.HTML in faults:
        return Reply(200, HTML, "text/html")
    if Fault.EMPTY in faults:
        return replace(reply, body=b"")
    if Fault.TRUNCATED in faults:
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    if Fault.OVERSIZED in faults:
        return replace(reply, body=b" " * OVERSIZED_BYTES)
    return reply
