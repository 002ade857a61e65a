"""The scheduler's side of the socket against an agent that misbehaves: always an ExecutorError that says what next."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from fakes.worker_processes import run_spec

from scheduler.domain.errors import ExecutorError
from scheduler.domain.runs import SegmentId
from scheduler.executors.agent_socket import AgentExecutor
from scheduler.protocol import PROTOCOL_VERSION, Accepted, StartOrder, Welcome, encode

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def welcome(version: int = PROTOCOL_VERSION) -> bytes:
    return encode(1, Welcome(version, 1, "worker", "boot", "fork"))


def answering(*answers: bytes) -> Serve:
    """An agent that answers each line with the next of `answers`, and then hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in answers:
            await reader.readline()
            writer.write(answer)
        writer.close()

    return serve


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


def failure(root: Path, serve: Serve) -> str:
    """What the executor says about an agent that behaves like `serve`."""

    async def scene() -> str:
        server = await asyncio.start_unix_server(serve, root / "agent.sock")
        async with server:
            with pytest.raises(ExecutorError) as caught:
                await AgentExecutor(root / "agent.sock", root / "locks", answer_within_s=0.3).inventory()
        return str(caught.value)

    return asyncio.run(scene())


def test_no_agent_is_said_with_the_socket_and_who_starts_it(tmp_path: Path) -> None:
    with pytest.raises(ExecutorError, match=r"agent\.sock cannot be reached: .*the daemon starts it again"):
        asyncio.run(AgentExecutor(tmp_path / "agent.sock", tmp_path).inventory())


def test_an_agent_that_hangs_is_given_up_in_time(tmp_path: Path) -> None:
    assert "did not answer within 0.3 s" in failure(tmp_path, silent)


def test_an_agent_of_another_version_is_named_with_both_versions(tmp_path: Path) -> None:
    said = failure(tmp_path, answering(welcome(version=2)))
    assert f"speaks protocol 2 and this scheduler {PROTOCOL_VERSION}; restart it" in said


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ((), "cannot be reached"),
        ((welcome(),), "cannot be reached"),
        ((welcome(), b""), "it closed the connection"),
        ((b"garbage\n",), "restart it so that both sides are of one version"),
        ((welcome(), encode(9, Accepted())), "answered question 9 instead of 2"),
        ((welcome(), encode(2, Accepted())), "answered Accepted to InventoryQuery"),
    ],
)
def test_every_wrong_answer_is_an_executor_error(tmp_path: Path, answers: tuple[bytes, ...], said: str) -> None:
    assert said in failure(tmp_path, answering(*answers))


def test_a_lock_directory_that_cannot_be_made_is_an_executor_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ExecutorError, match="cannot be created"):
        AgentExecutor(tmp_path / "agent.sock", tmp_path / "file" / "locks").lock(SegmentId(1, 1, 1))


def test_an_order_that_cannot_be_written_as_utf_8_is_an_executor_error_that_keeps_its_secret(tmp_path: Path) -> None:
    """A job of an earlier version may be queued with such a variable."""
    spec = run_spec(tmp_path, "true")
    order = StartOrder(msgspec.structs.replace(spec, env={"KEY": "secret\udce9"}), os.geteuid())

    async def scene() -> str:
        server = await asyncio.start_unix_server(answering(welcome()), tmp_path / "agent.sock")
        executor, lock = AgentExecutor(tmp_path / "agent.sock", tmp_path / "locks"), os.open(os.devnull, os.O_RDONLY)
        async with server:
            with pytest.raises(ExecutorError) as caught:
                await executor.start(order, lock)
        os.close(lock)
        return str(caught.value)

    said = asyncio.run(scene())
    assert "this StartOrder" in said and "is not UTF-8" in said and "secret" not in said
