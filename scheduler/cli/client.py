"""The daemon's API over its Unix socket, on http.client alone: it starts in milliseconds."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from scheduler.cli.failures import EXIT_NOT_PERMITTED, EXIT_TIMEOUT, EXIT_UNREACHABLE, Failure, refused
from scheduler.paths import SYSTEM_RUNTIME, daemon_socket

TIMEOUT_S = 30.0


class DaemonClient:
    """One connection a request; answers are the decoded JSON, failures are Failure."""

    def __init__(self, api_socket: Path | None = None, timeout_s: float = TIMEOUT_S) -> None:
        self.socket = api_socket or daemon_socket()
        self._timeout_s = timeout_s

    def get(self, path: str, **query: Any) -> Any:
        """`query`: None is left out, a list is repeated, the rest is written as text."""
        pairs = [(key, _text(v)) for key, value in query.items() for v in _each(value)]
        return self._ask("GET", f"{path}?{urlencode(pairs)}" if pairs else path)

    def post(self, path: str, body: Any = None) -> Any:
        return self._ask("POST", path, body)

    def patch(self, path: str, body: Any) -> Any:
        return self._ask("PATCH", path, body)

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = _UnixConnection(self.socket, self._timeout_s)
        try:
            # A daemon that refuses a request may close before it has read all; its answer says why.
            with contextlib.suppress(BrokenPipeError):
                connection.request(method, path, *_encoded(body))
            answer = connection.getresponse()
            return _decoded(answer.status, answer.read())
        except TimeoutError:
            text = f"the daemon did not answer within {self._timeout_s:g} s; `carbonq doctor` looks at how it is"
            raise Failure(text, "timeout", EXIT_TIMEOUT) from None
        except PermissionError:
            raise Failure(_barred(self.socket), "not-permitted", EXIT_NOT_PERMITTED) from None
        except (OSError, http.client.HTTPException) as error:
            raise _unreachable(self.socket, error) from None
        finally:
            connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float) -> None:
        super().__init__("carbonq", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _encoded(body: Any) -> tuple[bytes | None, dict[str, str]]:
    headers = {"Connection": "close"}
    if body is None:
        return None, headers
    return json.dumps(body).encode(), {**headers, "Content-Type": "application/json"}


def _decoded(status: int, raw: bytes) -> Any:
    try:
        value = json.loads(raw)
        if status < 400:
            return value
        raise refused(status, value["error"]["code"], value["error"]["message"])
    except (ValueError, KeyError, TypeError):
        text = f"the daemon answered with something that is not carbonq's API (HTTP {status})"
        raise Failure(text, "not-carbonq", EXIT_UNREACHABLE) from None


def _barred(path: Path) -> str:
    if path.parent == SYSTEM_RUNTIME:
        group = "ask to be made a member of the group carbonq-users, then log in anew"
        return f"{path} is the machine's carbonq, which you may not use; {group}, or run your own (`carbonq daemon`)"
    return f"{path} belongs to another user; each user runs a daemon of their own (`carbonq daemon`)"


def _unreachable(path: Path, error: Exception) -> Failure:
    known: dict[type[Exception], str] = {
        FileNotFoundError: "there is no socket at",
        ConnectionRefusedError: "nothing listens on",
    }
    why = known.get(type(error)) or f"{error or type(error).__name__} at"
    user = "start it with `carbonq daemon`, or `systemctl --user start carbonq`"
    start = "start it with `systemctl start carbonq-scheduler`" if path.parent == SYSTEM_RUNTIME else user
    return Failure(f"the daemon cannot be reached: {why} {path}; {start}", "unreachable", EXIT_UNREACHABLE)


def _each(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
