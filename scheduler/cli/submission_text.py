"""What `carbonq submit` says of a job it queued, or would queue."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from scheduler.cli import figures, times
from scheduler.cli.table import one_line
from scheduler.cli.waiting import ENDED

MOST_SHOWN = 4
"""Stretches of one job that are listed."""


def submission_text(answer: dict[str, Any], now: datetime) -> str:
    """Lines for people: what was queued, when it is to run, what that saves, and what was assumed."""
    name = one_line(answer["name"])
    head = f"Would queue {name}" if answer["dry_run"] else f"Queued job {answer['id']} ({name})"
    if answer["repeated"]:
        head = f"Queued before as job {answer['id']} ({name})"
    lines = [f"{head}: {_places(answer)}{_by(answer, now)}."]
    lines += [f"  {sentence}" for sentence in answer["words"]]
    if answer["state"] not in ENDED:
        lines.append(f"  {_forecast(answer['forecast_age_s'])}")
    return "\n".join(lines)


def placement_pairs(placement: dict[str, Any], now: datetime) -> Iterator[tuple[str, str]]:
    """When, and the emissions against running at once."""
    stretches = placement["stretches"]
    shown = ", ".join(times.span(s["start"], s["end"], now) for s in stretches[:MOST_SHOWN])
    more = f" and {len(stretches) - MOST_SHOWN} more" if len(stretches) > MOST_SHOWN else ""
    yield "planned", f"{shown}{more}"
    if placement["emissions_g"] is not None:
        yield "expected", _expected(placement)
    if placement["late"]:
        yield "late", "it cannot be finished in time any more; it runs as early as it can"


def _expected(placement: dict[str, Any]) -> str:
    planned, _, saved = figures.compared(placement)
    if saved == figures.UNKNOWN:
        return planned
    word = "less" if placement["difference_g"] >= 0 else "more"
    return f"{planned}, {saved.replace('-', '')} {word} than run now"


def _places(answer: dict[str, Any]) -> str:
    gpus = answer["gpus"]
    places = "1 CPU slot" if gpus == 0 else "1 GPU" if gpus == 1 else f"{gpus} GPUs"
    return f"{places} for {figures.duration(answer['expected_duration_s'])}"


def _by(answer: dict[str, Any], now: datetime) -> str:
    """Of a job that is in no plan only a deadline says by when it is to have finished."""
    held = ", held" if answer["state"] == "held" else ""
    if answer["deadline"] is None and answer["placement"] is None:
        return held
    return f"{held}, finished by {times.shown(answer['finish_by'], now)}"


def _forecast(age_s: float | None) -> str:
    if age_s is None:
        return "No forecast: jobs run in order, and nothing is claimed to be saved."
    return f"Forecast issued {figures.duration(age_s)} ago."
