"""`carbonq plan`: the intensity ahead as a strip, the jobs as bars under it, GPUs as rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from scheduler.cli import chart, figures, options, times
from scheduler.cli.chart import MARGIN
from scheduler.cli.client import DaemonClient
from scheduler.cli.output import say, say_json
from scheduler.cli.table import Column, one_line, table
from scheduler.cli.timeline import timeline

app = options.command_app()


@app.command()
def plan(as_json: options.Json = False) -> None:
    """Draw the current plan: grid, GPUs and jobs."""
    answer = DaemonClient().get("/v1/plan")
    if as_json:
        say_json(answer)
    else:
        say("\n".join(plan_lines(answer, times.now())))


def plan_lines(plan: dict[str, Any], now: datetime) -> Iterator[str]:
    yield from _drawing(plan, now)
    if plan["jobs"]:
        yield ""
        yield table(COLUMNS, [_cells(job, now) for job in plan["jobs"]])
    else:
        yield "No jobs are planned."
    if plan["unplanned"]:
        yield "\nNot planned:"
        yield from (f"  {one_line(job['name'])}: {one_line(job['words'])}" for job in plan["unplanned"])
    yield ""
    yield from _summary(plan, now)


COLUMNS = (
    Column("JOB", right=True),
    Column("NAME", cut=True),
    Column("STATE", rank=3),
    Column("USER", rank=5),
    Column("GPUS", right=True, rank=4),
    Column("START"),
    Column("END"),
    Column("FINISH BY", rank=2),
    Column("EXPECTED", right=True),
    Column("SAVED", right=True, rank=1),
    Column("WHY", rank=3),
)


def _drawing(plan: dict[str, Any], now: datetime) -> Iterator[str]:
    ends = [job["placement"]["end"] for job in plan["jobs"]] or [slot["end"] for slot in plan["strip"][-1:]]
    end = max((times.parse_stamp(stamp) for stamp in ends), default=now)
    if end <= now:
        return
    window = chart.Window(now, end, chart.drawing_columns())
    values = chart.means(plan["strip"], window)
    if known := [slot["g_per_kwh"] for slot in plan["strip"] if _drawn(slot, window)]:
        yield f"{'grid':<{MARGIN}}{chart.strip(values)}"
        scale = f"{figures.which_intensity(plan)}, {min(known):.0f} to {figures.intensity(max(known))}"
        yield f"{'':<{MARGIN}}{scale}"
    if plan["jobs"]:
        for label, line in zip(_labels(plan["gpus"]), timeline(plan["jobs"], plan["gpus"], window), strict=True):
            yield f"{label:<{MARGIN}}{line}"
    yield f"{'':<{MARGIN}}{chart.time_axis(window)}"


def _drawn(slot: dict[str, Any], window: chart.Window) -> bool:
    return times.parse_stamp(slot["start"]) < window.end and window.start < times.parse_stamp(slot["end"])


def _labels(gpus: list[dict[str, Any]]) -> list[str]:
    return [f"{gpu['pool'].upper()} {i}" for i, gpu in enumerate(gpus)]


def _cells(job: dict[str, Any], now: datetime) -> list[Any]:
    placement = job["placement"]
    expected, _, saved = figures.compared(placement)
    return [
        str(placement["job"]),
        job["name"],
        job["state"],
        job["user"],
        str(job["width"] if job["pool"] == "gpu" else 0),
        times.shown(placement["start"], now),
        times.shown(placement["end"], now),
        (times.shown(job["finish_by"], now), "red" if placement["late"] else ""),
        expected,
        saved,
        placement["reason"] + (" (late)" if placement["late"] else ""),
    ]


_NONE = "no forecast:"


def _summary(plan: dict[str, Any], now: datetime) -> Iterator[str]:
    if plan["forecast_age_s"] is None:
        yield f"Policy {plan['policy']}, made {times.shown(plan['made_at'], now)}, for {plan['zone']}."
        yield f"Planned with: {plan['forecast_by']}."
    else:
        source = f"{plan['forecast_by']} for {plan['zone']}, issued {figures.duration(plan['forecast_age_s'])} ago"
        yield f"Policy {plan['policy']}, made {times.shown(plan['made_at'], now)}; {source}."
    yield from plan["because"]
    if plan["jobs"] and plan["emissions_g"] is not None:
        bound = plan["lower_bound_g"]
        least = "" if bound is None else f"; no plan can emit less than {figures.emissions(bound)}"
        if share := figures.share_below(bound, plan["emissions_g"]):
            least += f", {share} less"
        run_now = figures.emissions(plan["run_now_emissions_g"])
        yield f"Expected {figures.emissions(plan['emissions_g'])}; run now {run_now}{least}."
    if plan["jobs"] and plan["energy_cost"] is not None:
        cost, usual = (figures.money(plan[name], plan["currency"]) for name in ("energy_cost", "run_now_energy_cost"))
        yield f"Its power is expected to cost {cost}; run now {usual}."
    if plan["late_jobs"]:
        yield f"Jobs that will be late: {plan['late_jobs']}."
    # Where there is no forecast it has just been said what that means.
    yield from (note for note in plan["notes"] if plan["forecast_age_s"] is not None or not note.startswith(_NONE))
