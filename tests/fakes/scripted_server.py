"""An HTTP server on this machine that answers as a test scripts it."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

Answerer = Callable[[BaseHTTPRequestHandler, int], None]


class ScriptedServer:
    """Answers each GET by `answer(handler, number of the request)`."""

    def __init__(self, answer: Answerer) -> None:
        script = self
        self.count = 0
        self.released = Event()
        self.seen: list[dict[str, str]] = []
        """Headers of each request."""
        self.paths: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                script.count += 1
                script.paths.append(self.path)
                script.seen.append({name.lower(): value for name, value in self.headers.items()})
                answer(self, script.count)

            def log_message(self, *_: object) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}/base"
        Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self.released.set()
        self.http.shutdown()
        self.http.server_close()

    @classmethod
    def always(cls, body: bytes, status: int = 200, **headers: str) -> ScriptedServer:
        """The same answer to everything."""
        return cls(lambda handler, _: send(handler, status, body, **headers))


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"{}", **headers: str) -> None:
    handler.send_response_only(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
