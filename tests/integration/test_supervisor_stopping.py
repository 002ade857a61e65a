"""A real process brought to an end: suspend, cancel and time limit, with and without a checkpoint signal."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.worker_processes import Start, is_alive, kill_supervisors, run_spec, wait_until

from scheduler.domain.lifecycle import StopReason
from scheduler.protocol import StopOrder, StopRecord
from workers.control import is_listening, send_order
from workers.journal import read_record, slices_after

PRELUDE = """
import json, os, signal, sys, time
channel = os.environ["CARBONQ_CHANNEL_DIR"]
def say(name, **words):
    with open(f"{channel}/.{name}", "w") as file:
        json.dump(words, file)
    os.rename(f"{channel}/.{name}", f"{channel}/{name}.json")
def on(number, act):
    signal.signal(number, lambda *_: act())
def wait():
    print("ready", flush=True)
    while True:
        signal.pause()
"""
CHANNEL_FILES = ("announce", "progress", "checkpoint")
NO_RECORDS = {
    "too deep": b'{"step": 1, "x": ' + b"[" * 3000 + b"]" * 3000 + b"}",
    "not UTF-8": b'{"checkpoint_signal": "\xff\xfe", "step": 1, "t": "\xff"}',
    "out of range": b'{"checkpoint_signal": 1, "step": 1' + b"0" * 30 + b', "t": 1e300}',
}
SAVE = 'on(signal.SIGUSR1, lambda: (print("saved", flush=True), say("checkpoint", step=5, t=time.time())))\n'


@pytest.fixture(autouse=True)
def nothing_outlives_its_test(tmp_path: Path) -> Iterator[None]:
    yield
    kill_supervisors(tmp_path)


def job(root: Path, script: str, **changes: object) -> Start:
    """A Python job that has said `ready`."""
    started = Start(root / "1-1-1", run_spec(root, "python3", "-c", PRELUDE + script, **changes))
    wait_until(lambda: started.says("ready"))
    return started


def order(started: Start, reason: StopReason) -> None:
    assert send_order(started.directory / "control", StopOrder("1-1-1", reason))


def test_a_suspend_waits_for_the_checkpoint_and_then_terminates(tmp_path: Path) -> None:
    """The signal the job named is sent first; the checkpoint's step is in the record."""
    started = job(tmp_path, SAVE + "wait()", checkpoint_signal="SIGUSR1", grace_s=60.0)
    order(started, StopReason.SUSPEND)
    ended = started.exit()
    assert (ended.code, ended.stop_reason, ended.checkpoint_step) == (-15, "suspend", 5)
    assert not ended.finished
    assert "saved" in started.output()


def test_an_announced_signal_serves_as_well_as_a_named_one(tmp_path: Path) -> None:
    started = job(tmp_path, SAVE + 'say("announce", checkpoint_signal="SIGUSR1"); wait()', grace_s=60.0)
    order(started, StopReason.SUSPEND)
    assert started.exit().checkpoint_step == 5


def test_only_the_main_process_is_asked_for_a_checkpoint(tmp_path: Path) -> None:
    """Data-loading children inherit the handler and must not each write one."""
    child = "import subprocess; subprocess.Popen(['sleep', '600'])\n"
    started = job(tmp_path, child + SAVE + "wait()", checkpoint_signal="SIGUSR1", grace_s=60.0)
    order(started, StopReason.SUSPEND)
    started.exit()
    assert started.output().count("saved") == 1


def test_a_checkpoint_from_before_the_suspend_does_not_count(tmp_path: Path) -> None:
    """The wait goes on to the end of its grace: only a newer one is what was asked for."""
    script = 'say("checkpoint", step=1, t=0.0); on(signal.SIGUSR1, lambda: print("asked", flush=True)); wait()'
    started = job(tmp_path, script, checkpoint_signal="SIGUSR1", grace_s=0.4)
    order(started, StopReason.SUSPEND)
    ended = started.exit()
    assert "asked" in started.output()
    assert (ended.code, ended.checkpoint_step) == (-15, 1)


def test_a_job_that_handles_no_signal_is_terminated_at_once(tmp_path: Path) -> None:
    started = job(tmp_path, "wait()", grace_s=60.0)
    order(started, StopReason.SUSPEND)
    assert (started.exit().code, started.exit().stop_reason) == (-15, "suspend")


def test_zero_after_sigterm_is_not_finished(tmp_path: Path) -> None:
    """A job that saves on SIGTERM and exits 0 must not be taken for done."""
    started = job(tmp_path, "on(signal.SIGTERM, lambda: sys.exit(0)); wait()")
    order(started, StopReason.SUSPEND)
    ended = started.exit()
    assert (ended.code, ended.stop_reason, ended.finished) == (0, "suspend", False)


def test_zero_after_sigterm_is_finished_when_the_job_says_it_was_done(tmp_path: Path) -> None:
    script = 'on(signal.SIGTERM, lambda: (say("progress", step=9, total=9), sys.exit(0))); wait()'
    started = job(tmp_path, script)
    order(started, StopReason.SUSPEND)
    assert started.exit().finished


DONE = """
say("progress", step=9, total=9)
os.mkfifo(f"{channel}/go")
print("ready", flush=True)
code = int(open(f"{channel}/go").read())
"""


def let_go_on(root: Path, script: str = DONE + "sys.exit(code)", **changes: object) -> Start:
    """A job that is done, was asked to suspend, and has outlived two graces since."""
    started = job(root, script, grace_s=0.05, **changes)
    order(started, StopReason.SUSPEND)
    wait_until((started.directory / "stop.json").exists)
    asked = len(slices_after(started.directory / "readings.jsonl", 0, 1000))
    wait_until(lambda: len(slices_after(started.directory / "readings.jsonl", 0, 1000)) >= asked + 3)
    return started


@pytest.mark.parametrize(("code", "finished"), [(0, True), (3, False)])
def test_a_suspend_lets_a_job_that_is_done_go_on_to_an_end_of_its_own(
    tmp_path: Path, code: int, finished: bool
) -> None:
    """No signal reaches it, and what becomes of it was not our doing: one that fails has failed."""
    started = let_go_on(tmp_path, checkpoint_signal="SIGUSR1")
    (started.directory / "channel" / "go").write_text(str(code))
    ended = started.exit()
    assert (ended.code, ended.finished, ended.stop_reason) == (code, finished, None)


def test_a_job_that_was_let_go_on_can_still_be_cancelled(tmp_path: Path) -> None:
    started = let_go_on(tmp_path)
    order(started, StopReason.CANCEL)
    ended = started.exit()
    assert (ended.code, ended.stop_reason) == (-15, "cancel")


def test_a_job_that_was_let_go_on_has_its_time_limit(tmp_path: Path) -> None:
    script = """echo '{"step": 9, "total": 9}' > $CARBONQ_CHANNEL_DIR/progress.json; echo ready; exec sleep 600"""
    started = Start(tmp_path / "1-1-1", run_spec(tmp_path, "sh", "-c", script, time_limit_s=2.0))
    wait_until(lambda: started.says("ready"))
    order(started, StopReason.SUSPEND)
    ended = started.exit()
    assert (ended.code, ended.stop_reason) == (-15, "time-limit")


def test_a_job_that_was_let_go_on_ends_with_its_machine(tmp_path: Path) -> None:
    started = let_go_on(tmp_path)
    started.process.terminate()
    ended = started.exit()
    assert (ended.code, ended.stop_reason) == (-15, None)


def test_a_job_that_was_let_go_on_and_begins_a_new_count_is_suspended(tmp_path: Path) -> None:
    started = let_go_on(tmp_path, DONE + 'say("progress", step=1, total=9); wait()')
    (started.directory / "channel" / "go").write_text("0")
    ended = started.exit()
    assert (ended.code, ended.stop_reason) == (-15, "suspend")


def test_exit_99_after_the_checkpoint_signal_is_kept(tmp_path: Path) -> None:
    started = job(tmp_path, "on(signal.SIGUSR1, lambda: sys.exit(99)); wait()", checkpoint_signal="SIGUSR1")
    order(started, StopReason.SUSPEND)
    assert (started.exit().code, started.exit().stop_reason) == (99, "suspend")


def test_sigterm_reaches_the_whole_group_and_sigkill_what_is_left_of_the_session(tmp_path: Path) -> None:
    """A child that ignores SIGTERM, in a session of its own, goes too."""
    script = (
        "import subprocess\n"
        "stubborn = 'import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(600)'\n"
        "child = subprocess.Popen([sys.executable, '-c', stubborn], start_new_session=True, stdout=subprocess.PIPE)\n"
        "child.stdout.readline(); print(child.pid); on(signal.SIGTERM, lambda: None); wait()"
    )
    started = job(tmp_path, script, grace_s=0.3)
    child = int(started.output().split()[0])
    order(started, StopReason.CANCEL)
    assert started.exit().code == -signal.SIGKILL
    assert not is_alive(child)


def test_a_stopped_process_is_woken_to_act_on_sigterm(tmp_path: Path) -> None:
    script = "on(signal.SIGTERM, lambda: sys.exit(4)); print('ready', flush=True); os.kill(0, signal.SIGSTOP); wait()"
    started = job(tmp_path, script)
    order(started, StopReason.CANCEL)
    assert started.exit().code == 4


def test_a_cancel_asks_for_no_checkpoint(tmp_path: Path) -> None:
    started = job(tmp_path, SAVE + "wait()", checkpoint_signal="SIGUSR1")
    order(started, StopReason.CANCEL)
    ended = started.exit()
    assert (ended.code, ended.stop_reason) == (-15, "cancel")
    assert "saved" not in started.output()


def test_a_cancel_cuts_a_suspend_short(tmp_path: Path) -> None:
    """Nobody waits for the checkpoint of a job that is to go."""
    script = 'on(signal.SIGUSR1, lambda: print("asked", flush=True)); wait()'
    started = job(tmp_path, script, checkpoint_signal="SIGUSR1", grace_s=600.0)
    order(started, StopReason.SUSPEND)
    wait_until(lambda: started.says("asked"))
    order(started, StopReason.CANCEL)
    assert started.exit().stop_reason == "cancel"


def test_a_suspend_after_a_cancel_changes_nothing(tmp_path: Path) -> None:
    script = 'on(signal.SIGTERM, lambda: print("asked", flush=True)); wait()'
    started = job(tmp_path, script, grace_s=1.0)
    order(started, StopReason.CANCEL)
    wait_until(lambda: started.says("asked"))
    order(started, StopReason.SUSPEND)
    ended = started.exit()
    assert (ended.stop_reason, ended.code) == ("cancel", -9)
    assert started.output().count("asked") == 1


@pytest.mark.parametrize("nonsense", NO_RECORDS.values(), ids=NO_RECORDS)
@pytest.mark.parametrize("reason", [StopReason.CANCEL, StopReason.SUSPEND])
def test_a_job_with_nonsense_in_its_channel_is_stopped_like_any_other(
    tmp_path: Path, nonsense: bytes, reason: StopReason
) -> None:
    started = job(tmp_path, "wait()", grace_s=60.0)
    for name in CHANNEL_FILES:
        (started.directory / "channel" / f"{name}.json").write_bytes(nonsense)
    order(started, reason)
    ended = started.exit()
    assert (ended.code, ended.stop_reason, ended.checkpoint_step) == (-15, reason, None)


@pytest.mark.parametrize("nonsense", NO_RECORDS.values(), ids=NO_RECORDS)
def test_the_time_limit_and_the_end_come_whatever_is_in_the_channel(tmp_path: Path, nonsense: bytes) -> None:
    """By its limit, or by itself: how it ended is written down."""
    (tmp_path / "nonsense").write_bytes(nonsense)
    leave = "".join(f"cp nonsense $CARBONQ_CHANNEL_DIR/{name}.json; " for name in CHANNEL_FILES)
    limited = run_spec(tmp_path, "sh", "-c", leave + "exec sleep 600", time_limit_s=0.5)
    brief = run_spec(tmp_path, "sh", "-c", leave + "exit 3", segment="2-1-1")
    assert Start(tmp_path / "1-1-1", limited).exit().stop_reason == "time-limit"
    assert Start(tmp_path / "2-1-1", brief).exit().code == 3


def test_the_time_limit_stops_the_job_by_itself(tmp_path: Path) -> None:
    started = Start(tmp_path / "1-1-1", run_spec(tmp_path, "sleep", "600", time_limit_s=0.3))
    ended = started.exit()
    assert (ended.code, ended.stop_reason) == (-15, "time-limit")
    assert ended.ended_t - ended.started_t >= 0.3


def test_why_it_stops_is_on_disk_before_the_first_signal(tmp_path: Path) -> None:
    script = 'on(signal.SIGTERM, lambda: (print(open(f"{channel}/../stop.json").read()), sys.exit(0))); wait()'
    started = job(tmp_path, script)
    order(started, StopReason.CANCEL)
    started.exit()
    assert '"reason":"cancel"' in started.output()


def test_a_job_that_ended_before_the_order_was_heard_is_finished(tmp_path: Path) -> None:
    """The supervisor is held while the process ends and the order arrives; no signal is sent after the end."""
    started = job(tmp_path, "os.mkfifo(f'{channel}/go'); print('ready', flush=True); open(f'{channel}/go').read()")
    pid = _child_of(started.process.pid)
    started.process.send_signal(signal.SIGSTOP)
    order(started, StopReason.SUSPEND)
    (started.directory / "channel" / "go").write_text("")
    wait_until(lambda: not is_alive(pid))
    started.process.send_signal(signal.SIGCONT)
    ended = started.exit()
    assert (ended.code, ended.stop_reason, ended.finished) == (0, "suspend", True)


def test_sigterm_to_the_supervisor_saves_the_work_and_is_never_taken_for_success(tmp_path: Path) -> None:
    """The machine goes down: a checkpoint is asked for, no reason is recorded, and exit 0 counts as SIGTERM's."""
    started = job(
        tmp_path, SAVE + "on(signal.SIGTERM, lambda: sys.exit(0)); wait()", checkpoint_signal="SIGUSR1", grace_s=60.0
    )
    started.process.terminate()
    ended = started.exit()
    assert (ended.code, ended.stop_reason, ended.checkpoint_step) == (-15, None, 5)
    stop = read_record(started.directory / "stop.json", StopRecord)
    assert stop is not None and stop.reason is None


def test_who_asked_is_told_by_the_record(tmp_path: Path) -> None:
    """A job that exits 99 because the machine goes down is told from one that asks to be run again for ever."""
    script = "on(signal.SIGTERM, lambda: sys.exit(99)); wait()"
    by_machine = job(tmp_path / "machine", script)
    by_machine.process.terminate()
    by_us = job(tmp_path / "us", script)
    order(by_us, StopReason.SUSPEND)
    told = [(ended.code, ended.stop_reason, ended.asked_by_machine) for ended in (by_machine.exit(), by_us.exit())]
    assert told == [(99, None, True), (99, "suspend", False)]


def test_sighup_means_nothing_to_a_supervisor(tmp_path: Path) -> None:
    started = job(tmp_path, "on(signal.SIGTERM, lambda: sys.exit(3)); wait()")
    started.process.send_signal(signal.SIGHUP)
    order(started, StopReason.CANCEL)
    assert started.exit().code == 3


@pytest.mark.parametrize(
    "line", [b"\n", b"not json\n", b'{"type":"stop","segment":"1-1-1","reason":"whim"}\n', b"\xff\n"]
)
def test_nonsense_in_the_control_fifo_is_passed_over(tmp_path: Path, line: bytes) -> None:
    started = job(tmp_path, "wait()")
    fd = os.open(started.directory / "control", os.O_WRONLY | os.O_NONBLOCK)
    os.write(fd, line)
    os.close(fd)
    order(started, StopReason.CANCEL)
    assert started.exit().stop_reason == "cancel"


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSTOP", "SIGNONSENSE", ""])
def test_a_signal_no_job_can_handle_counts_as_none(tmp_path: Path, name: str) -> None:
    started = job(tmp_path, "wait()", checkpoint_signal=name, grace_s=60.0)
    order(started, StopReason.SUSPEND)
    assert started.exit().code == -15


def test_a_dead_supervisor_listens_to_nobody(tmp_path: Path) -> None:
    started = job(tmp_path, "wait()")
    assert is_listening(started.directory / "control")
    started.kill()
    assert not is_listening(started.directory / "control")
    assert not send_order(started.directory / "control", StopOrder("1-1-1", StopReason.CANCEL))


def _child_of(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    assert len(children) == 1
    return int(children[0])
