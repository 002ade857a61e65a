"""`carbonq show`: all that is known of one job."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from scheduler.cli import figures, options, times
from scheduler.cli.bar import progress_bar
from scheduler.cli.client import DaemonClient
from scheduler.cli.jobs_list import STATE_STYLES
from scheduler.cli.output import paint, say, say_json
from scheduler.cli.submission_text import placement_pairs
from scheduler.cli.table import Column, one_line, table

app = options.command_app()


@app.command()
def show(job: options.JobId, as_json: options.Json = False) -> None:
    """Show one job: its plan, starts, energy, emissions and history."""
    detail = DaemonClient().get(f"/v1/jobs/{job}")
    if as_json:
        say_json(detail)
    else:
        say(job_text(detail, times.now()))


def job_text(detail: dict[str, Any], now: datetime) -> str:
    """The job on a page; parts that are empty are left out."""
    state = paint(detail["state"], STATE_STYLES.get(detail["state"], "bold"))
    lines = [f"Job {detail['id']} ({one_line(detail['name'])}): {state}, {detail['reason']}"]
    if detail["detail"]:
        lines.append(f"  {one_line(detail['detail'])}")
    planned = placement_pairs(detail["placement"], now) if detail["placement"] else ()
    sure = _sure(detail, now)
    for part in (_asked(detail, now), _progress(detail), _times(detail), planned, sure, _figures(detail)):
        lines += [f"  {name:<12}{value}" for name, value in part]
    return "\n".join([*lines, *_parts(detail, now)])


def _asked(detail: dict[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    if detail["argv"]:  # The machine's daemon shows it to its owner alone.
        yield "command", one_line(shlex.join(detail["argv"]))
        yield "in", one_line(detail["workdir"])
    places = f"{detail['gpus']} GPU{'s' if detail['gpus'] != 1 else ''}" if detail["gpus"] else "1 CPU slot"
    yield "needs", f"{places}, {_estimate(detail)}{', interruptible' if detail['interruptible'] else ''}"
    kind = "deadline" if detail["deadline"] else "no deadline; by"
    yield "finish by", f"{times.shown(detail['finish_by'], now)} ({kind} {times.shown_fully(detail['finish_by'])})"
    if detail["patience_g_per_h"]:
        yield "patience", f"{figures.emissions(detail['patience_g_per_h'])} for each hour of waiting"
    yield "accounted", ", ".join(_labels(detail))
    if detail["after"]:
        yield "after", ", ".join(f"job {job}" for job in detail["after"])


def _estimate(detail: dict[str, Any]) -> str:
    running = f"{figures.duration(detail['expected_duration_s'])} ({detail['duration_basis']})"
    return f"{running}, {figures.power(detail['expected_power_w'])} ({detail['power_basis']})"


def _sure(detail: dict[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    """How long it may run, and how surely it is in time."""
    certainty = detail["certainty"]
    if certainty is None:
        return
    asked, jobs = figures.percent(certainty["confidence"]), certainty["learnt_jobs"]
    basis = {
        "like-jobs": f"by {figures.count(jobs, 'like job')}",
        "own-jobs": f"by {figures.count(jobs, 'job')} of this user",
    }
    source = basis.get(certainty["learnt_from"], "no like job has ended yet")
    # Planned for longer than such jobs run, it ends when all of that is over.
    whole = certainty["running_time_s"] < detail["expected_duration_s"]
    length = f", though planned for {figures.duration(detail['expected_duration_s'])}" if whole else ""
    yield "may run", f"{figures.duration(certainty['running_time_s'])} with {asked} confidence ({source}){length}"
    if certainty["in_time"] is not None:
        how, by = "in all that is planned" if whole else f"with {asked}", times.shown(certainty["ends_by"], now)
        yield "in time", f"with {figures.percent(certainty['in_time'])} confidence; {how} it ends by {by}"


def _labels(detail: dict[str, Any]) -> Iterator[str]:
    yield f"user {detail['user']}"
    yield f"zone {detail['zone']}"
    if detail["project"]:
        yield f"project {one_line(detail['project'])}"
    if detail["tags"]:
        yield f"tags {one_line(' '.join(detail['tags']))}"


def _progress(detail: dict[str, Any]) -> Iterator[tuple[str, str]]:
    progress = detail["progress"]
    if progress is not None:
        loss = "" if progress["loss"] is None else f", loss {progress['loss']:.4g}"
        total = progress["total"]
        bar = f"{progress_bar(progress['step'] / total, 24)} " if total else ""
        yield "progress", f"{bar}step {progress['step']}{f' of {total}' if total else ''}{loss}"
    if detail["power_w"] is not None:
        yield "power now", figures.power(detail["power_w"])


def _times(detail: dict[str, Any]) -> Iterator[tuple[str, str]]:
    yield "submitted", times.shown_fully(detail["submitted_at"])
    if detail["started_at"]:
        yield "started", times.shown_fully(detail["started_at"])
    if detail["ended_at"]:
        code = "" if detail["exit_code"] is None else f", exit status {detail['exit_code']}"
        yield "ended", f"{times.shown_fully(detail['ended_at'])}{code}"
    if detail["running_s"]:
        yield "ran", f"{figures.duration(detail['running_s'])} in {figures.count(detail['attempts'], 'attempt')}"


def _figures(detail: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if detail["energy_kwh"] is None:
        return
    yield "energy", f"{figures.energy(detail['energy_kwh'])} IT ({detail['method']}), PUE {detail['pue']:g}"
    known = f"{detail['statement']}, intensity known for {figures.percent(detail['coverage'])} of the energy"
    emitted, run_now, saved = figures.compared(detail)
    yield "emissions", f"{emitted} ({known})"
    if detail["intensity"]:
        yield "intensity", one_line(detail["intensity"])
    yield "run now", run_now
    yield "at submit", figures.emissions(detail["at_submission_emissions_g"])
    yield "saved", saved


def _parts(detail: dict[str, Any], now: datetime) -> Iterator[str]:
    if detail["segments"]:
        yield "\nStarts\n" + _segments(detail["segments"], now)
    if detail["energy"]:
        yield "\nEnergy\n" + _energy(detail["energy"])
    told = _worth_telling(detail["statements"])
    if len(told) > 1:
        yield "\nStatements\n" + _statements(told)
    if told and told[-1]["note"]:
        yield "\nStatement\n" + f"  {one_line(told[-1]['note'])}"
    if detail["events"]:
        yield "\nHistory\n" + _events(detail["events"])


def _segments(segments: list[dict[str, Any]], now: datetime) -> str:
    columns = [Column(title) for title in ("SEGMENT", "STATE", "STARTED", "ENDED", "EXIT", "STOPPED FOR")]
    columns.append(Column("GPUS", cut=True))
    rows = [
        [
            s["id"],
            s["state"],
            times.shown(s["started_at"], now),
            times.shown(s["ended_at"], now),
            figures.UNKNOWN if s["exit_code"] is None else str(s["exit_code"]),
            s["stop_reason"] or figures.UNKNOWN,
            " ".join(s["gpu_uuids"]) or figures.UNKNOWN,
        ]
        for s in segments
    ]
    return table(columns, rows)


def _worth_telling(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first that was final and all that restated it; what was provisional before is superseded."""
    final = [number for number, statement in enumerate(statements) if statement["statement"] == "final"]
    return statements[final[0] if final else -1 :]


def _statements(statements: list[dict[str, Any]]) -> str:
    columns = (
        Column("DRAWN UP"),
        Column("STATEMENT"),
        Column("EMISSIONS", right=True),
        Column("RUN NOW", right=True),
        Column("NOTE", cut=True),
    )
    rows = [
        [
            times.shown_fully(s["computed_at"]),
            s["statement"],
            figures.emissions(s["emissions_g"]),
            figures.emissions(s["run_now_emissions_g"]),
            s["note"] or figures.UNKNOWN,
        ]
        for s in statements
    ]
    return table(columns, rows)


def _energy(parts: list[dict[str, Any]]) -> str:
    columns = (
        Column("PART"),
        Column("DEVICE", cut=True),
        Column("ENERGY", right=True),
        Column("METHOD"),
        Column("FLAGS"),
    )
    rows = [
        [p["component"], p["device"], figures.energy(p["energy_kwh"]), p["method"], " ".join(p["flags"])] for p in parts
    ]
    return table(columns, rows)


def _events(events: list[dict[str, Any]]) -> str:
    columns = (Column("WHEN"), Column("EVENT"), Column("STATE"), Column("REASON"), Column("DETAIL", cut=True))
    rows = [
        [times.shown_fully(e["at"]), e["event"], e["state"], e["reason"], e["detail"] or figures.UNKNOWN]
        for e in events
    ]
    return table(columns, rows)
