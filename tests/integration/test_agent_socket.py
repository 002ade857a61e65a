"""The agent at its socket: who may connect, one agent a socket, and nothing a peer sends makes it fall."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fakes.worker_processes import SCRIPT, Agent, agent_at, run_spec, wait_until
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler import protocol
from scheduler.protocol import Hello, Refused, StartOrder, Welcome, decode_reply, encode


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with agent_at(tmp_path) as running:
        yield running


class Peer:
    """A client that may send anything."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")

    def send(self, data: bytes, *descriptors: int) -> None:
        if descriptors:
            socket.send_fds(self._socket, [data], list(descriptors))
        else:
            self._socket.sendall(data)

    def reply(self) -> tuple[int, object] | None:
        """The next answer; None when the agent closed the connection."""
        try:
            line = self._lines.readline()
        except ConnectionResetError:
            return None
        return decode_reply(line) if line else None

    def ask(self, request: protocol.Request) -> object:
        self.send(encode(7, request))
        answer = self.reply()
        assert answer is not None and answer[0] == 7
        return answer[1]


def is_well(agent: Agent) -> bool:
    return isinstance(Peer(agent.socket).ask(Hello()), Welcome)


def test_it_introduces_itself(agent: Agent) -> None:
    welcome = Peer(agent.socket).ask(Hello())
    assert isinstance(welcome, Welcome)
    assert (welcome.version, welcome.pid, welcome.launcher) == (protocol.PROTOCOL_VERSION, agent.pid, "fork")


def test_the_socket_and_the_runs_are_the_owners_alone(agent: Agent) -> None:
    assert stat.S_IMODE(agent.socket.stat().st_mode) == 0o600
    assert stat.S_IMODE(agent.runs.stat().st_mode) == 0o700


def test_a_second_agent_at_the_same_socket_gives_up_and_says_so(agent: Agent, tmp_path: Path) -> None:
    command = [sys.executable, "-P", SCRIPT, "agent", "--socket", agent.socket, "--runs", tmp_path / "other"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert second.returncode == 1
    assert "another agent already serves" in second.stderr
    assert is_well(agent)


def test_the_socket_a_killed_agent_left_is_replaced(agent: Agent) -> None:
    agent.kill()
    assert agent.socket.exists()
    agent.start()
    assert is_well(agent)


def test_sigterm_ends_the_agent_and_takes_its_socket_away(agent: Agent) -> None:
    os.kill(agent.pid, 15)
    wait_until(agent.has_died)
    assert not agent.socket.exists()


def test_a_socket_path_too_long_for_the_kernel_is_said_to_be(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 100) / "agent.sock"
    command = [sys.executable, "-P", SCRIPT, "agent", "--socket", path, "--runs", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, "longer than 107 bytes" in done.stderr) == (1, True)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to be turned away")
def test_another_user_is_turned_away() -> None:
    """Even where the socket itself were open to them: the kernel says who they are."""
    with TemporaryDirectory() as root, agent_at(Path(root)) as agent:
        Path(root).chmod(0o711)
        agent.socket.chmod(0o666)
        script = (
            "import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
            "s.sendall(b'{}\\n'); sys.exit(0 if not s.recv(1) else 5)"
        )
        stranger = subprocess.run(
            ["/usr/bin/python3", "-c", script, agent.socket], user=65534, group=65534, timeout=60, capture_output=True
        )
        assert stranger.returncode != 5
        wait_until(lambda: "uid 65534 may not give orders here" in agent.log())


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"hello\n",
        b"{}\n",
        b"\xff\xfe\n",
        b'{"n":1,"body":{"type":"unheard-of"}}\n',
        b'{"n":1,"body":{"type":"start","spec":{}}}\n',
        b'{"n":1,"body":{"type":"report","cursors":{"1-1-1":"x"}}}\n',
        b'{"n":1,"body":' + b"[" * 100_000 + b"\n",
        b"0" * 1_000_000 + b"\n",
    ],
)
def test_a_line_that_is_no_request_is_refused_and_the_next_is_answered(agent: Agent, line: bytes) -> None:
    peer = Peer(agent.socket)
    peer.send(line)
    answer = peer.reply()
    assert answer is not None and isinstance(answer[1], Refused)
    assert "not a request of protocol 1" in answer[1].reason
    assert isinstance(peer.ask(Hello()), Welcome)


def test_a_line_without_end_costs_the_peer_its_connection_and_nobody_else(agent: Agent) -> None:
    peer = Peer(agent.socket)
    with pytest.raises(OSError):
        for _ in range(100):
            peer.send(b"x" * 1_000_000)
    assert is_well(agent)


def test_a_peer_that_goes_in_the_middle_of_a_line_is_forgotten(agent: Agent) -> None:
    peer = Peer(agent.socket)
    peer.send(b'{"n":1,')
    del peer
    assert is_well(agent)


def test_a_request_in_many_pieces_and_many_in_one_are_all_answered(agent: Agent) -> None:
    peer = Peer(agent.socket)
    for byte in encode(1, Hello()):
        peer.send(bytes([byte]))
    peer.send(encode(2, Hello()) + encode(3, Hello()))
    numbers = [answer[0] for answer in (peer.reply(), peer.reply(), peer.reply()) if answer]
    assert numbers == [1, 2, 3]


def test_a_peer_that_does_not_read_its_answers_holds_up_nobody(agent: Agent) -> None:
    deaf = Peer(agent.socket)
    question = encode(1, protocol.ReportQuery({f"{job}-1-1": 0 for job in range(2000)}))
    deaf.send(question)
    deaf.send(question)
    assert is_well(agent)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300), as_body=st.booleans())
def test_whatever_bytes_come_the_agent_answers_the_next_peer(agent: Agent, data: bytes, as_body: bool) -> None:
    peer = Peer(agent.socket)
    peer.send(b'{"n":1,"body":' + data + b"}\n" if as_body else data + b"\n")
    assert is_well(agent)


TYPES = st.sampled_from(["hello", "start", "stop", "report", "log", "inventory", "forget", "clean"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
FIELDS = st.dictionaries(
    st.sampled_from(["segment", "reason", "cursors", "limit", "stream", "offset", "segments", "spec", "run_as_uid"]),
    VALUES,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kind=TYPES, fields=FIELDS)
def test_every_well_formed_nonsense_gets_an_answer(agent: Agent, kind: str, fields: dict[str, object]) -> None:
    peer = Peer(agent.socket)
    peer.send(json.dumps({"n": 3, "body": {"type": kind, **fields}}).encode() + b"\n")
    answer = peer.reply()
    assert answer is not None and "mistake" not in str(answer[1])


def test_descriptors_that_nobody_asked_for_are_closed_and_not_kept(agent: Agent, tmp_path: Path) -> None:
    before = _open_descriptors(agent)
    for _ in range(20):
        peer = Peer(agent.socket)
        with (tmp_path / "file").open("w") as file:
            peer.send(encode(1, Hello()), file.fileno(), file.fileno())
            peer.reply()
            peer.send(b"half a line", file.fileno())
        del peer
    wait_until(lambda: _open_descriptors(agent) <= before + 1)


def test_more_descriptors_than_any_order_has_cost_the_connection(agent: Agent, tmp_path: Path) -> None:
    peer = Peer(agent.socket)
    with (tmp_path / "file").open("w") as file:
        peer.send(encode(1, Hello()), *[file.fileno()] * 100)
    assert peer.reply() is None
    assert is_well(agent)


@pytest.mark.parametrize("count", [0, 2])
def test_a_start_order_brings_exactly_one_descriptor(agent: Agent, tmp_path: Path, count: int) -> None:
    peer = Peer(agent.socket)
    order = StartOrder(run_spec(tmp_path, "true"), os.geteuid())
    with (tmp_path / "file").open("w") as file:
        peer.send(encode(1, order), *[file.fileno()] * count)
        answer = peer.reply()
    assert answer is not None and isinstance(answer[1], Refused)
    assert f"one locked descriptor, not {count}" in answer[1].reason
    assert not (agent.runs / "1-1-1").exists()


def test_two_orders_in_one_go_each_have_their_own_lock(agent: Agent, tmp_path: Path) -> None:
    """The kernel never reads past a message that carries descriptors."""
    peer = Peer(agent.socket)
    for number in (1, 2):
        order = StartOrder(run_spec(tmp_path, "true", segment=f"{number}-1-1"), os.geteuid())
        with (tmp_path / f"{number}.lock").open("w") as lock:
            peer.send(encode(9, Hello()))
            peer.send(encode(number, order), lock.fileno())
    answers = [peer.reply() for _ in range(4)]
    assert [type(answer[1]).__name__ for answer in answers if answer] == ["Welcome", "Accepted"] * 2
    wait_until(lambda: all((agent.runs / f"{n}-1-1" / "exit.json").exists() for n in (1, 2)))


def _open_descriptors(agent: Agent) -> int:
    return len(list(Path(f"/proc/{agent.pid}/fd").iterdir()))
