"""Carbon intensity over time in block characters: a chart of several rows, a strip of one, the time axis below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from scheduler.cli.output import UNLIMITED, width
from scheduler.cli.times import parse_stamp

ROWS = 8
MARGIN = 9
"""Columns left of a drawing, for labels."""
UNBOUNDED_COLUMNS = 96
"""Columns of a drawing where no terminal says how many there are."""
EIGHTHS = " ▁▂▃▄▅▆▇█"
GAP_MARK = "?"
"""Where the intensity is not known."""
_STEPS_S = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800)
_LABEL_ROOM = 9


@dataclass(frozen=True, slots=True)
class Measure:
    """What is drawn: the field that holds it, and what stands above its scale."""

    field: str
    heading: str


INTENSITY = Measure("g_per_kwh", "gCO2eq/kWh")
INDEX = Measure("index", "index, 0 is clean, 100 is not")


def measure_of(kind: str) -> Measure:
    return INDEX if kind == "index" else INTENSITY


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that is drawn, on so many columns."""

    start: datetime
    end: datetime
    columns: int

    @property
    def step(self) -> timedelta:
        return (self.end - self.start) / self.columns

    def column(self, moment: datetime) -> int:
        """The column that holds `moment`, cut to the window."""
        return min(self.columns, max(0, round((moment - self.start) / self.step)))


def drawing_columns() -> int:
    room = width()
    return (UNBOUNDED_COLUMNS if room == UNLIMITED else room) - MARGIN


def intensity_chart(
    slots: Sequence[dict[str, Any]], begin: datetime | None = None, measure: Measure = INTENSITY
) -> str:
    """A chart of slots from `begin` (or their first start) on, with its scale and times."""
    start = parse_stamp(slots[0]["start"])
    window = Window(max(begin or start, start), parse_stamp(slots[-1]["end"]), drawing_columns())
    values = means(slots, window, measure.field)
    top = max((value for value in values if value is not None), default=0.0)
    labels = {0: f"{top:.0f}", ROWS // 2: f"{top / 2:.0f}"}
    lines = [f"{labels.get(row, ''):>{MARGIN - 1}} {line}".rstrip() for row, line in enumerate(bars(values, ROWS))]
    return "\n".join([measure.heading, *lines, f"{'':<{MARGIN}}{time_axis(window)}"])


def means(slots: Iterable[dict[str, Any]], window: Window, field: str = INTENSITY.field) -> list[float | None]:
    """Time-weighted mean of each column; None where nothing is known."""
    weights, sums = [0.0] * window.columns, [0.0] * window.columns
    step_s = window.step.total_seconds()
    for slot in slots:
        begin = (parse_stamp(slot["start"]) - window.start).total_seconds() / step_s
        end = (parse_stamp(slot["end"]) - window.start).total_seconds() / step_s
        for column in range(max(0, int(begin)), min(window.columns, int(end) + 1)):
            share = max(0.0, min(end, column + 1) - max(begin, column))
            weights[column] += share
            sums[column] += share * slot[field]
    return [s / w if w > 1e-9 else None for s, w in zip(sums, weights, strict=True)]


def bars(values: Sequence[float | None], rows: int) -> list[str]:
    """`rows` lines, highest first; the highest value fills them all, zero none."""
    top = max((v for v in values if v is not None), default=0.0) or 1.0
    lines = []
    for row in range(rows - 1, -1, -1):
        lines.append("".join(_cell(v, top, rows, row) for v in values))
    return lines


def strip(values: Sequence[float | None]) -> str:
    """One line; the lowest value is the lowest block, the highest the full one."""
    known = [v for v in values if v is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    span = (high - low) or 1.0
    return "".join(GAP_MARK if v is None else EIGHTHS[1 + round((v - low) / span * 7)] for v in values)


def time_axis(window: Window, zone: tzinfo | None = None) -> str:
    """Local times under the columns where they begin."""
    step_s = next((s for s in _STEPS_S if s / window.step.total_seconds() >= _LABEL_ROOM), _STEPS_S[-1])
    line = [" "] * window.columns
    for tick in _ticks(window, step_s, zone):
        label = _label(tick.astimezone(zone), step_s)
        column = window.column(tick)
        if column + len(label) <= window.columns:
            line[column : column + len(label)] = label
    return "".join(line).rstrip()


def lowest(slots: Sequence[dict[str, Any]], field: str = INTENSITY.field) -> dict[str, Any] | None:
    return min(slots, key=lambda slot: slot[field], default=None)


def _cell(value: float | None, top: float, rows: int, row: int) -> str:
    if value is None:
        return GAP_MARK if row == 0 else " "
    eighths = round(value / top * rows * 8) - row * 8
    return EIGHTHS[min(8, max(0, eighths))]


def _ticks(window: Window, step_s: int, zone: tzinfo | None) -> Iterable[datetime]:
    """Moments of the window whose local time is a multiple of the step."""
    local = window.start.astimezone(zone)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    past_s = (local.replace(tzinfo=None) - midnight.replace(tzinfo=None)).total_seconds()
    tick = window.start + timedelta(seconds=-past_s % step_s)
    while tick < window.end:
        yield tick
        tick += timedelta(seconds=step_s)


def _label(local: datetime, step_s: int) -> str:
    if step_s >= 86_400 or (step_s >= 1800 and (local.hour, local.minute) == (0, 0)):
        return f"{local:%a %d}"
    return f"{local:%H:%M:%S}" if step_s < 60 else f"{local:%H:%M}"
