"""The worker agent over its Unix socket: one connection a question, so that no answer is ever another's."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from scheduler import protocol
from scheduler.domain.errors import ExecutorError
from scheduler.domain.gpus import Gpu, Inventory
from scheduler.domain.lifecycle import StopReason
from scheduler.domain.runs import SegmentId
from scheduler.domain.units import Power
from scheduler.executors.segment_locks import SegmentLocks

READ_BYTES = 256 * 1024
ANSWER_WITHIN_S = 15.0
CLEANED_WITHIN_S = 60.0
"""Of a hundred thousand small files, or of a slow disk."""

Answer = TypeVar("Answer", bound=msgspec.Struct)


class AgentExecutor:
    """The Executor port. An agent that was restarted is simply there again at the next question."""

    def __init__(self, agent_socket: Path, locks: Path, answer_within_s: float = ANSWER_WITHIN_S) -> None:
        self._path = agent_socket
        self._locks = SegmentLocks(locks)
        self._answer_within_s = answer_within_s

    async def inventory(self) -> Inventory:
        return _inventory(await self._ask(protocol.InventoryQuery(), protocol.InventoryReport))

    def lock(self, segment: SegmentId) -> int:
        return self._locks.lock(segment)

    def lock_is_free(self, segment: SegmentId) -> bool:
        return self._locks.is_free(segment)

    async def start(self, order: protocol.StartOrder, lock: int) -> None:
        await self._ask(order, protocol.Accepted, lock)

    async def stop(self, segment: SegmentId, reason: StopReason) -> None:
        await self._ask(protocol.StopOrder(str(segment), reason), protocol.Accepted)

    async def reports(self, cursors: Mapping[SegmentId, int]) -> Mapping[SegmentId, protocol.SegmentReport]:
        query = protocol.ReportQuery({str(segment): cursor for segment, cursor in cursors.items()})
        answer = await self._ask(query, protocol.Reports)
        return {SegmentId.parse(report.segment): report for report in answer.segments}

    async def read_log(self, segment: SegmentId, stream: str, offset: int, limit: int) -> protocol.LogChunk:
        return await self._ask(protocol.LogQuery(str(segment), stream, offset, limit), protocol.LogChunk)

    async def forget(self, segment: SegmentId) -> None:
        await self._ask(protocol.ForgetOrder(str(segment)), protocol.Accepted)
        self._locks.remove(segment)

    def unforgotten(self) -> tuple[SegmentId, ...]:
        return self._locks.all()

    async def clean(self, segments: Sequence[SegmentId], dry_run: bool) -> protocol.Cleaned:
        order = protocol.CleanOrder([str(each) for each in segments], dry_run)
        return await self._ask(order, protocol.Cleaned, within_s=CLEANED_WITHIN_S)

    async def close(self) -> None:
        """Nothing is kept open between questions."""

    async def _ask(
        self, request: protocol.Request, kind: type[Answer], lock: int | None = None, within_s: float | None = None
    ) -> Answer:
        """The agent's answer, which must be a `kind`; every way this can fail is an ExecutorError."""
        within_s = within_s or self._answer_within_s
        try:
            async with asyncio.timeout(within_s):
                reply = await self._exchange(request, lock)
        except TimeoutError as exc:
            raise ExecutorError(
                f"the worker agent at {self._path} did not answer within {within_s:g} s; "
                "it is asked again at the next look; see `carbonq doctor`"
            ) from exc
        except (OSError, EOFError) as exc:
            raise ExecutorError(
                f"the worker agent at {self._path} cannot be reached: {exc}; "
                "the daemon starts it again, see `carbonq doctor`"
            ) from exc
        except UnicodeEncodeError as exc:
            raise ExecutorError(
                f"the worker agent cannot be sent this {type(request).__name__}: it holds a byte that is not UTF-8 "
                "(half of a surrogate pair); cancel the job and submit it without"
            ) from exc
        except msgspec.DecodeError as exc:
            raise ExecutorError(
                f"the worker agent at {self._path} gave an answer that cannot be read: {exc}; "
                "restart it so that both sides are of one version"
            ) from exc
        if isinstance(reply, protocol.Refused):
            raise ExecutorError(f"the worker agent refused: {reply.reason}")
        if not isinstance(reply, kind):
            raise ExecutorError(f"the worker agent answered {type(reply).__name__} to {type(request).__name__}")
        return reply

    async def _exchange(self, request: protocol.Request, lock: int | None) -> object:
        connection = await _Connection.to(self._path)
        try:
            welcome = await connection.ask(protocol.Hello(), None)
            if isinstance(welcome, protocol.Welcome) and welcome.version != protocol.PROTOCOL_VERSION:
                return protocol.Refused(
                    f"it speaks protocol {welcome.version} and this scheduler {protocol.PROTOCOL_VERSION}; restart it"
                )
            return await connection.ask(request, lock)
        finally:
            connection.close()


class _Connection:
    """A stream of lines, with at most one descriptor beside each."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self._asked = 0

    @classmethod
    async def to(cls, path: Path) -> _Connection:
        connecting = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            await asyncio.get_running_loop().sock_connect(connecting, str(path))
        except BaseException:
            connecting.close()
            raise
        return cls(connecting)

    async def ask(self, request: msgspec.Struct, descriptor: int | None) -> object:
        self._asked += 1
        await self._send(protocol.encode(self._asked, request), descriptor)
        number, reply = protocol.decode_reply(await self._line())
        # A request that the agent could not read at all is refused under number 0.
        if number not in (0, self._asked):
            raise EOFError(f"it answered question {number} instead of {self._asked}")
        return reply

    async def _send(self, line: bytes, descriptor: int | None) -> None:
        """The descriptor goes with the first byte, and a fresh connection always takes one."""
        if descriptor is not None:
            sent = socket.send_fds(self._socket, [line], [descriptor])
            line = line[sent:]
        await self._loop.sock_sendall(self._socket, line)

    async def _line(self) -> bytes:
        while (end := self._received.find(b"\n")) < 0:
            data = await self._loop.sock_recv(self._socket, READ_BYTES)
            if not data:
                raise EOFError("it closed the connection")
            self._received += data
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        return line

    def close(self) -> None:
        self._socket.close()


def _inventory(report: protocol.InventoryReport) -> Inventory:
    return Inventory(
        host=report.host,
        boot_id=report.boot_id,
        gpus=tuple(_gpu(gpu) for gpu in report.gpus),
        cpu_slots=report.cpu_slots,
        cpu_model=report.cpu_model,
        meters=tuple(report.meters),
        degraded=report.degraded,
    )


def _gpu(report: protocol.GpuReport) -> Gpu:
    return Gpu(
        report.uuid,
        report.name,
        report.memory_bytes,
        power_limit=_power(report.power_limit_w),
        power=_power(report.power_w),
        busy_with=tuple(report.busy_with),
    )


def _power(watts: float | None) -> Power | None:
    return None if watts is None else Power(watts)
