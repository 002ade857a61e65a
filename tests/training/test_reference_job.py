"""The reference training job: the same losses whether it was interrupted or not, in real processes by real signals."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scheduler import protocol

pytest.importorskip("torch", reason="the reference training job needs torch: pip install 'carbonq[train]'")

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "workers" / "training" / "reference" / "train_regressor.py"
EXAMPLE = ROOT / "examples" / "train_regressor.py"
EPOCHS = 400


def environment(**extra: str) -> dict[str, str]:
    """Ours without what carbonq or a test run may have set."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CARBONQ_")} | extra


def train(*options: str, script: Path = SHIPPED, **environ: str) -> str:
    command = [sys.executable, str(script), *options]
    return subprocess.run(command, env=environment(**environ), text=True, check=True, stdout=subprocess.PIPE).stdout


def losses(output: str) -> list[str]:
    return [line for line in output.splitlines() if line.startswith("epoch")]


def train_until(epoch: int, signum: signal.Signals, environ: dict[str, str]) -> str:
    """Start it, send the signal when it prints that epoch, and see it suspend itself."""
    command = [sys.executable, str(SHIPPED), "--epochs", str(EPOCHS), "--log-every", "1"]
    with subprocess.Popen(command, env=environment(**environ), text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        output = ""
        while not output.endswith("\n") or f"epoch {epoch:6d} " not in output:
            output += process.stdout.readline()
        process.send_signal(signum)
        output += process.stdout.read()
    assert process.returncode == protocol.EXIT_SUSPENDED
    return output


@pytest.fixture(scope="module")
def uninterrupted() -> list[str]:
    return losses(train("--epochs", str(EPOCHS), "--log-every", "1"))


@pytest.fixture(scope="module")
def brief() -> list[str]:
    return losses(train("--epochs", "20"))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "channel").mkdir()
    return {
        protocol.ENV_CHECKPOINT_DIR: str(tmp_path / "checkpoints"),
        protocol.ENV_CHANNEL_DIR: str(tmp_path / "channel"),
    }


def test_two_interruptions_leave_no_trace_in_the_loss_curve(uninterrupted: list[str], environ: dict[str, str]) -> None:
    """Asked by SIGUSR1, then by SIGTERM, and resumed each time: every printed digit of every epoch is the same."""
    first = train_until(50, signal.SIGUSR1, environ)
    second = train_until(200, signal.SIGTERM, environ | {protocol.ENV_RESUME: "1"})
    third = train("--epochs", str(EPOCHS), "--log-every", "1", **environ, CARBONQ_RESUME="1")

    assert "resumed after epoch" in second
    assert "resumed after epoch" in third
    assert losses(first) + losses(second) + losses(third) == uninterrupted


def test_the_losses_are_those_of_the_network_described(uninterrupted: list[str]) -> None:
    """Targets of variance one that nothing explains: the loss begins a little above one and ends a little below it."""
    assert len(uninterrupted) == EPOCHS
    first, last = (float(line.split()[-1]) for line in (uninterrupted[0], uninterrupted[-1]))
    assert 1.0 < first < 1.5
    assert last < first


def test_the_example_is_the_shipped_file(brief: list[str]) -> None:
    """One file under two names, so that what people read is what the demo runs."""
    assert EXAMPLE.is_symlink()
    assert EXAMPLE.resolve() == SHIPPED
    assert losses(train("--epochs", "20", script=EXAMPLE)) == brief


def test_it_trains_without_carbonq(tmp_path: Path, brief: list[str]) -> None:
    """A copy in a place where neither room can be imported trains from the first epoch to the last."""
    shutil.copy(SHIPPED, tmp_path / "train_regressor.py")
    blocker = tmp_path / "without_carbonq.py"
    blocker.write_text(
        "import runpy, sys\n"
        "sys.modules['workers'] = sys.modules['scheduler'] = None\n"
        f"runpy.run_path({str(tmp_path / 'train_regressor.py')!r}, run_name='__main__')\n"
    )
    assert losses(train("--epochs", "20", script=blocker)) == brief


def test_the_seed_decides_the_losses(brief: list[str]) -> None:
    """Another seed, other data and other weights."""
    assert losses(train("--epochs", "20", "--seed", "1")) != brief


def test_an_epoch_lasts_as_long_as_asked_and_trains_the_same(brief: list[str]) -> None:
    """A job of a known length, on a fast machine as on a slow one."""
    began = time.monotonic()
    assert losses(train("--epochs", "20", "--epoch-seconds", "0.05")) == brief
    assert time.monotonic() - began >= 20 * 0.05


@pytest.mark.parametrize("pace", ["-1", "nan", "inf", "soon"])
def test_a_pace_that_is_none_is_refused(pace: str) -> None:
    """Exit status 2, and the option named."""
    command = [sys.executable, str(SHIPPED), f"--epoch-seconds={pace}"]
    refused = subprocess.run(command, env=environment(), text=True, check=False, capture_output=True)
    assert refused.returncode == 2
    assert "--epoch-seconds" in refused.stderr


@pytest.mark.gpu
def test_a_gpu_repeats_its_losses_across_an_interruption(environ: dict[str, str]) -> None:
    """The same promise on CUDA, where sums may otherwise be added in another order."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    whole = losses(train("--epochs", str(EPOCHS), "--log-every", "1", "--device", "cuda"))
    first = train_until(50, signal.SIGUSR1, environ)
    second = train("--epochs", str(EPOCHS), "--log-every", "1", "--device", "cuda", **environ)
    assert losses(first) + losses(second) == whole
