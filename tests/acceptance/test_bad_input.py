"""The installed command against a real daemon: whatever is asked wrongly is answered with the way out, and changes
nothing."""

from __future__ import annotations

import json
import os
import pwd
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes.real_daemon import QUICK, RealDaemon, real_daemon

MEGABYTE = 2**20
NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user for a moment")


@dataclass(frozen=True)
class Jobs:
    """One job in each state that a request can be wrong about."""

    running: int
    held: int
    completed: int
    failed: int


@pytest.fixture(scope="module")
def daemon() -> Iterator[RealDaemon]:
    with real_daemon() as running:
        running.start()
        yield running


@pytest.fixture(scope="module")
def jobs(daemon: RealDaemon) -> Jobs:
    running = daemon.submit("/bin/sleep", "600")
    completed, failed = daemon.submit("/bin/true"), daemon.submit("/bin/false")
    held = daemon.submit("/bin/true", hold=True)
    daemon.ended(completed)
    daemon.ended(failed)
    daemon.reached(running, {"running"})
    return Jobs(running, held, completed, failed)


@pytest.fixture(autouse=True)
def nothing_recorded(daemon: RealDaemon, jobs: Jobs) -> Iterator[None]:
    """What is refused leaves no trace in the queue."""
    before = _states(daemon)
    yield
    assert _states(daemon) == before


def _states(daemon: RealDaemon) -> list[tuple[int, str, str]]:
    return [(row["id"], row["state"], row["finish_by"]) for row in daemon.client.get("/v1/jobs", all=True)]


def refused(daemon: RealDaemon, *argv: str, status: int = 2, json_after: int = 1) -> str:
    """What the command says, which is the same sentence with and without --json, and its exit status."""
    as_json = daemon.carbonq(*argv[:json_after], "--json", *argv[json_after:])
    as_text = daemon.carbonq(*argv)
    assert (as_text.returncode, as_json.returncode) == (status, status), as_text.stderr + as_json.stderr
    assert "Traceback" not in as_text.stderr + as_json.stderr
    assert as_text.stdout == ""
    message = str(json.loads(as_json.stdout)["error"]["message"])
    said = as_text.stderr.rstrip("\n")
    assert said == f"carbonq: {message}"
    return message


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("sumbit", "true"), "No such command 'sumbit'. Did you mean 'submit'?"),
        (("submit", "--gpu", "1", "true"), "No such option: --gpu (Possible options: --gpus"),
        (("submit",), "Missing argument"),
        (("submit", "--gpus", "99", "true"), "99 GPUs asked for, "),
        (("submit", "--gpus", "-1", "true"), "-1 is not in the range"),
        (("submit", "--gpus", "99999", "true"), "--gpus: should be less than or equal to 4096"),
        (("submit", "--zone", "FR", "true"), "this machine draws its power in zone GB, not FR; leave --zone out"),
        (("submit", "--by", "2020-01-01 09:00", "true"), "give a later one with --by or --within"),
        (("submit", "--by", "whenever", "true"), "--by: 'whenever' is not a time; write it like"),
        (
            ("submit", "--within", "1h", "--duration", "2h", "true"),
            "the deadline is 1 h away, but it is expected to run",
        ),
        (("submit", "--within", "1h", "--by", "18:00", "true"), "--within and --by both say when"),
        (("submit", "--now", "--hold", "true"), "--now and --hold contradict each other"),
        (
            ("submit", "--workdir", "/nonexistent", "true"),
            "/nonexistent is not a directory; create it, or name another",
        ),
        (("submit", "--after", "4242", "true"), "there is no job 4242; `carbonq list --all`"),
        (("submit", "--after", "0", "true"), "0 is not in the range"),
        (("submit", "--duration", "0s", "true"), "--duration: '0s' is no time at all; write it like 90s"),
        (("submit", "--duration=-1h", "true"), "--duration: '-1h' is not a length of time; write it like 90s"),
        (("submit", "--duration", "20000d", "true"), "--duration: '20000d' is longer than ten years"),
        (
            ("submit", "--within", "9999999999999w", "true"),
            "--within: '9999999999999w' is longer than carbonq can count",
        ),
        (("submit", "--time-limit", "0h", "true"), "--time-limit: '0h' is no time at all"),
        (("submit", "--power", "NaN", "true"), "--power: 'NaN' is not a power up to 1000kW; write it like 300W"),
        (("submit", "--power", "inf", "true"), "--power: 'inf' is not a power"),
        (("submit", "--power=-5W", "true"), "--power: '-5W' is not a power"),
        (("submit", "--retries", "5000", "true"), "--retries: should be less than or equal to 1000"),
        (
            ("submit", "--checkpoint-signal", "SIGKILL", "true"),
            "--checkpoint-signal: SIGKILL cannot be handled by a program; SIGUSR1",
        ),
        (("submit", "--env", "NO_SUCH_NAME", "true"), "give its value as --env NO_SUCH_NAME=VALUE"),
        (("submit", "--", ""), "the command is empty; say what to run"),
        (("submit", "--", "no-such-program"), "there is no command 'no-such-program' on PATH"),
        (("submit", "--", "~nobody-of-that-name/program"), "there is no command '~nobody-of-that-name/program' in"),
        (("show", "4242"), "there is no job 4242; `carbonq list --all` shows those there are"),
        (("logs", "4242"), "there is no job 4242"),
        (("wait", "4242"), "there is no job 4242"),
        (("explain", "4242"), "there is no job 4242"),
        (("cancel", "4242"), "there is no job 4242"),
        (("update", "4242", "--by", "none"), "there is no job 4242"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_a_wrong_request_is_answered_with_the_way_out(daemon: RealDaemon, argv: tuple[str, ...], said: str) -> None:
    assert said in refused(daemon, *argv)


def test_a_job_cannot_come_after_one_that_has_failed(daemon: RealDaemon, jobs: Jobs) -> None:
    said = refused(daemon, "submit", "--after", str(jobs.failed), "true")
    assert said == f"--after {jobs.failed}: that job ended as failed, so this one could never start"


@pytest.mark.parametrize(
    ("command", "state", "said"),
    [
        (("cancel",), "completed", "has already ended (completed); there is nothing to cancel"),
        (("hold",), "running", "is running; only a waiting job can be held (`carbonq cancel` ends one)"),
        (("hold",), "failed", "is failed; only a waiting job can be held"),
        (("release",), "running", "is running, not held; there is nothing to release"),
        (("release",), "completed", "is completed, not held; there is nothing to release"),
        (("run-now",), "running", "is running; only a waiting job can be told to run now"),
        (("run-now",), "held", "is held; release it first with `carbonq release"),
        (("update", "--by", "none"), "completed", "has ended (completed); its deadline can no longer be moved"),
        (("update", "--by", "2020-01-01 09:00"), "held", "give a later one with --by or --within"),
        (("update", "--within", "0s"), "held", "is no time at all"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_change_that_a_jobs_state_does_not_allow_is_refused(
    daemon: RealDaemon, jobs: Jobs, command: tuple[str, ...], state: str, said: str
) -> None:
    assert said in refused(daemon, command[0], str(getattr(jobs, state)), *command[1:])


# --- what is too much
def test_a_word_longer_than_any_file_name_is_only_a_word(daemon: RealDaemon) -> None:
    """It is looked for as a script, found to be none, and refused for what it is: too long for the kernel."""
    message = _too_much(daemon, ["true", "x" * 130_000, "y" * 10_000])
    assert "the command is 140,007 bytes long, more than 131,072; put it in a script" in message


def test_a_thousand_long_words_are_refused(daemon: RealDaemon) -> None:
    assert "put it in a script" in _too_much(daemon, ["true", *["word" * 300] * 1000])


def test_five_megabytes_of_environment_are_refused(daemon: RealDaemon) -> None:
    """A request of more than 4 MiB is not even read to its end."""
    variables = {f"FILLER_{n}": "z" * 100_000 for n in range(50)}
    done = subprocess.run(
        [sys.executable, "-P", "-c", _WITH_ENVIRONMENT, "submit", "--json", "--env", "ALL", "--", "true"],
        input=json.dumps(variables),
        env=daemon.environ,
        capture_output=True,
        text=True,
        cwd=daemon.home,
        timeout=60,
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert json.loads(done.stdout)["error"] == {"code": "too-large", "message": "the request is larger than 4 MiB"}


_WITH_ENVIRONMENT = """
import json, os, sys
os.environ.update(json.load(sys.stdin))  # more than the kernel would let a program be started with
from scheduler.cli.main import main
sys.exit(main(sys.argv[1:]))
"""


def _too_much(daemon: RealDaemon, command: list[str]) -> str:
    done = daemon.carbonq("submit", "--json", "--", *command)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr[:500]
    return str(json.loads(done.stdout)["error"]["message"])


def test_a_nul_byte_in_a_command_is_refused_by_the_daemon_too(daemon: RealDaemon) -> None:
    """No shell can pass one on, but the API is open to other clients."""
    from scheduler.cli.failures import Failure

    with pytest.raises(Failure, match="NUL"):
        daemon.submit("echo", "a\0b")
    with pytest.raises(Failure, match="the command is empty"):
        daemon.submit("")


@as_root
@pytest.mark.parametrize(
    ("closed", "said"), [("inner", "is not readable for you"), (".", "Permission denied")], ids=["it", "its parent"]
)
def test_a_directory_that_its_user_cannot_read_is_no_place_to_run(daemon: RealDaemon, closed: str, said: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        workdir = Path(folder, "inner")
        workdir.mkdir(mode=0o711)
        Path(folder).chmod(0o711)
        Path(folder, closed).chmod(0o700)
        done = _as_nobody(daemon, "submit", "--json", "--workdir", str(workdir), "true")
    assert done.returncode == 2
    message = json.loads(done.stdout)["error"]["message"]
    assert said in message and "name another directory" in message


# --- whose daemon
@as_root
def test_the_socket_of_another_user_is_closed_to_us(daemon: RealDaemon) -> None:
    """The kernel refuses; the command says whose it is and what to do instead."""
    done = _as_nobody(daemon, "list", "--json")
    assert done.returncode == 77 and "Traceback" not in done.stderr
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "not-permitted"
    assert "belongs to another user; each user runs a daemon of their own (`carbonq daemon`)" in error["message"]


@as_root
def test_a_caller_whom_the_mode_of_the_socket_let_in_by_mistake_is_still_refused(daemon: RealDaemon) -> None:
    """Who is served is decided by the kernel's word for the peer, not by the mode alone."""
    opened = [daemon.home, daemon.paths.runtime, daemon.paths.api_socket]
    modes = [path.stat().st_mode for path in opened]
    try:
        for path in opened:
            path.chmod(0o777)
        done = _as_nobody(daemon, "list", "--json")
    finally:
        for path, mode in zip(opened, modes, strict=True):
            path.chmod(mode & 0o7777)
    assert done.returncode == 77
    owner = pwd.getpwuid(os.getuid()).pw_name
    assert f"this daemon belongs to {owner} and does not serve" in json.loads(done.stdout)["error"]["message"]


def _as_nobody(daemon: RealDaemon, *argv: str) -> subprocess.CompletedProcess[str]:
    """`carbonq` by another account, its code loaded before the account changes: that user may not read ours."""
    return subprocess.run(
        [sys.executable, "-P", "-c", _AS_ANOTHER, *argv],
        env=daemon.environ,
        capture_output=True,
        text=True,
        cwd="/",
        timeout=60,
    )


_AS_ANOTHER = f"""
import os, sys
from scheduler.cli import client, jobs_list, jobs_submit
from scheduler.cli.main import main
os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})
sys.exit(main(sys.argv[1:]))
"""


# --- the daemon itself
def test_a_second_daemon_in_one_place_is_refused(daemon: RealDaemon) -> None:
    """With 1: systemd tries again, and has it running once the other one has ended."""
    said = refused(daemon, "daemon", status=1)
    assert said.startswith("the daemon cannot go on: a daemon already listens on")
    assert "`carbonq doctor` asks it how it is" in said
    assert daemon.answers()


@pytest.mark.parametrize(
    "argv",
    [("list",), ("submit", "true"), ("show", "1"), ("plan",), ("history",), ("grid", "now"), ("gpus",)],
    ids=" ".join,
)
def test_without_a_daemon_every_command_says_how_to_start_it(daemon: RealDaemon, argv: tuple[str, ...]) -> None:
    with real_daemon() as stopped:
        said = refused(stopped, *argv, status=69, json_after=len(argv) if argv[0] == "grid" else 1)
    assert "the daemon cannot be reached: there is no socket at" in said
    assert "start it with `carbonq daemon`, or `systemctl --user start carbonq`" in said


def test_a_daemon_that_was_killed_is_not_taken_for_one_that_answers(daemon: RealDaemon) -> None:
    """Its socket is left behind, and nobody listens."""
    with real_daemon() as killed:
        killed.start()
        os.kill(killed.pid, signal.SIGKILL)
        killed.kill()
        assert "nothing listens on" in refused(killed, "list", status=69)


MISTAKES = """\
[grid]
zon = "GB"
poll = 5
speed = "fast"
[site]
pue = 0.5
[planning]
policy = "best"
[worker]
launcher = "ssh"
[gird]
zone = "GB"
"""


def test_every_mistake_in_the_settings_is_named_at_once(daemon: RealDaemon) -> None:
    with real_daemon(MISTAKES) as mistaken:
        said = refused(mistaken, "daemon")
        assert not mistaken.paths.state.exists()
    assert said.startswith("the settings are wrong in 7 places:")
    for place in ("'grid.zon'", "grid.poll", "grid.speed", "site.pue", "planning.policy", "worker.launcher", "'gird'"):
        assert place in said


@pytest.mark.parametrize(
    ("settings", "arguments", "said"),
    [
        ("[grid\n", (), "is not valid TOML"),
        (QUICK, ("--policy", "best"), "--policy: planning.policy = 'best': should be 'carbonq', 'run-now'"),
        (QUICK, ("--cpu-slots", "0"), "--cpu-slots: worker.cpu_slots = 0: should be greater than or equal to 1"),
        (QUICK, ("--config", "/nonexistent"), "--config: there is no file /nonexistent"),
        (QUICK.replace('"GB"', '"DEE"'), (), "has no zone 'DEE' (did you mean"),
        (QUICK.replace('"static"', '"statik"'), (), "there is no provider 'statik'; known: auto"),
    ],
    ids=["TOML", "policy", "slots", "no file", "zone", "provider"],
)
def test_a_wrong_setting_is_answered_with_the_right_ones(
    daemon: RealDaemon, settings: str, arguments: tuple[str, ...], said: str
) -> None:
    with real_daemon(settings) as mistaken:
        assert said in refused(mistaken, "daemon", *arguments)


def test_settings_that_cannot_be_read_are_no_defaults(daemon: RealDaemon) -> None:
    with real_daemon() as mistaken:
        mistaken.paths.settings_file.unlink()
        mistaken.paths.settings_file.mkdir()
        assert "cannot be read (Is a directory); check its permissions" in refused(mistaken, "daemon")


def test_a_doctor_looks_into_the_file_that_the_daemon_was_started_with() -> None:
    """Named in relation to where the daemon was started, and mistaken since then."""
    with real_daemon("[sight]\n") as elsewhere:
        given = elsewhere.home / "given.toml"
        given.write_text(QUICK)
        elsewhere.start("--config", "given.toml")
        settings = settings_found(elsewhere)
        assert settings["verdict"] == "ok" and settings["text"].startswith(f"{given}, which the running daemon reads")
        given.write_text("[site]\npue = 0.5\n")
        assert settings_found(elsewhere)["verdict"] == "problem"


def settings_found(daemon: RealDaemon) -> dict[str, str]:
    findings = json.loads(daemon.carbonq("doctor", "--json").stdout)["findings"]
    return next(each for each in findings if each["check"] == "settings")
