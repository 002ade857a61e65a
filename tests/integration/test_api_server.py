"""The API on a real Unix socket: who is let in, how much is read, how errors are said."""

from __future__ import annotations

import http.client
import json
import os
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.api_server import api_server
from fakes.daemon_service import FakeDaemonService

from scheduler.api.app import create_app
from scheduler.api.callers import owner_only
from scheduler.api.server import bind
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.domain.errors import (
    CarbonDataInvalid,
    CarbonqError,
    DatabaseLocked,
    DiskFull,
    ExecutorError,
    IllegalTransition,
    NotFound,
    NotPermitted,
    RequestError,
)


@pytest.fixture
def service() -> FakeDaemonService:
    return FakeDaemonService()


@pytest.fixture
def client(service: FakeDaemonService, tmp_path: Path) -> Iterator[DaemonClient]:
    with api_server(service, tmp_path / "run" / "api.sock") as path:
        yield DaemonClient(path)


def submission(**fields: Any) -> dict[str, Any]:
    return {"argv": ["true"], "workdir": "/", **fields}


def raw(path: Path, text: bytes) -> bytes:
    """What comes back for these bytes on the wire."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(10)
        connection.connect(str(path))
        connection.sendall(text)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer


# --- the socket and its callers ----------------------------------------------------------------------------------
def test_the_socket_is_its_owners_alone_from_its_first_moment(tmp_path: Path) -> None:
    """Whatever the umask says, and without a moment in which others could connect."""
    before = os.umask(0)
    try:
        listener = bind(tmp_path / "run" / "api.sock")
    finally:
        os.umask(before)
    with listener:
        assert stat.S_IMODE((tmp_path / "run" / "api.sock").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o700


def test_the_umask_of_the_daemon_is_left_as_it_was(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        bind(tmp_path / "api.sock").close()
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)


def test_a_socket_left_behind_is_replaced(tmp_path: Path) -> None:
    """A daemon that was killed leaves its socket; nothing answers there."""
    bind(tmp_path / "api.sock").close()
    bind(tmp_path / "api.sock").close()


def test_a_second_daemon_on_the_same_socket_is_refused(client: DaemonClient) -> None:
    with pytest.raises(RequestError, match="already listens"):
        bind(client.socket)
    assert client.get("/v1/jobs") == []


def test_a_path_too_long_for_a_socket_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="CARBONQ_HOME"):
        bind(tmp_path / ("x" * 120))


def test_the_service_learns_the_callers_uid_from_the_kernel(client: DaemonClient, service: FakeDaemonService) -> None:
    """An integer from SO_PEERCRED; nothing the client says can change it."""
    client.get("/v1/jobs")
    assert [caller.uid for caller in service.callers] == [os.getuid()]


def test_a_header_cannot_make_somebody_else_of_the_caller(client: DaemonClient, service: FakeDaemonService) -> None:
    raw(client.socket, b"GET /v1/jobs HTTP/1.1\r\nHost: x\r\nX-Peer-Uid: 0\r\npeer_uid: 0\r\nConnection: close\r\n\r\n")
    assert [caller.uid for caller in service.callers] == [os.getuid()]


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, p) for p in ("/v1/jobs", "/v1/jobs/1", "/v1/status", "/openapi.json", "/nothing") for m in ("GET", "POST")],
)
def test_a_caller_who_is_not_admitted_gets_nowhere(tmp_path: Path, method: str, path: str) -> None:
    """Refused before routing: even the description of the API, even routes that do not exist."""
    service = FakeDaemonService()
    with api_server(service, tmp_path / "api.sock", admits=lambda uid: False) as socket_path:
        answer = raw(socket_path, f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403")
    assert b'"not-permitted"' in answer
    assert service.callers == []


def test_in_user_mode_only_the_owner_and_root_are_admitted() -> None:
    assert owner_only(os.getuid()) and owner_only(0)
    assert not owner_only(os.getuid() + 1)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused_by_the_kernels_word_even_where_the_socket_lets_him_in() -> None:
    """The mode of the socket and the gate are two locks; here the first is opened on purpose."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        with api_server(FakeDaemonService(), Path(folder) / "api.sock") as path:
            path.chmod(0o666)
            assert b"HTTP/1.1 403" in _asked_by_nobody(path)


NOBODY = 65534
"""The uid; the child takes it on itself, for the interpreter may lie where only root can read it."""
ASK = """
import os, socket, sys
os.setuid(int(sys.argv[2]))
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
connection.sendall(b"GET /v1/jobs HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
while chunk := connection.recv(65536):
    sys.stdout.buffer.write(chunk)
"""


def _asked_by_nobody(path: Path) -> bytes:
    command = [sys.executable, "-I", "-S", "-c", ASK, str(path), str(NOBODY)]
    return subprocess.run(command, capture_output=True, check=True).stdout


# --- what is read ------------------------------------------------------------------------------------------------
def test_a_body_beyond_the_limit_is_refused_and_the_server_goes_on(client: DaemonClient) -> None:
    with pytest.raises(Failure) as refused:
        client.post("/v1/jobs", submission(env={"X": "x" * (5 * 2**20)}))
    assert (refused.value.code, refused.value.exit_code) == ("too-large", 2)
    assert client.get("/v1/jobs") == []


def test_a_large_environment_within_the_limit_is_taken(client: DaemonClient, service: FakeDaemonService) -> None:
    client.post("/v1/jobs", submission(env={"X": "x" * (2 * 2**20)}))
    assert len(service.requests[0].env["X"]) == 2 * 2**20


@pytest.mark.parametrize(
    "text",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\n{not}",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]",
        b"POST /v1/jobs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /v1/jobs/99999999999999999999 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET /v1/jobs?state=%ff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    ],
)
def test_nonsense_on_the_wire_is_refused_and_the_server_goes_on(client: DaemonClient, text: bytes) -> None:
    assert raw(client.socket, text)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 404")
    assert client.get("/v1/jobs") == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"argv": []}, "argv"),
        ({"argv": ["a\0b"]}, "NUL"),
        ({"workdir": "relative"}, "not an absolute path"),
        ({"gpus": -1}, "gpus: should be greater than or equal to 0"),
        ({"gpus": 1.5}, "gpus"),
        ({"duration_s": 0}, "duration_s: should be greater than 0"),
        ({"within_s": 1e12}, "within_s"),
        ({"deadline": "2026-11-24T09:00:00"}, "deadline: should have timezone"),
        ({"deadline": "2026-11-24T09:00:00Z", "within_s": 60}, "not both"),
        ({"run_now": True, "hold": True}, "held"),
        ({"checkpoint_signal": "SIGWHAT"}, "not the name of a signal"),
        ({"checkpoint_signal": "kill"}, "cannot be handled"),
        ({"env": {"A=B": "1"}}, "environment variable"),
        ({"after": [0]}, "after"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_a_submission_that_makes_no_sense_names_the_field(
    client: DaemonClient, service: FakeDaemonService, fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(Failure, match=said) as refused:
        client.post("/v1/jobs", submission(**fields))
    assert (refused.value.code, refused.value.exit_code) == ("request", 2)
    assert service.requests == []


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"argv": ["sh", "\udce9"]}, "argv.1"),
        ({"workdir": "/\udce9"}, "workdir"),
        ({"env": {"A": "\udce9"}}, "env.A"),
        ({"env": {"\udce9": "1"}}, "env."),
        ({"name": "\udce9"}, "name"),
        ({"zone": "\udce9"}, "zone"),
        ({"project": "\udce9"}, "project"),
        ({"tags": ["x", "\udce9"]}, "tags.1"),
        ({"idempotency_key": "\ud800"}, "idempotency_key"),
        ({"checkpoint_signal": "\udce9"}, "checkpoint_signal"),
        ({"\udce9": 1}, "request"),
    ],
)
def test_text_that_is_not_utf_8_is_refused_with_its_field(
    client: DaemonClient, service: FakeDaemonService, fields: dict[str, Any], named: str
) -> None:
    """It could be neither stored nor sent to the worker: a job that nobody can start must not be queued."""
    with pytest.raises(Failure) as refused:
        client.post("/v1/jobs", submission(**fields))
    assert str(refused.value).startswith(named) and "is not UTF-8" in str(refused.value)
    assert (refused.value.code, service.requests) == ("request", [])


def test_every_mistake_of_a_submission_is_said_at_once(client: DaemonClient) -> None:
    with pytest.raises(Failure) as refused:
        client.post("/v1/jobs", {"argv": [], "workdir": "x", "gpus": -1})
    assert all(field in str(refused.value) for field in ("argv", "workdir", "gpus"))


def test_a_submission_arrives_as_it_was_meant(client: DaemonClient, service: FakeDaemonService) -> None:
    client.post(
        "/v1/jobs",
        submission(gpus=2, duration_s=90.5, power_w=300, checkpoint_signal="usr1", tags=["a", "b"], after=[1]),
    )
    request = service.requests[0]
    assert request.gpus == 2 and request.tags == ("a", "b") and request.after == (1,)
    assert request.duration is not None and request.duration.total_seconds() == 90.5
    assert request.power is not None and request.power.watts == 300
    assert request.checkpoint_signal == "SIGUSR1"


# --- what is said ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "status", "code", "exit_code"),
    [
        (RequestError("no"), 400, "request", 2),
        (NotFound("no"), 404, "not-found", 2),
        (NotPermitted("no"), 403, "not-permitted", 77),
        (IllegalTransition("no"), 409, "wrong-state", 2),
        (DatabaseLocked("no"), 503, "storage", 1),
        (DiskFull("no"), 503, "storage", 1),
        (ExecutorError("no"), 503, "executor", 1),
        (CarbonDataInvalid("no"), 503, "carbon-data", 1),
        (CarbonqError("no"), 500, "internal", 1),
    ],
)
def test_each_error_of_the_tree_has_its_status_code_and_exit_status(
    client: DaemonClient, service: FakeDaemonService, error: Exception, status: int, code: str, exit_code: int
) -> None:
    service.error = error
    connection = http.client.HTTPConnection("x")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(client.socket))
    connection.request("GET", "/v1/jobs")
    assert connection.getresponse().status == status
    connection.close()
    with pytest.raises(Failure) as failure:
        client.get("/v1/jobs")
    assert (failure.value.code, failure.value.exit_code) == (code, exit_code)


def test_an_unforeseen_error_shows_no_internals(
    client: DaemonClient, service: FakeDaemonService, caplog: pytest.LogCaptureFixture
) -> None:
    """The log has the traceback; the caller gets a sentence."""
    service.error = ZeroDivisionError("secret detail")
    with pytest.raises(Failure) as failure:
        client.get("/v1/jobs")
    assert "secret detail" not in str(failure.value) and "log" in str(failure.value)
    assert any("request failed" in record.message and record.exc_info for record in caplog.records)


@pytest.mark.parametrize(("method", "path"), [("get", "/nowhere"), ("get", "/v1/jobs/x"), ("post", "/v1/plan")])
def test_even_what_does_not_exist_is_refused_in_the_one_shape(client: DaemonClient, method: str, path: str) -> None:
    with pytest.raises(Failure) as failure:
        getattr(client, method)(path)
    assert failure.value.exit_code == 2


def test_the_api_describes_itself(client: DaemonClient) -> None:
    """Every route of docs/architecture.md, every answer with its shape."""
    described = client.get("/openapi.json")
    for path in (
        "/v1/jobs", "/v1/jobs/{job_id}", "/v1/jobs/{job_id}/cancel", "/v1/jobs/{job_id}/hold",
        "/v1/jobs/{job_id}/release", "/v1/jobs/{job_id}/run-now", "/v1/jobs/{job_id}/log",
        "/v1/jobs/{job_id}/explain", "/v1/history", "/v1/history/recompute", "/v1/plan", "/v1/grid/now",
        "/v1/grid/forecast", "/v1/grid/providers", "/v1/grid/series", "/v1/grid/observations", "/v1/grid/issues",
        "/v1/gpus", "/v1/status",
    ):  # fmt: skip
        for operation in described["paths"][path].values():
            success = operation["responses"].get("200") or operation["responses"]["201"]
            assert success["content"]["application/json"]["schema"]
            assert "4XX" in operation["responses"]


def test_times_are_utc_and_unknown_figures_are_null(client: DaemonClient, service: FakeDaemonService) -> None:
    service.add()
    row = client.get("/v1/jobs")[0]
    assert row["submitted_at"] == "2026-11-23T12:00:00Z"
    assert row["emissions_g"] is None
    assert json.dumps(row, allow_nan=False)


def test_the_record_of_the_grid_is_asked_for_by_series_and_stretch(
    client: DaemonClient, service: FakeDaemonService
) -> None:
    stretch = {"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00+01:00"}
    answer = client.get("/v1/grid/observations", **stretch, source="eia", kind="average", as_of=stretch["until"])
    assert answer["rows"] == [] and answer["until"] == "2026-11-20T23:00:00Z"
    choice, interval = service.chosen[0]
    assert (choice.source, choice.kind, choice.zone) == ("eia", "average", None)
    assert interval.length.total_seconds() == 23 * 3600
    assert client.get("/v1/grid/issues", **stretch, apart_s=21600)["issues"] == []


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({}, "since"),
        ({"since": "2026-11-20T00:00:00", "until": "2026-11-21T00:00:00Z"}, "since: should have timezone"),
        ({"since": "2026-11-21T00:00:00Z", "until": "2026-11-20T00:00:00Z"}, "must be after since"),
        ({"since": "2026-11-20T00:00:00Z", "until": "2026-11-21T00:00:00Z", "kind": "green"}, "kind"),
    ],
)
def test_a_question_about_the_record_that_makes_no_sense_names_the_field(
    client: DaemonClient, question: dict[str, str], said: str
) -> None:
    with pytest.raises(Failure, match=said) as refused:
        client.get("/v1/grid/observations", **question)
    assert (refused.value.code, refused.value.exit_code) == ("request", 2)


def test_the_app_can_be_made_without_a_daemon() -> None:
    """Nothing is read, opened or asked when it is put together."""
    assert create_app(FakeDaemonService()).openapi()["info"]["title"] == "carbonq"
