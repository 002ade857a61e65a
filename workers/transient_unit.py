"""Supervisors as transient systemd units: they outlive the agent's unit, and their control group goes with them."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from dbus_fast import BusType, Message, MessageType, Variant
from dbus_fast.aio import MessageBus
from dbus_fast.errors import DBusError

from scheduler.domain.errors import ExecutorError
from scheduler.protocol import RunSpec
from workers.identity import identity_of
from workers.launcher import SUPERVISOR
from workers.unit_names import SLICE, unit_name

ANSWER_WITHIN_S = 10.0
UNIT_EXISTS = "org.freedesktop.systemd1.UnitExists"
STOP_MARGIN_S = 15.0
"""Beyond both graces of a stop: for the last slice and exit.json."""

BECOMING_THE_USER = sum(1 << capability for capability in (0, 5, 6, 7))
"""CAP_CHOWN, CAP_KILL, CAP_SETGID and CAP_SETUID (capabilities(7)): what root's supervisor needs for a user's job."""

Property = tuple[str, Variant]


def unit_properties(directory: Path, spec: RunSpec, descriptor_index: int) -> list[Property]:
    """The unit of one segment. Every local user can read these over D-Bus: the job's environment is not here."""
    command = [*SUPERVISOR, str(directory), "-"]
    properties = [
        ("Description", Variant("s", f"carbonq segment {spec.segment}")),
        ("Type", Variant("s", "simple")),
        ("ExecStart", Variant("a(sasb)", [[sys.executable, command, False]])),
        ("StandardInputFileDescriptor", Variant("h", descriptor_index)),
        ("Slice", Variant("s", SLICE)),
        # Only the supervisor is asked to end, and stops the job in good order; SIGKILL goes to the whole group.
        ("KillMode", Variant("s", "mixed")),
        ("TimeoutStopUSec", Variant("t", int((2 * spec.grace_s + STOP_MARGIN_S) * 1_000_000))),
        # One worker of the job that runs out of memory is the job's affair: the supervisor records how it ended.
        ("OOMPolicy", Variant("s", "continue")),
        # A failed unit that stays loaded would keep its standard input, and with it the lock, open.
        ("CollectMode", Variant("s", "inactive-or-failed")),
    ]
    if spec.run_as_uid is not None:
        properties.append(("CapabilityBoundingSet", Variant("t", BECOMING_THE_USER)))
    return properties


class SystemdLauncher:
    """Asks the user's systemd, or PID 1, for one unit a segment."""

    def __init__(self, system: bool) -> None:
        self.name = "systemd-system" if system else "systemd-user"
        self._system = system
        self.serves_others = system

    def check(self, uid: int) -> None:
        if self._system:
            identity_of(uid)
        elif uid != os.geteuid():
            raise ExecutorError(f"this agent runs jobs of uid {os.geteuid()} only, not of {uid}; submit as that user")

    def launch(self, directory: Path, spec: RunSpec, lock: int) -> None:
        message = self._start_message(directory, spec, lock)
        try:
            reply = asyncio.run(asyncio.wait_for(_ask(self._bus_type, message), ANSWER_WITHIN_S))
        except (OSError, TimeoutError, DBusError) as exc:
            raise ExecutorError(f"systemd cannot be asked to start {spec.segment}: {exc}; is its bus running?") from exc
        if reply is not None and reply.message_type is MessageType.ERROR:
            raise ExecutorError(refusal(spec.segment, reply))

    @property
    def _bus_type(self) -> BusType:
        return BusType.SYSTEM if self._system else BusType.SESSION

    def _start_message(self, directory: Path, spec: RunSpec, lock: int) -> Message:
        properties = unit_properties(directory, spec, descriptor_index=0)
        return Message(
            destination="org.freedesktop.systemd1",
            path="/org/freedesktop/systemd1",
            interface="org.freedesktop.systemd1.Manager",
            member="StartTransientUnit",
            signature="ssa(sv)a(sa(sv))",
            body=[unit_name(spec.segment), "fail", [list(each) for each in properties], []],
            unix_fds=[lock],
        )


async def _ask(bus_type: BusType, message: Message) -> Message | None:
    bus = await MessageBus(bus_type=bus_type, negotiate_unix_fd=True).connect()
    try:
        return await bus.call(message)
    finally:
        bus.disconnect()


def refusal(segment: str, reply: Message) -> str:
    """Why systemd did not start the unit, in a sentence."""
    if reply.error_name == UNIT_EXISTS:
        return f"segment {segment} has a unit already; ask for its report"
    said: list[Any] = reply.body
    return f"systemd refused to start {segment}: {said[0] if said else reply.error_name}"
