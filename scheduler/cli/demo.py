"""`carbonq demo`: the main job from end to end, in under two minutes, on a day replayed at speed."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from scheduler.cli import demo_story as story
from scheduler.cli import options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import paint, say, say_json
from scheduler.cli.waiting import ENDED

app = options.command_app()

SPEED = 1200.0
"""Seconds of the replayed day in one real second: half an hour passes in 1.5 s."""
RUN_FOR = timedelta(seconds=14)
FINISH_WITHIN = timedelta(seconds=62)
LEAD = timedelta(seconds=5)
"""From the start of the daemon to that of the replay."""
CALIBRATION_EPOCHS = 500
MOST_EPOCHS = 200_000
"""However fast the machine: the demonstration must not run for ever after a hiccup of the clock."""


@app.command()
def demo(
    zone: Annotated[
        str | None,
        typer.Option("--zone", help="Replay the last day of this zone (GB, DE, FR, ...). [default: this machine's]"),
    ] = None,
    sample: Annotated[bool, typer.Option("--sample", help="Replay the built-in sample day; ask nobody.")] = False,
    base_url: Annotated[str | None, typer.Option("--base-url", hidden=True)] = None,
    as_json: options.Json = False,
) -> None:
    """Run the main job from end to end, in under two minutes.

    A recorded day is replayed at speed: a keyless provider's last day where one answers within two seconds, else a
    sample of our own making. The clock, the training, the joules and the settlement are real. With --json the job's
    row is printed at the end, and the story goes to stderr.
    """
    with contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext():
        row = _run_demo(zone, sample, base_url)
    if as_json:
        say_json(row)


def _run_demo(zone: str | None, sample: bool, base_url: str | None) -> dict[str, Any]:
    from scheduler.cli.demo_daemon import demo_daemon
    from scheduler.cli.demo_day import choose_day, sample_day

    script = reference_script()
    day, why_not = (sample_day(), None) if sample else choose_day(zone, base_url)
    story.introduce(day.said, why_not, SPEED)
    epochs = _epochs_for(script, RUN_FOR)
    origin, anchor = day.best_origin(), times.now() + LEAD
    with demo_daemon(day, origin, anchor, SPEED) as client:
        # The replay begins with the submission, however long the daemon took to start.
        time.sleep(max(0.0, (anchor - times.now()).total_seconds()))
        story.show_forecast(client, SPEED)
        job = _submit(client, script, epochs)
        _follow(client, job)
        return story.show_history(client, job)


def reference_script() -> Path:
    """The training script that ships in the package; Failure where torch is missing."""
    if find_spec("torch") is None:
        raise Failure(
            "the demonstration trains with PyTorch, which is not installed; install it with\n"
            "  pip install 'carbonq[train]'\n"
            "or, without a GPU, the smaller CPU-only build first:\n"
            "  pip install torch --index-url https://download.pytorch.org/whl/cpu"
        )
    package = find_spec("workers.training")
    if package is None or not package.submodule_search_locations:
        raise Failure("the reference training job is missing from the installation; reinstall carbonq")
    return Path(package.submodule_search_locations[0]) / "reference" / "train_regressor.py"


def _epochs_for(script: Path, length: timedelta) -> int:
    """Epochs that take about `length` on this machine, from a short run of the same script."""
    say(f"  machine   timing {CALIBRATION_EPOCHS} epochs of the reference job ...")
    per_epoch_s = _training_time_s(script) / CALIBRATION_EPOCHS
    return min(MOST_EPOCHS, max(CALIBRATION_EPOCHS, round(length.total_seconds() / per_epoch_s)))


def _training_time_s(script: Path) -> float:
    """Seconds between the first and the last epoch that it prints: starting Python and torch does not count."""
    command = [sys.executable, str(script), "--epochs", str(CALIBRATION_EPOCHS + 1), "--log-every", "1"]
    printed_at: list[float] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            if line.startswith("epoch"):
                printed_at.append(time.perf_counter())
        complaint = process.stderr.read() if process.stderr else ""
    if process.returncode != 0 or len(printed_at) < 2:
        raise Failure(f"the reference job does not run here:\n{complaint.strip()}")
    return max(printed_at[-1] - printed_at[0], 1e-3)


def _submit(client: DaemonClient, script: Path, epochs: int) -> int:
    """Queue the job as `carbonq submit` would, and say why it waits."""
    from scheduler.cli.environment import job_environment

    command = [sys.executable, str(script), "--epochs", str(epochs), "--log-every", str(max(1, epochs // 10))]
    say(paint("Submitting", "bold"))
    within, length = int(FINISH_WITHIN.total_seconds()), int(RUN_FOR.total_seconds())
    say(f"  $ carbonq submit --within {within}s --duration {length}s -- python {script.name} --epochs {epochs}")
    answer = client.post(
        "/v1/jobs",
        {
            "argv": command,
            "workdir": str(Path.home()),
            "env": job_environment([], os.environ),
            "name": script.stem,
            "gpus": 0,
            "within_s": FINISH_WITHIN.total_seconds(),
            "duration_s": RUN_FOR.total_seconds(),
            "project": "demo",
            "grace_s": 5.0,
        },
    )
    story.say_plan(answer, SPEED)
    return int(answer["id"])


def _follow(client: DaemonClient, job: int) -> None:
    """A live line until the job has ended and its statement is final."""
    from scheduler.cli.live_line import LiveLine

    say(paint("Watching", "bold"))
    line, deadline = LiveLine(), time.monotonic() + FINISH_WITHIN.total_seconds() + 40
    while time.monotonic() < deadline:
        detail = client.get(f"/v1/jobs/{job}")
        line.show(story.phase(detail), story.status(client, detail))
        if detail["state"] in ENDED and detail["statement"] in ("final", "none"):
            break
        time.sleep(0.2)
    line.end()
    if detail["state"] != "completed":
        log = client.get(f"/v1/jobs/{job}/log", stream="stderr")
        raise Failure(f"the job ended as {detail['state']}: {detail['detail']}\n{_text(log)}")


def _text(log: dict[str, Any]) -> str:
    import base64

    return base64.b64decode(log["data_base64"]).decode(errors="replace").strip()
