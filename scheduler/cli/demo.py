"""`carbonq demo`: the main job from end to end, in under two minutes, on a day replayed at speed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from scheduler.cli import figures, options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import paint, say
from scheduler.cli.waiting import ENDED

app = options.command_app()

SPEED = 1200.0
"""Seconds of the replayed day in one real second: half an hour passes in 1.5 s."""
RUN_FOR = timedelta(seconds=14)
FINISH_WITHIN = timedelta(seconds=62)
CALIBRATION_EPOCHS = 400


@app.command()
def demo(
    zone: Annotated[
        str | None,
        typer.Option("--zone", help="Replay the last day of this zone (GB, DE, FR, ...)."),
    ] = None,
    base_url: Annotated[str | None, typer.Option("--base-url", hidden=True)] = None,
) -> None:
    """Run the main job from end to end in under two minutes: wait for clean power, train, measure, settle.

    A recorded day is replayed at speed; clock, training, joules and settlement are real.
    """
    from scheduler.cli.demo_daemon import demo_daemon
    from scheduler.cli.demo_day import choose_day

    script = reference_script()
    day, why_not = choose_day(zone, base_url)
    _introduce(day.said, why_not)
    epochs = _epochs_for(script, RUN_FOR)
    origin, anchor = day.best_origin(), times.now() + timedelta(seconds=2)
    with demo_daemon(day, origin, anchor, SPEED) as client:
        _show_forecast(client)
        job = _submit(client, script, epochs)
        _follow(client, job)
        _show_history(client, job)


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


def _introduce(said: str, why_not: str | None) -> None:
    say(paint("carbonq demo: one training job, from submission to settled emissions", "bold"))
    if why_not is not None:
        say(f"  {why_not}; replaying the sample instead")
    say(f"  grid      {said},")
    say(f"            replayed {SPEED:,.0f} times as fast: half an hour of it passes in {1800 / SPEED:.1f} s")
    say("  real      the clock, the training, the joules and the settlement")
    if os.getuid() == 0:
        say(paint("  warning   you are root, and so will the job be; carbonq is meant to be run as yourself", "yellow"))


def _epochs_for(script: Path, length: timedelta) -> int:
    """Epochs that take about `length` on this machine, from a short run of the same script."""
    say(f"  machine   timing {CALIBRATION_EPOCHS} epochs of the reference job ...")
    took_s = [_timed(script, epochs) for epochs in (1, CALIBRATION_EPOCHS)]
    per_epoch_s = max((took_s[1] - took_s[0]) / CALIBRATION_EPOCHS, 1e-5)
    return max(1000, round(length.total_seconds() / per_epoch_s))


def _timed(script: Path, epochs: int) -> float:
    began = time.perf_counter()
    command = [sys.executable, str(script), "--epochs", str(epochs), "--log-every", str(epochs)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"the reference job does not run here:\n{done.stderr.strip()}")
    return time.perf_counter() - began


def _show_forecast(client: DaemonClient) -> None:
    from scheduler.cli.chart import intensity_chart

    forecast = client.get("/v1/grid/forecast")
    now = times.now()
    ahead = [s for s in forecast["slots"] if times.parse_stamp(s["end"]) > now][:40]
    say()
    say(paint(f"Forecast for {forecast['zone']}, the next {_replayed(ahead)} of the replayed day", "bold"))
    say(intensity_chart(ahead))


def _replayed(slots: list[dict[str, Any]]) -> str:
    real = times.parse_stamp(slots[-1]["end"]) - times.parse_stamp(slots[0]["start"])
    return figures.duration(real.total_seconds() * SPEED)


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
        },
    )
    _say_plan(answer)
    return int(answer["id"])


def _say_plan(answer: dict[str, Any]) -> None:
    placement, now = answer["placement"], times.now()
    if placement is None:
        raise Failure("the demonstration's daemon made no plan; see `carbonq doctor` in an ordinary installation")
    wait_s = max(0.0, (times.parse_stamp(placement["start"]) - now).total_seconds())
    emits, run_now = figures.emissions(placement["emissions_g"]), figures.emissions(placement["run_now_emissions_g"])
    say(f"  job {answer['id']} waits {wait_s:.0f} s ({figures.duration(wait_s * SPEED)} of the replayed day)")
    say(f"  planned   {emits}; run now {run_now}; difference " + _saved(placement))
    for sentence in answer["words"]:
        say(f"  {sentence}")
    say()


def _saved(row: dict[str, Any]) -> str:
    return figures.saved(row["difference_g"], row["run_now_emissions_g"])


def _follow(client: DaemonClient, job: int) -> None:
    """A live line until the job has ended and its statement is final."""
    from scheduler.cli.live_line import LiveLine

    say(paint("Watching", "bold"))
    line, deadline = LiveLine(), time.monotonic() + FINISH_WITHIN.total_seconds() + 40
    while time.monotonic() < deadline:
        detail = client.get(f"/v1/jobs/{job}")
        line.show(_phase(detail), _status(client, detail))
        if detail["state"] in ENDED and detail["statement"] in ("final", "none"):
            break
        time.sleep(0.2)
    line.end()
    if detail["state"] != "completed":
        log = client.get(f"/v1/jobs/{job}/log", stream="stderr")
        raise Failure(f"the job ended as {detail['state']}: {detail['detail']}\n{_text(log)}")


def _phase(detail: dict[str, Any]) -> str:
    return "settling" if detail["state"] in ENDED else str(detail["state"])


def _status(client: DaemonClient, detail: dict[str, Any]) -> str:
    state = detail["state"]
    if state in ENDED:
        return f"settling  {figures.energy(detail['energy_kwh'])}, statement {detail['statement']}"
    if state == "running":
        return _running_status(detail)
    now_g = client.get("/v1/grid/now")["g_per_kwh"]
    start = detail["planned_start"]
    left_s = (times.parse_stamp(start) - times.now()).total_seconds() if start else 0.0
    return f"waiting   {figures.intensity(now_g)} now, starts in {max(0.0, left_s):3.0f} s"


def _running_status(detail: dict[str, Any]) -> str:
    from scheduler.cli.bar import progress_bar

    progress = detail["progress"]
    share = progress["step"] / progress["total"] if progress and progress["total"] else 0.0
    loss = f", loss {progress['loss']:.4f}" if progress and progress["loss"] is not None else ""
    spent = f"{figures.power(detail['power_w'])}, {figures.emissions(detail['emissions_g'])} so far"
    return f"running   {progress_bar(share, 24)} {share:4.0%}  {detail['running_s']:4.1f} s, {spent}{loss}"


def _show_history(client: DaemonClient, job: int) -> None:
    from scheduler.cli.history import history_table

    rows = client.get("/v1/history")
    say()
    say(paint("carbonq history", "bold"))
    say(history_table(rows, times.now()))
    row = next(row for row in rows if row["id"] == job)
    detail = client.get(f"/v1/jobs/{job}")
    say()
    say(f"  energy      {figures.energy(row['energy_kwh'])} of IT energy, {_methods(detail)}")
    say(f"  emissions   {figures.emissions(row['emissions_g'])}, PUE {row['pue']:g} ({row['statement']})")
    say(f"  run now     {figures.emissions(row['run_now_emissions_g'])}, had first-come-first-served started it")
    say(f"  difference  {_saved(row)} (run now minus realised, on average intensity: attributed, not avoided)")


def _methods(detail: dict[str, Any]) -> str:
    named = dict.fromkeys(f"{part['component']} by {part['method']}" for part in detail["energy"])
    return f"{detail['method']}: {', '.join(named)}"


def _text(log: dict[str, Any]) -> str:
    import base64

    return base64.b64decode(log["data_base64"]).decode(errors="replace").strip()
