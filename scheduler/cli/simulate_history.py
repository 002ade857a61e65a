"""`carbonq simulate --from-history`: the installation's own jobs and the record of its grid, asked of the daemon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from scheduler.cli import figures, grid_record, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure

if TYPE_CHECKING:
    from scheduler.domain.series import StepSeries
    from scheduler.simulation.replay import PastJob, Replay

PAST_OF_A_FORECAST = timedelta(days=28)
WORDS = {
    "never-ran": "never ran",
    "energy-unknown": "drew an unknown amount of energy",
    "other-places": "ran on places of another kind than are replayed",
    "too-wide": "wider than the machine",
    "intensity-unknown": "in a time for which the intensity is not known without a gap",
}
"""As in scheduler.simulation.replay.LeftOut (a test compares)."""


def own_jobs(
    client: DaemonClient, since: datetime, until: datetime, now: datetime, gpus: int | None, pue: float | None,
    with_past: bool,
) -> tuple[Replay, StepSeries]:  # fmt: skip
    """Jobs that ended in that time, ready to be run anew, and the record of the grid; Failure where there is none."""
    from scheduler.simulation.replay import reasons_without_record, replay

    rows = client.get("/v1/history", since=since.isoformat(), until=until.isoformat())
    if not rows:
        raise Failure(f"no job ended between {_said(since)} and {_said(until)}; give an earlier --since")
    status = client.get("/v1/status")
    if status["gpus"] is None:
        raise Failure(
            "the worker agent has not answered yet, so nobody knows what jobs run on here; try again in a second, "
            "and where it stays so see `carbonq doctor`"
        )
    on_gpus = bool(status["gpus"])
    places = gpus or status["gpus"] or status["cpu_slots"]
    jobs = [_past_job(client.get(f"/v1/jobs/{row['id']}"), on_gpus) for row in rows]
    begin = min(job.submitted_at for job in jobs) - timedelta(hours=1)
    begin -= PAST_OF_A_FORECAST if with_past else timedelta(0)
    record = series(grid_record.observations(client, begin, max(now, until))["rows"])
    made = replay(jobs, record, places, pue or float(rows[-1]["pue"]))
    if made is None:
        words = left_out_words(reasons_without_record(jobs, places))
        raise Failure(f"no job of that time can be replayed: {words}; `carbonq grid history` shows what is recorded")
    return made, record


def added_fields(made: Replay) -> dict[str, Any]:
    """What each object of the JSON has beyond those of a simulation of files."""
    return {
        "recorded_emissions_g": made.recorded_emissions_g,
        "left_out": [{"reason": str(reason), "jobs": count} for reason, count in sorted(made.left_out.items())],
        "held_to_end": made.held_to_end,
    }


def footnotes(made: Replay) -> list[str]:
    """What was really emitted, and which jobs are not counted."""
    world = made.world
    count = f"{len(world.jobs)} job{'s'[: len(world.jobs) != 1]}"
    said = [
        f"Really emitted, as recorded: {figures.emissions(made.recorded_emissions_g)} for the {count} replayed "
        f"on {world.gpus} places, with a PUE of {world.pue:g}."
    ]
    if made.left_out:
        said.append(f"Left out: {left_out_words(made.left_out)}.")
    if made.held_to_end:
        said.append(f"{made.held_to_end} might have waited beyond the end of the record, and end by it here.")
    return said


def left_out_words(left_out: Mapping[Any, int]) -> str:
    return ", ".join(f"{count} {WORDS[reason]}" for reason, count in sorted(left_out.items()))


def series(rows: Sequence[Mapping[str, Any]]) -> StepSeries:
    """Of two rows that overlap the earlier counts for as long as it lasts."""
    from scheduler.domain.intervals import Interval
    from scheduler.domain.series import StepSeries

    kept, reached = [], None
    for row in sorted(rows, key=lambda row: times.parse_stamp(row["start"])):
        start, end = times.parse_stamp(row["start"]), times.parse_stamp(row["end"])
        begin = start if reached is None else max(start, reached)
        if begin < end:
            kept.append((Interval(begin, end), float(row["g_per_kwh"])))
            reached = end
    return StepSeries.of(kept)


def _past_job(job: Mapping[str, Any], on_gpus: bool) -> PastJob:
    from scheduler.simulation.replay import PastJob

    width = job["gpus"] if on_gpus else 1
    return PastJob(
        id=job["id"],
        submitted_at=times.parse_stamp(job["submitted_at"]),
        ended_at=times.parse_stamp(job["ended_at"]),
        ran=timedelta(seconds=job["running_s"]),
        width=width if on_gpus == bool(job["gpus"]) else None,
        energy_kwh=job["energy_kwh"],
        emissions_g=job["emissions_g"],
        deadline=None if job["deadline"] is None else times.parse_stamp(job["deadline"]),
        interruptible=job["interruptible"],
        expected=timedelta(seconds=job["expected_duration_s"]),
        patience_g_per_h=job["patience_g_per_h"],
    )


def _said(moment: datetime) -> str:
    return times.shown_fully(moment.isoformat())
