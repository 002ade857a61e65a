"""What the forecasts and the past leave unsaid of the time that is simulated, and what is planned with there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from scheduler.domain.carbon import CarbonForecast
from scheduler.domain.durations import format_duration
from scheduler.domain.errors import RequestError
from scheduler.domain.intervals import Interval
from scheduler.domain.series import StepSeries
from scheduler.simulation.forecasters import Combined
from scheduler.simulation.jobs_file import said
from scheduler.simulation.run import finish_by
from scheduler.simulation.world import World

MOST_STRETCHES = 3
"""That are told one by one."""
_DAY = timedelta(days=1)


def simulated_time(world: World) -> Interval:
    """From the first submission until all is to be done, or to the series' end."""
    first = min(job.submitted_at for job in world.jobs)
    return Interval(first, min(world.span.end, max(finish_by(job) for job in world.jobs)))


def forecast_remarks(
    file: Path | None, issues: Sequence[CarbonForecast], forecaster: Combined, world: World
) -> list[str]:
    """Of a file of forecasts by age, or of our own alone. RequestError where the file says nothing of that time."""
    time = simulated_time(world)
    silent = _silent(issues, time)
    remarks = []
    if file is not None:
        if not any(issue.issued_at < time.end and _reaches(issue, time) for issue in issues):
            raise RequestError(
                f"{file} is of {_told(issues)}, and says nothing of {said(time)}, which is simulated; "
                "give the forecasts of that time"
            )
        if silent:
            remarks.append(f"{file} has no forecast for {_listed(silent)}; the built-in one is planned with instead")
    if silent and (blind := _before(silent, forecaster.own_begins(Interval(silent[0].start, time.end)))):
        remarks.append(
            f"the built-in forecast needs a day of what went right before: jobs run as they come, {_listed(blind)}; "
            "of files, give --history"
        )
    return remarks


def history_remarks(file: Path, history: StepSeries, world: World, perfect: bool) -> list[str]:
    """What of it is no use beside the grid's own series."""
    span, begin = history.span, world.span.start
    if perfect:
        return [f"{file} is not used, for a perfect forecast needs no past; give --forecast builtin, or a file"]
    if span is None or span.start >= begin:
        return [
            f"{file} holds nothing from before {_at(begin)}, where the grid's series begins; "
            "forecasts are made from the series' own past alone"
        ]
    apart = begin - span.end
    if apart > _DAY:
        between = f"{format_duration(apart)} before the grid's series begins"
        return [f"{file} ends at {_at(span.end)}, {between}; forecasts are made without what lies between"]
    return []


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _silent(issues: Sequence[CarbonForecast], time: Interval) -> list[Interval]:
    """Where the newest issue, if there is one, has ended: only the newest counts."""
    edges = [time.start]
    ends = [*(issue.issued_at for issue in issues[1:]), time.end]
    for issue, until in zip(issues, ends, strict=False):
        part = _between(issue.issued_at, min(until, issue.horizon or issue.issued_at))
        if part is not None and (seen := part.intersection(time)) is not None:
            edges += [seen.start, seen.end]
    edges.append(time.end)
    holes = [_between(before, after) for before, after in list(pairwise(edges))[::2]]
    return [hole for hole in holes if hole is not None]


def _between(start: datetime, end: datetime) -> Interval | None:
    return Interval(start, end) if start < end else None


def _before(stretches: Sequence[Interval], moment: datetime) -> list[Interval]:
    parts = [_between(stretch.start, min(stretch.end, moment)) for stretch in stretches]
    return [part for part in parts if part is not None]


def _reaches(issue: CarbonForecast, time: Interval) -> bool:
    span = issue.expected.span
    return span is not None and span.overlaps(time)


def _told(issues: Sequence[CarbonForecast]) -> str:
    """What a file is of, issues by age."""
    spans = [span for issue in issues if (span := issue.expected.span)]
    if not spans:
        return "no time"
    of = Interval(min(span.start for span in spans), max(span.end for span in spans))
    return f"{said(of)}, first issued at {_at(issues[0].issued_at)}"


def _listed(stretches: Sequence[Interval]) -> str:
    more = len(stretches) - MOST_STRETCHES
    shown = ", ".join(said(stretch) for stretch in stretches[:MOST_STRETCHES])
    return f"{shown} and {more} stretches more" if more > 0 else shown
