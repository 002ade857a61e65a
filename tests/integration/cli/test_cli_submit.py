"""`carbonq submit`: what reaches the daemon, and what is refused before it does."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scheduler.domain.lifecycle import JobState, Reason

if TYPE_CHECKING:
    from conftest import CommandLine


def write_script(folder: Path, text: str, name: str = "train.sh") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_everything_that_can_be_said_reaches_the_daemon(carbonq: CommandLine, tmp_path: Path) -> None:
    answer = carbonq(
        "submit", "--name", "n", "--gpus", "2", "--within", "1d12h", "--duration", "90m", "--time-limit", "3h",
        "--power", "1.2kW", "--interruptible", "--checkpoint-signal", "SIGUSR1", "--grace", "1m", "--retries", "3",
        "--env", "LR=1", "--workdir", str(tmp_path), "--zone", "GB", "--project", "p", "--tag", "a", "--tag", "b",
        "--after", "1", "--patience", "0.05kg/h", "--idempotency-key", "night-1", "--", "sh", "-c", "true",
    )  # fmt: skip
    assert answer.status == 0, answer.err
    request = carbonq.service.requests[0]
    assert request.argv == ("sh", "-c", "true")
    assert (request.name, request.gpus, request.zone, request.project) == ("n", 2, "GB", "p")
    assert (request.within, request.duration) == (timedelta(hours=36), timedelta(minutes=90))
    assert (request.time_limit, request.grace, request.retries) == (timedelta(hours=3), timedelta(minutes=1), 3)
    assert request.power is not None and request.power.watts == 1200
    assert request.interruptible and request.checkpoint_signal == "SIGUSR1"
    assert (request.tags, request.after, request.workdir) == (("a", "b"), (1,), str(tmp_path))
    assert request.env["LR"] == "1" and "PATH" in request.env
    assert (request.patience_g_per_h, request.idempotency_key) == (50, "night-1")


def test_a_job_queued_before_under_its_key_is_not_said_to_be_queued_now(carbonq: CommandLine) -> None:
    again = ["submit", "--idempotency-key", "night-1", "--", "true"]
    assert carbonq(*again).out.startswith("Queued job 1 (true): ")
    assert carbonq(*again).out.startswith("Queued before as job 1 (true): ")
    assert carbonq(*again[:1], "-p", *again[1:]).out == "1\n"
    assert carbonq(*again[:1], "--json", *again[1:]).json["repeated"] is True


def test_what_is_not_said_is_left_to_the_daemon(carbonq: CommandLine) -> None:
    carbonq("submit", "true")
    request = carbonq.service.requests[0]
    assert (request.gpus, request.duration, request.power, request.deadline, request.within) == (None,) * 5


def test_the_daemon_is_told_the_moment_meant_by_by(carbonq: CommandLine) -> None:
    carbonq("submit", "--by", "2099-11-24 09:00", "true")
    deadline = carbonq.service.requests[0].deadline
    assert deadline is not None and deadline.isoformat() == "2099-11-24T09:00:00+00:00"


def test_options_after_the_command_are_the_commands(carbonq: CommandLine) -> None:
    carbonq("submit", "--gpus", "1", "echo", "--gpus", "2")
    request = carbonq.service.requests[0]
    assert request.gpus == 1 and request.argv == ("echo", "--gpus", "2")


def test_lines_of_the_script_are_options(carbonq: CommandLine, tmp_path: Path) -> None:
    write_script(tmp_path, "#!/bin/sh\n#CARBONQ --gpus 1 --within 12h --tag night --patience 5g/h\ntrue\n")
    carbonq("submit", "train.sh")
    request = carbonq.service.requests[0]
    assert (request.gpus, request.within, request.tags) == (1, timedelta(hours=12), ("night",))
    assert (request.name, request.patience_g_per_h) == ("train", 5)


def test_the_command_line_wins_over_the_script(carbonq: CommandLine, tmp_path: Path) -> None:
    """A way to say when replaces any other; tags, variables and dependencies add up."""
    write_script(tmp_path, "#CARBONQ --gpus 1 --interruptible --within 12h --tag night --env A=1 --env B=1\n", "t.py")
    carbonq("submit", "--gpus", "4", "--no-interruptible", "--now", "--tag", "x", "--env", "B=2", "sh", "t.py")
    request = carbonq.service.requests[0]
    assert (request.gpus, request.interruptible, request.within, request.run_now) == (4, False, None, True)
    assert request.tags == ("night", "x")
    assert (request.env["A"], request.env["B"]) == ("1", "2")


def test_even_a_default_given_on_the_command_line_wins(carbonq: CommandLine, tmp_path: Path) -> None:
    write_script(tmp_path, "#!/bin/sh\n#CARBONQ --grace 5m --retries 7\n")
    carbonq("submit", "--grace", "30s", "--retries", "0", "train.sh")
    request = carbonq.service.requests[0]
    assert (request.grace, request.retries) == (timedelta(seconds=30), 0)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--gpsu 2", "No such option: --gpsu"),
        ("--gpus two", "line 2"),
        ("--gpus", "line 2"),
        ("python train.py", "'python' is not an option"),
        ('--name "open', "quotes"),
        ("--within 3", "--within"),
    ],
)
def test_a_wrong_line_of_the_script_is_named(carbonq: CommandLine, tmp_path: Path, line: str, said: str) -> None:
    write_script(tmp_path, f"#!/bin/sh\n#CARBONQ {line}\n")
    answer = carbonq("submit", "train.sh")
    assert answer.status == 2 and said in answer.err
    assert carbonq.service.requests == []


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--within", "8h", "--by", "18:00", "true"], "give one"),
        (["--within", "8", "true"], "--within"),
        (["--by", "someday", "true"], "--by"),
        (["--power", "lots", "true"], "--power"),
        (["--power", "-3W", "true"], "--power"),
        (["--gpus", "-1", "true"], "--gpus"),
        (["--workdir", "/nowhere", "true"], "not a directory"),
        (["--env", "NOT_SET_ANYWHERE", "true"], "not set here"),
        (["--now", "--hold", "true"], "contradict"),
        (["--checkpoint-signal", "SIGKILL", "true"], "cannot be handled"),
        (["--after", "x", "true"], "--after"),
        (["no-such-command"], "no command"),
        ([], "Missing argument"),
    ],
)
def test_a_submission_that_cannot_work_is_refused_and_nothing_is_queued(
    carbonq: CommandLine, argv: list[str], said: str
) -> None:
    answer = carbonq("submit", *argv)
    assert answer.status == 2 and said in answer.err
    assert carbonq.service.requests == []


def test_a_secret_of_the_shell_is_not_sent(carbonq: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hush")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    carbonq("submit", "true")
    assert not {"HF_TOKEN", "CUDA_VISIBLE_DEVICES", "CARBONQ_HOME"} & set(carbonq.service.requests[0].env)


def test_the_answer_says_when_why_and_what_was_assumed(carbonq: CommandLine) -> None:
    out = carbonq("submit", "true").out
    assert out.startswith("Queued job 1 (true): 1 GPU for 4 h")
    assert "Starts in 5 h, at 60 instead of 210 gCO2eq/kWh." in out
    assert "--duration" in out and "Forecast issued 20 min ago" in out


def test_parsable_prints_the_number_alone(carbonq: CommandLine) -> None:
    assert carbonq("submit", "-p", "true").out == "1\n"


def test_a_dry_run_shows_the_plan_and_queues_nothing(carbonq: CommandLine) -> None:
    assert carbonq("submit", "--dry-run", "true").out.startswith("Would queue true")
    answer = carbonq("submit", "--dry-run", "--json", "true").json
    assert answer["id"] is None and answer["dry_run"] and answer["placement"]
    assert carbonq.service.rows == {}


def test_wait_leaves_with_the_jobs_own_status(carbonq: CommandLine) -> None:
    carbonq.service.ends_after = 2
    carbonq.service.ending = {"state": JobState.FAILED, "reason": Reason.EXITED_NONZERO, "exit_code": 7}
    answer = carbonq("submit", "--wait", "--json", "true")
    assert answer.status == 7
    assert answer.json["state"] == "failed"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--tag", "a", "--tag", ""], "--tag: is empty; say something, or leave it out"),
        (["--name", "n" * 300], "--name: is longer than 200 characters; shorten it"),
        (["--retries", "9" * 20], "--retries: should be less than or equal to 1000"),
        (
            ["--checkpoint-signal", "FOO"],
            "--checkpoint-signal: 'FOO' is not the name of a signal; write one like SIGUSR1",
        ),
        (["--after", "9" * 23], f"there is no job {'9' * 23}; `carbonq list --all` shows those there are"),
        (["--env", "A B=1"], "--env: 'A B' cannot be the name of a variable, for it holds a blank; write NAME=VALUE"),
        (["--gpus", "two"], "'two' is not a whole number"),
    ],
)
def test_what_is_wrong_is_said_of_the_option_in_plain_words(carbonq: CommandLine, argv: list[str], said: str) -> None:
    answer = carbonq("submit", *argv, "true")
    assert answer.status == 2 and said in answer.err
    assert carbonq.service.requests == []


def test_a_job_that_is_queued_held_is_not_said_to_be_finished_by_some_time(carbonq: CommandLine) -> None:
    """Nobody knows when its user will release it; only a deadline of their own holds all the same."""
    head = carbonq("submit", "--hold", "--duration", "4h", "true").out.splitlines()[0]
    assert head == "Queued job 1 (true): 1 GPU for 4 h, held."
    kept = carbonq("submit", "--hold", "--duration", "4h", "--by", "2099-11-24 09:00", "true").out
    assert "1 GPU for 4 h, held, finished by 2099-11-24 09:00." in kept
