"""What the demonstration tells: the grid, the plan and why the job waits, the run, and the row it leaves."""

from __future__ import annotations

import os
from typing import Any

from scheduler.cli import figures, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import paint, say
from scheduler.cli.waiting import ENDED


def introduce(said: str, why_not: str | None, speed: float) -> None:
    say(paint("carbonq demo: one training job, from submission to settled emissions", "bold"))
    if why_not is not None:
        say(f"  {why_not}; replaying the sample instead")
    say(f"  grid      {said},")
    say(f"            replayed {speed:,.0f} times as fast: half an hour of it passes in {1800 / speed:.1f} s")
    say("  real      the clock, the training, the joules and the settlement")
    if os.getuid() == 0:
        say(paint("  warning   you are root, and so will the job be; carbonq is meant to be run as yourself", "yellow"))


def show_forecast(client: DaemonClient, speed: float) -> None:
    from scheduler.cli.chart import intensity_chart

    forecast = client.get("/v1/grid/forecast")
    now = times.now()
    ahead = [s for s in forecast["slots"] if times.parse_stamp(s["end"]) > now][:40]
    say()
    say(paint(f"Forecast for {forecast['zone']}, the next {_replayed(ahead, speed)} of the replayed day", "bold"))
    say(intensity_chart(ahead))


def say_plan(answer: dict[str, Any], speed: float) -> None:
    placement, now = answer["placement"], times.now()
    if placement is None:
        raise Failure("the demonstration's daemon made no plan; see `carbonq doctor` in an ordinary installation")
    wait_s = max(0.0, (times.parse_stamp(placement["start"]) - now).total_seconds())
    say(f"  job {answer['id']} waits {wait_s:.0f} s ({figures.duration(wait_s * speed)} of the replayed day)")
    for sentence in answer["words"]:
        say(f"  {sentence}")
    say()


def phase(detail: dict[str, Any]) -> str:
    return "settling" if detail["state"] in ENDED else str(detail["state"])


def status(client: DaemonClient, detail: dict[str, Any]) -> str:
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


def show_history(client: DaemonClient, job: int) -> dict[str, Any]:
    from scheduler.cli.history import history_table

    rows = client.get("/v1/history")
    say()
    say(paint("carbonq history", "bold"))
    say(history_table(rows, times.now()))
    row: dict[str, Any] = next(row for row in rows if row["id"] == job)
    detail = client.get(f"/v1/jobs/{job}")
    say()
    emitted, run_now, saved = figures.compared(row)
    say(f"  energy      {figures.energy(row['energy_kwh'])} of IT energy, {_methods(detail)}")
    say(f"  emissions   {emitted}, PUE {row['pue']:g} ({row['statement']})")
    say(f"  run now     {run_now}, had first-come-first-served started it")
    say(f"  difference  {saved} (run now minus realised, on average intensity: attributed, not avoided)")
    return row


def _replayed(slots: list[dict[str, Any]], speed: float) -> str:
    real = times.parse_stamp(slots[-1]["end"]) - times.parse_stamp(slots[0]["start"])
    return figures.duration(real.total_seconds() * speed)


def _methods(detail: dict[str, Any]) -> str:
    named = dict.fromkeys(f"{part['component']} by {part['method']}" for part in detail["energy"])
    return f"{detail['method']}: {', '.join(named)}"
