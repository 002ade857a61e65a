"""The worker agent: takes orders over a Unix socket, and answers from what the segment directories say.

`python -P -m workers.agent [--socket PATH] --runs DIR [--cpu-slots N] [--launcher fork|systemd-user|systemd-system]`.
It keeps nothing in memory that matters, and may be killed and started again at any moment.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import pwd
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from socket import socket

from scheduler import protocol
from scheduler.domain.errors import ExecutorError
from scheduler.inherited_socket import inherited_socket
from scheduler.protocol import Accepted, InventoryReport, Refused, Reports, SegmentReport, Welcome
from workers import clock
from workers.connection import listen, only_agent
from workers.launcher import ForkLauncher, Launcher
from workers.segments import Segments
from workers.serving import Server
from workers.training_process import end_with_parent
from workers.wakeups import Wakeups

logger = logging.getLogger(__name__)

LAUNCHERS = ("fork", "systemd-user", "systemd-system")


class Agent:
    """Answers one request at a time."""

    def __init__(self, segments: Segments, launcher: str, inventory: Callable[[], InventoryReport]) -> None:
        self._segments = segments
        self._launcher = launcher
        self._inventory = inventory
        self._unreported: dict[str, str] = {}
        """Segments that could not be reported, and why: said once, not at every look."""

    def answer(self, request: protocol.Request, descriptors: list[int]) -> protocol.Reply:
        """What was asked for, or Refused with the reason."""
        try:
            return self._carry_out(request, descriptors)
        except (ExecutorError, ValueError) as refusal:
            return Refused(str(refusal))
        except OSError as error:
            logger.warning("%s was not carried out: %s", type(request).__name__, error)
            return Refused(f"the worker's system refused: {error}; `carbonq doctor` looks at disk and limits")

    def _carry_out(self, request: protocol.Request, descriptors: list[int]) -> protocol.Reply:
        match request:
            case protocol.Hello():
                return Welcome(protocol.PROTOCOL_VERSION, os.getpid(), clock.host(), clock.boot_id(), self._launcher)
            case protocol.InventoryQuery():
                return self._inventory()
            case protocol.ReportQuery():
                return self._reports(request)
            case protocol.LogQuery():
                return self._segments.read_log(request)
            case protocol.StartOrder():
                self._start(request, descriptors)
            case protocol.StopOrder():
                self._segments.stop(request)
            case protocol.ForgetOrder():
                self._segments.forget(request.segment)
            case protocol.CleanOrder():
                return self._segments.clean(request)
        return Accepted()

    def _start(self, order: protocol.StartOrder, descriptors: list[int]) -> None:
        if len(descriptors) != 1:
            raise ValueError(
                f"a start order brings one locked descriptor, not {len(descriptors)}; send it beside the order"
            )
        self._segments.start(order, descriptors[0])

    def _reports(self, query: protocol.ReportQuery) -> Reports:
        looked_at = (self._report(name, cursor, query.limit) for name, cursor in query.cursors.items())
        return Reports(clock.now(), [report for report in looked_at if report is not None])

    def _report(self, segment: str, cursor: int, limit: int) -> SegmentReport | None:
        """None where the segment cannot be looked at. An empty report would not do: beside a free lock it says that
        the segment never started, and its job would be started a second time."""
        try:
            return self._segments.report(segment, cursor, limit)
        except Exception as error:
            # Broad on purpose: whatever is wrong with one segment, the others are to be reported.
            if self._unreported.get(segment) != repr(error):
                logger.warning("segment %s is not reported: %r", segment, error, exc_info=error)
            self._unreported[segment] = repr(error)
            return None


def take_inventory(cpu_slots: int | None) -> InventoryReport:
    # Imported when first asked for: it opens the GPU driver, which an agent without orders has no need of.
    from workers.inventory import take_inventory

    return take_inventory(cpu_slots)


def main(
    arguments: list[str],
    launcher: Launcher | None = None,
    inventory: Callable[[int | None], InventoryReport] = take_inventory,
) -> int:
    """The agent process; its exit status."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        serve(options, launcher or launcher_named(options.launcher), inventory)
    except ExecutorError as error:
        print(f"carbonq agent: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def serve(options: argparse.Namespace, launcher: Launcher, inventory: Callable[[int | None], InventoryReport]) -> None:
    """Be the agent of `options.socket` until told to end; jobs go on without us."""
    # Before the socket is there: from then on SIGTERM has to take it away again.
    wakeups = Wakeups()
    if options.parent is not None and not end_with_parent(options.parent):
        return
    options.runs.mkdir(mode=0o700, parents=True, exist_ok=True)
    agent = Agent(Segments(options.runs, launcher), launcher.name, lambda: inventory(options.cpu_slots))
    allowed = frozenset({0, os.geteuid(), *options.scheduler_user})
    with _listener(options.socket) as listener:
        logger.info("agent ready at %s", listener.getsockname())
        Server(listener, allowed, agent.answer, wakeups).run()


@contextlib.contextmanager
def _listener(path: Path | None) -> Iterator[socket]:
    """The socket to serve: our own at `path`, gone when we go, or the one that systemd keeps for us."""
    if path is None:
        yield _handed_over()
        return
    only = only_agent(path)
    yield listen(path)
    path.unlink(missing_ok=True)
    os.close(only)


def _handed_over() -> socket:
    try:
        listener = inherited_socket(os.environ)
    except ValueError as error:
        raise ExecutorError(str(error)) from error
    if listener is None:
        raise ExecutorError("systemd has handed over no socket; name one with --socket")
    return listener


def _uid(text: str) -> int:
    """Of a user given by number or name."""
    try:
        return int(text) if text.isdecimal() else pwd.getpwnam(text).pw_uid
    except KeyError:
        raise argparse.ArgumentTypeError(f"there is no user {text}; see /etc/passwd") from None


def launcher_named(name: str) -> Launcher:
    """`fork`, `systemd-user` or `systemd-system`."""
    if name == ForkLauncher.name:
        return ForkLauncher()
    # Imported here, for a machine without systemd needs no D-Bus.
    from workers.transient_unit import SystemdLauncher

    return SystemdLauncher(system=name == "systemd-system")


def _absolute(text: str) -> Path:
    return Path(text).absolute()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="carbonq-agent", description="carbonq's worker agent")
    parser.add_argument("--socket", type=_absolute, help="Unix socket to serve; without it, the one systemd hands over")
    parser.add_argument("--runs", type=_absolute, required=True, help="directory of the segment directories")
    parser.add_argument("--cpu-slots", type=int, help="jobs without a GPU that may run at once")
    parser.add_argument("--launcher", choices=LAUNCHERS, default="fork", help="how supervisors are started")
    parser.add_argument(
        "--scheduler-user", type=_uid, action="append", default=[], help="another user who may give orders"
    )
    parser.add_argument("--parent", type=int, help="process to end with: the daemon that keeps this agent")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
