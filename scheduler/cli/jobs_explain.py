"""`carbonq explain`: why a job is where it is, in sentences and figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scheduler.cli import figures, options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.output import say, say_json
from scheduler.cli.waiting import ENDED

app = options.command_app()

_BY_UNIT: dict[str, Callable[[float | None], str]] = {
    "s": figures.duration,
    "W": figures.power,
    "gCO2eq": figures.emissions,
    "gCO2eq/kWh": figures.intensity,
}

_COMPARED = ("emissions as planned", "emissions if run now", "difference")
"""Figures that are told side by side."""
_REST = ", the rest"
"""Behind the name of a figure that what has run by now has no part in."""


@app.command()
def explain(job: options.JobId, as_json: options.Json = False) -> None:
    """Say what a job waits for and what that saves."""
    answer = DaemonClient().get(f"/v1/jobs/{job}/explain")
    if as_json:
        say_json(answer)
        return
    now = times.now()
    say("\n".join(answer["sentences"]))
    if answer["forecast_by"]:
        which = f"{figures.which_intensity(answer)}, location-based"
        say("\n".join((f"Planned with: {answer['forecast_by']}; {which}.", *answer["because"])))
    added_up = dict(zip(_COMPARED, figures.compared(answer["placement"]), strict=True)) if answer["placement"] else {}
    rows = [
        (figure["name"], added_up.get(figure["name"].removesuffix(_REST)) or _value(figure))
        for figure in answer["figures"]
    ]
    if answer["latest_start"]:
        rows.append(("latest start in time", times.shown(answer["latest_start"], now)))
    if rows and answer["state"] not in ENDED:
        widest = max(len(name) for name, _ in rows)
        say("\n" + "\n".join(f"  {name:<{widest}}  {value}" for name, value in rows))


def _value(figure: dict[str, Any]) -> str:
    written = _BY_UNIT.get(figure["unit"])
    if written is not None:
        return written(figure["value"])
    return figures.UNKNOWN if figure["value"] is None else f"{figure['value']:g} {figure['unit']}"
