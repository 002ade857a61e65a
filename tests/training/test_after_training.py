"""What follows the training, an evaluation say: never a reason to train again. Real scripts under a real supervisor."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.worker_processes import Start, kill_supervisors, run_spec, wait_until

import workers
from scheduler.domain.lifecycle import StopReason
from scheduler.protocol import ExitRecord, StopOrder
from workers.control import send_order
from workers.journal import slices_after

pytest.importorskip("torch", reason="the training kit needs torch: pip install 'carbonq[train]'")

PRELUDE = """
import os
import torch
from workers.training import TrainingSession
torch.set_num_threads(1)

def say(word):
    print(word, flush=True)

def wait_for(name):
    open(name).read()

def evaluate():
    say("evaluating")
    wait_for("go")
    say(f"weight {model.weight.item():.6f}")

torch.manual_seed(0)
model = torch.nn.Linear(1, 1, bias=False)

def train(session, last=None):
    for step in session:
        say(f"step {step}")
        if step == 20 and os.path.exists("last"):
            wait_for("last")
        with torch.no_grad():
            model.weight += 1
        if step == last:
            break
"""
AFTER_THE_BLOCK = """
with TrainingSession(20, model=model) as session:
    train(session)
evaluate()
"""
WITHIN_THE_BLOCK = """
with TrainingSession(20, model=model) as session:
    train(session)
    evaluate()
"""
STOPPED_EARLY = """
with TrainingSession(100, model=model) as session:
    train(session, last=20)
evaluate()
"""
SCRIPTS = {"after": AFTER_THE_BLOCK, "within": WITHIN_THE_BLOCK, "stopped early": STOPPED_EARLY}
GRACE_S = 0.05
"""A suspend that is not waited for has killed its job long before `outlives_two_graces`."""

every_script = pytest.mark.parametrize("script", SCRIPTS.values(), ids=SCRIPTS)


@pytest.fixture(autouse=True)
def nothing_outlives_its_test(tmp_path: Path) -> Iterator[None]:
    os.mkfifo(tmp_path / "go")
    yield
    kill_supervisors(tmp_path)


def begin(root: Path, script: str, number: int = 1, grace_s: float = GRACE_S) -> Start:
    """A segment of one job, in a directory of its own."""
    segment = f"1-1-{number}"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(workers.__file__).parents[1])}
    command = (sys.executable, "-c", PRELUDE + script)
    return Start(root / segment, run_spec(root, *command, segment=segment, resume=number > 1, grace_s=grace_s, env=env))


def order(started: Start, reason: StopReason) -> None:
    assert send_order(started.directory / "control", StopOrder(started.spec.segment, reason))


def outlives_two_graces(started: Start) -> None:
    """By the supervisor's own clock: slices are cut more seldom than graces end."""
    wait_until((started.directory / "stop.json").exists)
    journal = started.directory / "readings.jsonl"
    asked = len(slices_after(journal, 0, 1000))
    wait_until(lambda: len(slices_after(journal, 0, 1000)) >= asked + 3)


def release(root: Path, name: str, started: Start) -> ExitRecord:
    (root / name).write_text("")
    return started.exit()


def steps(started: Start) -> list[str]:
    return [line for line in started.output().splitlines() if line.startswith("step")]


def weight(started: Start) -> str:
    return started.output().splitlines()[-1]


@every_script
def test_a_suspend_lets_an_evaluation_come_to_its_end(tmp_path: Path, script: str) -> None:
    """The job is completed, not suspended, and its last checkpoint is on record."""
    started = begin(tmp_path, script)
    wait_until(lambda: started.says("evaluating"))
    order(started, StopReason.SUSPEND)
    outlives_two_graces(started)
    ended = release(tmp_path, "go", started)
    assert (ended.code, ended.finished, ended.stop_reason, ended.checkpoint_step) == (0, True, None, 20)


@every_script
def test_an_evaluation_that_was_killed_is_all_that_the_next_start_does(tmp_path: Path, script: str) -> None:
    """It evaluates the very weights that were trained."""
    killed = begin(tmp_path, script)
    wait_until(lambda: killed.says("evaluating"))
    killed.kill()
    again = begin(tmp_path, script, number=2)
    wait_until(lambda: again.says("evaluating"))
    release(tmp_path, "go", again)
    assert (len(steps(killed)), steps(again)) == (20, [])
    assert float(weight(again).split()[1]) > 19


def test_a_cancel_ends_an_evaluation_at_once_also_within_the_block(tmp_path: Path) -> None:
    """By SIGTERM; nobody waits for a grace to pass."""
    started = begin(tmp_path, WITHIN_THE_BLOCK, grace_s=600.0)
    wait_until(lambda: started.says("evaluating"))
    order(started, StopReason.CANCEL)
    ended = started.exit()
    assert (ended.code, ended.stop_reason) == (-signal.SIGTERM, "cancel")


def test_a_suspend_that_comes_with_the_last_step_lets_the_job_go_on_as_well(tmp_path: Path) -> None:
    """Asked for a checkpoint, it writes its last one, and is not ended for having done so."""
    os.mkfifo(tmp_path / "last")
    started = begin(tmp_path, AFTER_THE_BLOCK, grace_s=600.0)
    wait_until(lambda: started.says("step 20"))
    order(started, StopReason.SUSPEND)
    wait_until((started.directory / "stop.json").exists)
    (tmp_path / "last").write_text("")
    wait_until(lambda: started.says("evaluating"))
    outlives_two_graces(started)
    ended = release(tmp_path, "go", started)
    assert (ended.code, ended.finished, ended.checkpoint_step) == (0, True, 20)
