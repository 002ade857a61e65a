"""Where output goes that nobody can take: a full disk, a closed stream. The loss is said where that can be said."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes.views import COMPLETED

from scheduler.service_views.requests import LogStream

if TYPE_CHECKING:
    from conftest import CommandLine

FULL = Path("/dev/full")
pytestmark = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
ASKING = [["list"], ["list", "--json"], ["logs", "1"], ["--help"], ["submit", "--help"], ["--version"]]
UNBUFFERED = pytest.mark.parametrize("unbuffered", ["", "1"], ids=["buffered", "unbuffered"])
"""Python finds out about a full disk when it writes, or when it has flushed what it kept: at the end."""


def name(argv: list[str]) -> str:
    return " ".join(argv)


def closing(*descriptors: int) -> dict[str, Any]:
    """How the shell starts a command for `>&-`."""
    return {"preexec_fn": lambda: [os.close(each) for each in descriptors]}


def ended(carbonq: CommandLine, argv: list[str], unbuffered: str, **settings: Any) -> tuple[int, str, str]:
    carbonq.service.add(**COMPLETED)
    carbonq.service.logs[1, LogStream.STDOUT] = [b"line\n"]
    process = carbonq.process(*argv, env={"PYTHONUNBUFFERED": unbuffered}, **settings)
    out, err = process.communicate(timeout=30)
    return process.returncode, (out or b"").decode(), (err or b"").decode()


@UNBUFFERED
@pytest.mark.parametrize("argv", ASKING, ids=name)
def test_a_full_disk_is_said_on_stderr(carbonq: CommandLine, argv: list[str], unbuffered: str) -> None:
    with FULL.open("w") as full:
        status, _, err = ended(carbonq, argv, unbuffered, stdout=full)
    assert status == 1
    assert err == (
        "carbonq: the answer is lost, for stdout cannot be written: No space left on device; send it elsewhere, or "
        "make room there\n"
    )


@pytest.mark.parametrize("argv", [["list"], ["list", "--json"], ["logs", "1"]], ids=name)
def test_a_closed_stdout_is_said_on_stderr(carbonq: CommandLine, argv: list[str]) -> None:
    status, _, err = ended(carbonq, argv, "", stdout=None, **closing(1))
    assert status == 1
    assert err.startswith("carbonq: the answer is lost, for stdout cannot be written: it is closed") and "\n" in err
    assert len(err.splitlines()) == 1


@UNBUFFERED
@pytest.mark.parametrize("options", [["-p"], [], ["--json"], ["--wait"]], ids=name)
def test_of_a_job_that_was_queued_its_number_is_said_although_the_answer_was_lost(
    carbonq: CommandLine, options: list[str], unbuffered: str
) -> None:
    """A script that takes the failure for one of the submission would submit twice."""
    carbonq.service.ends_after = 1
    with FULL.open("w") as full:
        status, _, err = ended(carbonq, ["submit", *options, "--", "true"], unbuffered, stdout=full)
    first, second = err.splitlines()
    assert first == "carbonq: job 2 is queued, only its number could not be printed; do not submit it again"
    assert second.startswith("carbonq: the answer is lost")
    assert status == 1


def test_a_reader_that_went_away_is_told_the_number_of_the_job_as_well(carbonq: CommandLine) -> None:
    read, write = os.pipe()
    os.close(read)
    status, _, err = ended(carbonq, ["submit", "true"], "", stdout=write)
    os.close(write)
    assert (status, err.count("\n")) == (141, 1) and "job 2 is queued" in err


def test_a_failure_that_cannot_be_said_as_json_is_said_on_stderr_and_keeps_its_status(carbonq: CommandLine) -> None:
    with FULL.open("w") as full:
        status, _, err = ended(carbonq, ["show", "9", "--json"], "", stdout=full)
    assert (status, err) == (2, "carbonq: there is no job 9; `carbonq list --all` shows those there are\n")


@UNBUFFERED
@pytest.mark.parametrize("argv", [["show", "9"], ["lst"]], ids=name)
def test_where_stderr_is_full_or_closed_the_status_still_tells(
    carbonq: CommandLine, argv: list[str], unbuffered: str
) -> None:
    with FULL.open("w") as full:
        assert ended(carbonq, argv, unbuffered, stderr=full)[:2] == (2, "")
    assert ended(carbonq, argv, unbuffered, stderr=None, **closing(2))[:2] == (2, "")


@UNBUFFERED
def test_a_notice_that_nobody_can_take_keeps_no_answer_back(carbonq: CommandLine, unbuffered: str) -> None:
    carbonq.service.add(**COMPLETED)
    with FULL.open("w") as full:
        status, out, _ = ended(carbonq, ["wait", "1", "9"], unbuffered, stderr=full)
    assert status == 2 and out.startswith("Job 1 ")


@UNBUFFERED
@pytest.mark.parametrize("argv", [["list"], ["show", "9"]], ids=name)
def test_without_any_stream_the_status_is_all(carbonq: CommandLine, argv: list[str], unbuffered: str) -> None:
    expected = 1 if argv == ["list"] else 2
    streams = {"stdout": None, "stderr": None, "stdin": None}
    assert ended(carbonq, argv, unbuffered, **streams, **closing(0, 1, 2)) == (expected, "", "")
    with FULL.open("w") as full:
        assert ended(carbonq, argv, unbuffered, stdout=full, stderr=full) == (expected, "", "")
