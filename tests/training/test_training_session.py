"""A training session counts steps, stops when asked, and goes on where it was."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scheduler import protocol

pytest.importorskip("torch", reason="the training kit needs torch: pip install 'carbonq[train]'")

from workers.training import TrainingSession


class Counter:
    """Something to train: it counts the steps that reached it."""

    def __init__(self) -> None:
        self.steps = 0

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.steps = state_dict["steps"]


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """A session changes what signals do; the next test begins with what was there."""
    before = {signum: signal.getsignal(signum) for signum in (signal.SIGUSR1, signal.SIGTERM)}
    yield
    for signum, handler in before.items():
        signal.signal(signum, handler)


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """What the supervisor sets for a job."""
    (tmp_path / "channel").mkdir()
    return {
        protocol.ENV_CHECKPOINT_DIR: str(tmp_path / "checkpoints"),
        protocol.ENV_CHANNEL_DIR: str(tmp_path / "channel"),
    }


def progress(environ: dict[str, str]) -> protocol.Progress:
    file = Path(environ[protocol.ENV_CHANNEL_DIR], protocol.CHANNEL_PROGRESS)
    return msgspec.json.decode(file.read_bytes(), type=protocol.Progress)


def idle(running: Event) -> None:
    running.set()
    while True:
        time.sleep(0.01)


def train(environ: dict[str, str], counter: Counter, total: int, stop: dict[int, signal.Signals]) -> list[int]:
    """The steps taken; `stop` names the steps in which a signal arrives."""
    taken = []
    with TrainingSession(total, environ=environ, counter=counter) as session:
        for step in session:
            taken.append(step)
            if step in stop:
                signal.raise_signal(stop[step])
            counter.steps += 1
            session.report(1.0 / step)
    return taken


def test_a_session_run_by_hand_takes_every_step_and_leaves_signals_alone() -> None:
    """Without a checkpoint directory there is nothing to save, so Ctrl-C and kill work as ever."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)
    with TrainingSession(3, environ={}, counter=Counter()) as session:
        assert list(session) == [1, 2, 3]
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGUSR1)) == before


@pytest.mark.parametrize("signum", [signal.SIGUSR1, signal.SIGTERM])
def test_a_stop_finishes_the_step_in_hand_saves_and_exits_99(environ: dict[str, str], signum: signal.Signals) -> None:
    """The step in which the request arrives is part of the checkpoint."""
    counter = Counter()
    with pytest.raises(SystemExit) as exit_:
        train(environ, counter, total=10, stop={4: signum})
    assert exit_.value.code == protocol.EXIT_SUSPENDED
    assert counter.steps == 4
    written = Path(environ[protocol.ENV_CHANNEL_DIR], protocol.CHANNEL_CHECKPOINT)
    assert msgspec.json.decode(written.read_bytes(), type=protocol.CheckpointWritten).step == 4


def test_the_next_start_takes_the_steps_that_are_left(environ: dict[str, str]) -> None:
    """Each step is taken once, over any number of starts."""
    with pytest.raises(SystemExit):
        train(environ, Counter(), total=10, stop={4: signal.SIGUSR1})
    with pytest.raises(SystemExit):
        train(environ, Counter(), total=10, stop={6: signal.SIGTERM})
    counter = Counter()
    assert train(environ, counter, total=10, stop={}) == [7, 8, 9, 10]
    assert counter.steps == 10


def test_the_signal_is_announced_only_once_it_is_handled(environ: dict[str, str]) -> None:
    """SIGUSR1 kills a process that has no handler for it, so the supervisor must not send it any sooner."""
    announced = Path(environ[protocol.ENV_CHANNEL_DIR], protocol.CHANNEL_ANNOUNCE)
    session = TrainingSession(1, environ=environ)
    assert not announced.exists()
    with session:
        assert msgspec.json.decode(announced.read_bytes()) == {"checkpoint_signal": "SIGUSR1"}
        assert callable(signal.getsignal(signal.SIGUSR1))


def test_a_request_during_the_last_step_does_not_stop_a_job_that_is_done(environ: dict[str, str]) -> None:
    """There is nothing left to resume; it says so, and ends as completed."""
    assert train(environ, Counter(), total=3, stop={3: signal.SIGUSR1}) == [1, 2, 3]
    assert (progress(environ).step, progress(environ).total) == (3, 3)


def test_a_request_after_the_end_does_not_kill_a_script_that_still_writes_its_results(environ: dict[str, str]) -> None:
    """The supervisor may have decided on it just before the last step ended."""
    train(environ, Counter(), total=2, stop={})
    signal.raise_signal(signal.SIGUSR1)


def test_a_start_after_the_last_step_takes_none_and_has_what_was_trained(environ: dict[str, str]) -> None:
    """An evaluation that was ended half-way is begun again, and nothing before it."""
    train(environ, Counter(), total=3, stop={})
    counter = Counter()
    assert train(environ, counter, total=3, stop={}) == []
    assert counter.steps == 3
    assert (progress(environ).step, progress(environ).total) == (3, 3)


def test_after_the_last_step_requests_mean_nothing_and_sigterm_ends_the_script_also_within_the_block(
    environ: dict[str, str],
) -> None:
    """The last checkpoint is written by then; the announcement is taken back, for nobody would hear the signal."""
    with TrainingSession(2, environ=environ, counter=Counter()) as session:
        for _ in session:
            assert callable(signal.getsignal(signal.SIGTERM))
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_IGN
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert not Path(environ[protocol.ENV_CHANNEL_DIR], protocol.CHANNEL_ANNOUNCE).exists()
        assert (progress(environ).step, progress(environ).total) == (2, 2)


def test_the_last_checkpoint_is_written_once(environ: dict[str, str]) -> None:
    """It costs time; neither the end of the block nor a start that takes no step writes it again."""
    file = Path(environ[protocol.ENV_CHECKPOINT_DIR], "checkpoint.pt")
    with TrainingSession(2, environ=environ, counter=Counter()) as session:
        assert list(session) == [1, 2]
        written = file.stat().st_ino
    train(environ, Counter(), total=2, stop={})
    assert file.stat().st_ino == written


def test_more_steps_than_were_trained_are_taken_from_there(environ: dict[str, str]) -> None:
    """Whoever raises the number of epochs trains on."""
    train(environ, Counter(), total=3, stop={})
    assert train(environ, Counter(), total=5, stop={}) == [4, 5]


def test_training_that_stopped_early_is_done_for_the_next_start_too(environ: dict[str, str]) -> None:
    """It does not take the steps after all that it chose not to take."""
    for steps in ([1, 2], []):
        taken = []
        with TrainingSession(100, environ=environ, counter=Counter()) as session:
            for step in session:
                taken.append(step)
                if step == 2:
                    break
        assert taken == steps
        assert (progress(environ).step, progress(environ).total) == (2, 2)


def test_a_disk_without_room_for_the_last_checkpoint_does_not_fail_what_was_trained(
    environ: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and the script goes on to its results."""
    Path(environ[protocol.ENV_CHECKPOINT_DIR]).mkdir()
    Path(environ[protocol.ENV_CHECKPOINT_DIR], ".checkpoint.pt.new").symlink_to("/dev/full")
    assert train(environ, Counter(), total=2, stop={}) == [1, 2]
    assert (progress(environ).step, progress(environ).total) == (2, 2)
    assert not Path(environ[protocol.ENV_CHANNEL_DIR], protocol.CHANNEL_CHECKPOINT).exists()
    assert "its last checkpoint is not written" in caplog.text


def test_training_that_stops_early_is_done(environ: dict[str, str]) -> None:
    """Early stopping leaves the loop; the job must not be run again for the steps it chose not to take."""
    with TrainingSession(100, environ=environ) as session:
        for step in session:
            session.report(0.25)
            if step == 5:
                break
    assert (progress(environ).step, progress(environ).total) == (5, 5)


def test_a_script_that_fails_does_not_say_it_is_done(environ: dict[str, str]) -> None:
    """An exception leaves the progress where it was."""
    with pytest.raises(ZeroDivisionError), TrainingSession(5, environ=environ) as session:
        for _ in session:
            raise ZeroDivisionError
    assert progress(environ).total == 5


def test_progress_ends_with_the_last_steps_own_loss(environ: dict[str, str]) -> None:
    """However short the run, the last word tells the last step."""
    train(environ, Counter(), total=4, stop={})
    assert (progress(environ).step, progress(environ).loss) == (4, 0.25)


def test_a_forked_child_still_ends_on_sigterm(environ: dict[str, str]) -> None:
    """A data loader's worker inherits the handler, and must not outlive the script because of it."""
    with TrainingSession(1, environ=environ):
        fork = multiprocessing.get_context("fork")
        # Python drops a signal that arrives while a child is still being forked, so it says when it is there.
        running = fork.Event()
        child = fork.Process(target=idle, args=(running,), daemon=True)
        child.start()
        assert running.wait(timeout=30)
        child.terminate()
        child.join(timeout=30)
    assert child.exitcode == 128 + signal.SIGTERM


def test_a_session_without_steps_is_refused() -> None:
    """`--epochs 0` is a mistake worth a word."""
    with pytest.raises(ValueError, match="at least one step, not 0"):
        TrainingSession(0, environ={})
