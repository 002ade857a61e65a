"""What systemd hears, over a real datagram socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from scheduler.daemon.notify import ServiceNotifier


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def heard(systemd: socket.socket) -> str:
    return systemd.recv(4096).decode()


def test_systemd_hears_of_each_step_of_the_daemons_life(systemd: socket.socket) -> None:
    notifier = ServiceNotifier({"NOTIFY_SOCKET": systemd.getsockname()})
    notifier.extend_start(timedelta(seconds=90))
    assert heard(systemd) == "EXTEND_TIMEOUT_USEC=90000000"
    notifier.ready("1 running, 2 waiting")
    assert heard(systemd) == "READY=1\nSTATUS=1 running, 2 waiting"
    notifier.status("0 running, 0 waiting")
    assert heard(systemd) == "STATUS=0 running, 0 waiting"
    notifier.alive()
    assert heard(systemd) == "WATCHDOG=1"
    notifier.stopping()
    assert heard(systemd) == "STOPPING=1"


def test_an_address_that_begins_with_an_at_sign_is_abstract() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("\0carbonq-test-notify")
        listener.settimeout(5)
        ServiceNotifier({"NOTIFY_SOCKET": "@carbonq-test-notify"}).alive()
        assert heard(listener) == "WATCHDOG=1"


def test_outside_systemd_and_while_it_restarts_nothing_happens(tmp_path: Path) -> None:
    ServiceNotifier({}).ready("")
    ServiceNotifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).alive()


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, timedelta(seconds=15)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, timedelta(seconds=15)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_bites(environ: dict[str, str], interval: timedelta | None) -> None:
    """And only where it is meant for this process."""
    assert ServiceNotifier(environ).watchdog_interval == interval
