"""One start under a real supervisor: what the job finds, how its end is recorded, and that nothing starts twice."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from fakes.worker_processes import SCRIPT, Start, is_alive, kill_supervisors, run_spec, start_supervisor, wait_until

from scheduler.protocol import RunRecord
from scheduler.steps import ENV_KILL_AT, Step
from workers.journal import read_record


@pytest.fixture(autouse=True)
def nothing_outlives_its_test(tmp_path: Path) -> Iterator[None]:
    yield
    kill_supervisors(tmp_path)


def start(root: Path, *argv: str, **changes: object) -> Start:
    return Start(root / "1-1-1", run_spec(root, *argv, **changes))


def shell(root: Path, script: str, **changes: object) -> Start:
    return start(root, "sh", "-c", script, **changes)


def test_the_exit_code_is_the_processes_own(tmp_path: Path) -> None:
    ended = shell(tmp_path, "exit 7").exit()
    assert (ended.code, ended.stop_reason, ended.spawn_error, ended.finished) == (7, None, None, False)


def test_an_end_by_signal_is_minus_the_signal(tmp_path: Path) -> None:
    assert shell(tmp_path, "kill -SEGV $$").exit().code == -signal.SIGSEGV


def test_cpu_time_and_memory_of_the_job_are_recorded(tmp_path: Path) -> None:
    ended = start(tmp_path, "python3", "-c", "x = bytearray(50_000_000); sum(range(1_000_000))").exit()
    assert ended.cpu_s > 0
    assert ended.max_rss_bytes > 50_000_000


def test_how_long_it_ran_is_measured(tmp_path: Path) -> None:
    """By a clock of its own, here as long as between both moments; the wall clock is not set in a test."""
    ended = shell(tmp_path, "sleep 0.3").exit()
    assert ended.ran_s is not None and 0.3 <= ended.ran_s < 10
    assert abs(ended.ran_s - (ended.ended_t - ended.started_t)) < 0.2


def test_the_job_finds_its_names_its_directories_and_only_its_gpus(tmp_path: Path) -> None:
    """The user's environment, what protocol.py promises, and the UUIDs it was given."""
    started = shell(
        tmp_path,
        'echo "$MINE $CARBONQ_JOB_ID $CARBONQ_ATTEMPT $CARBONQ_SEGMENT $CARBONQ_RESUME [$CUDA_VISIBLE_DEVICES]";'
        'test -d "$CARBONQ_CHECKPOINT_DIR" && test -d "$CARBONQ_CHANNEL_DIR" && pwd',
        env={"PATH": os.environ["PATH"], "MINE": "yes", "CUDA_VISIBLE_DEVICES": "7"},
        gpu_uuids=["GPU-a", "GPU-b"],
        resume=True,
    )
    assert started.exit().code == 0
    assert started.output() == f"yes 1 1 1 1 [GPU-a,GPU-b]\n{tmp_path}\n"


def test_a_job_without_gpus_sees_none(tmp_path: Path) -> None:
    """Empty, not unset: unset would show it all of them."""
    started = shell(tmp_path, 'echo "${CUDA_VISIBLE_DEVICES-unset}"')
    started.exit()
    assert started.output() == "\n"


def test_nothing_of_the_supervisors_own_environment_leaks_into_the_job(tmp_path: Path) -> None:
    started = Start(tmp_path / "1-1-1", run_spec(tmp_path, "env"), env={"AGENT_SECRET": "x"})
    started.exit()
    assert "AGENT_SECRET" not in started.output()


def test_the_job_starts_with_default_signals_its_own_session_and_no_foreign_descriptors(tmp_path: Path) -> None:
    script = (
        "import os, signal;"
        "print(os.getsid(0) == os.getpgrp() == os.getpid(), signal.getsignal(signal.SIGHUP) == signal.SIG_DFL,"
        "sorted(int(fd) for fd in os.listdir('/proc/self/fd') if int(fd) < 50)[:3], len(os.listdir('/proc/self/fd')))"
    )
    started = start(tmp_path, "python3", "-c", script)
    started.exit()
    assert started.output() == "True True [0, 1, 2] 4\n"


def test_the_environment_is_off_the_disk_once_the_job_runs(tmp_path: Path) -> None:
    """It may hold secrets, and no segment is ever started from its directory again."""
    started = shell(tmp_path, "test ! -e $CARBONQ_CHANNEL_DIR/../spec.json")
    assert started.exit().code == 0


def test_what_is_written_is_for_the_owner_only(tmp_path: Path) -> None:
    started = shell(tmp_path, "echo x")
    started.exit()
    for path in started.directory.iterdir():
        if path.name not in ("supervisor.log", "live.json"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_the_run_is_recorded_before_the_process_can_have_any_effect(tmp_path: Path) -> None:
    started = shell(tmp_path, "cat $CARBONQ_CHANNEL_DIR/../run.json")
    started.exit()
    record = json.loads(started.output())
    assert record["segment"] == "1-1-1"
    assert record["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"argv": ["no-such-command"]}, "command not found: no-such-command; check its name, or give its full path"),
        ({"argv": ["./not-executable"]}, "cannot execute ./not-executable: Permission denied"),
        ({"argv": ["./bad-interpreter"]}, "the interpreter in its first line does not exist"),
        ({"workdir": "/no/such/directory"}, "cannot enter the working directory /no/such/directory: No such file"),
    ],
)
def test_a_command_that_cannot_run_says_why(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    """The thing, the reason, the next step; and no exit code, for nothing ran."""
    (tmp_path / "not-executable").write_text("x")
    (tmp_path / "bad-interpreter").write_text("#!/no/such/python\n")
    (tmp_path / "bad-interpreter").chmod(0o755)
    argv = changes.pop("argv", ["true"])
    assert isinstance(argv, list)
    ended = start(tmp_path, *argv, **changes).exit()
    assert ended.code is None and ended.last_seq == 0
    assert ended.spawn_error is not None and said in ended.spawn_error


def test_a_checkpoint_directory_that_cannot_be_made_is_a_failed_start_not_a_lost_one(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = start(tmp_path, "true", checkpoint_dir=str(tmp_path / "file" / "1")).exit()
    assert ended.code is None
    assert ended.spawn_error is not None and "cannot prepare the start" in ended.spawn_error


def test_children_left_behind_are_killed_when_the_main_process_ends(tmp_path: Path) -> None:
    """Also those that made a session of their own; the record waits for them."""
    script = (
        "import os, subprocess, sys\n"
        "children = [subprocess.Popen(['sleep', '600'], start_new_session=own) for own in (False, True)]\n"
        "print(*[child.pid for child in children], flush=True); os._exit(0)"
    )
    started = start(tmp_path, "python3", "-c", script)
    assert started.exit().code == 0
    pids = [int(pid) for pid in started.output().split()]
    assert len(pids) == 2 and not any(is_alive(pid) for pid in pids)


def test_the_payload_dies_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    started = shell(tmp_path, "echo $$; exec sleep 600")
    wait_until(lambda: started.says("\n"))
    pid = int(started.output())
    started.kill()
    wait_until(lambda: not is_alive(pid))
    assert not (started.directory / "exit.json").exists()


def test_the_job_does_not_hold_the_lock(tmp_path: Path) -> None:
    """Else a process that escapes would keep a dead segment alive for ever."""
    started = shell(tmp_path, "echo begun; exec sleep 600")
    wait_until(lambda: started.says("begun"))
    assert not _is_free(started.lock)
    started.kill()
    assert _is_free(started.lock)


def test_the_lock_is_held_until_the_exit_is_recorded(tmp_path: Path) -> None:
    started = shell(tmp_path, "exit 0")
    wait_until(lambda: _is_free(started.lock))
    assert (started.directory / "exit.json").exists()


@pytest.mark.parametrize("done", ["run.json", "exit.json"])
def test_a_segment_with_a_record_is_never_started_again(tmp_path: Path, done: str) -> None:
    started = shell(tmp_path, "echo again >> marks; exit 0")
    started.exit()
    if done == "exit.json":
        (started.directory / "run.json").unlink()
    (started.directory / "spec.json").write_text('{"left": "behind"}')
    assert _start_again(started) == 12
    assert (tmp_path / "marks").read_text() == "again\n"


def test_of_two_supervisors_with_one_lock_between_them_one_runs_the_job(tmp_path: Path) -> None:
    """Both inherit the same open file, so the lock cannot tell them apart; the making of run.json does.

    The first is held where it reads its spec, from a FIFO, until the second has run the job.
    """
    directory, fifo = tmp_path / "1-1-1", tmp_path / "fifo"
    directory.mkdir()
    os.mkfifo(fifo)
    os.link(fifo, directory / "spec.json")
    spec = msgspec.json.encode(run_spec(tmp_path, "sh", "-c", "echo x >> marks"))
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = start_supervisor(directory, lock.fileno())
        held = wait_until(lambda: _writing_end(fifo))
        (tmp_path / "spec").write_bytes(spec)
        (tmp_path / "spec").replace(directory / "spec.json")
        assert start_supervisor(directory, lock.fileno()).wait(30) == 0
    os.write(held, spec)
    os.close(held)
    assert first.wait(30) == 12
    assert (tmp_path / "marks").read_text() == "x\n"


def test_a_supervisor_without_the_lock_starts_nothing(tmp_path: Path) -> None:
    started = shell(tmp_path, "echo begun; exec sleep 600")
    wait_until(lambda: started.says("begun"))
    assert _start_again(started) == 12
    assert "another process holds its lock" in started.supervisor_log()
    started.kill()


def test_a_lock_can_come_as_standard_input(tmp_path: Path) -> None:
    """As systemd passes it; the job's own standard input is empty all the same."""
    directory = tmp_path / "1-1-1"
    directory.mkdir()
    spec = run_spec(tmp_path, "sh", "-c", "cat; exit 5")
    (directory / "spec.json").write_bytes(msgspec.json.encode(spec))
    with (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run([sys.executable, "-P", SCRIPT, "supervisor", directory, "-"], stdin=lock, timeout=60)
    assert done.returncode == 0
    run = read_record(directory / "run.json", RunRecord)
    assert run is not None and run.unit == "carbonq-run-1-1-1.service"


@pytest.mark.parametrize("step", [Step.LOCK_INHERITED, Step.RUN_RECORDED])
def test_a_supervisor_killed_before_the_command_has_run_nothing(tmp_path: Path, step: Step) -> None:
    """run.json tells the two apart: without it the segment may be given a new number, with it it is lost."""
    started = Start(tmp_path / "1-1-1", run_spec(tmp_path, "touch", "mark"), env={ENV_KILL_AT: step})
    assert started.process.wait(30) == -signal.SIGKILL
    assert (started.directory / "run.json").exists() == (step is Step.RUN_RECORDED)
    assert not (tmp_path / "mark").exists()


def _start_again(started: Start) -> int:
    with started.lock.open("r+") as lock:
        return started.supervisor(lock.fileno()).wait(30)


def _writing_end(fifo: Path) -> int | None:
    """None until somebody reads."""
    try:
        return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return None


def _is_free(lock: Path) -> bool:
    with lock.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
