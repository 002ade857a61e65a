"""SVG by hand: elements, round steps for an axis, and one panel of a picture with its time axis."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape

from scheduler.domain.intervals import Interval, from_epoch
from scheduler.domain.series import Floats

LEFT, RIGHT, WIDTH = 64, 936, 960
GREY, RULE = "#57606a", "#d8dee4"
_ROUND = (1, 2, 5, 10)
_HOURS = (1, 2, 3, 6, 12, 24, 48, 168, 336, 672, 1344, 2688, 8760)
_MOST_TIMES = 10


def element(name: str, *inside: str, **attributes: object) -> str:
    """`stroke_width=2` is written `stroke-width="2"`; what is inside is taken as it is."""
    said = "".join(f' {key.replace("_", "-")}="{escape(_short(value))}"' for key, value in attributes.items())
    return f"<{name}{said}>{''.join(inside)}</{name}>" if inside else f"<{name}{said}/>"


def words(x: float, y: float, text: str, **attributes: object) -> str:
    return element("text", escape(text), x=x, y=y, **attributes)


def rule(x1: float, y1: float, x2: float, y2: float, **attributes: object) -> str:
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, **({"stroke": RULE} | attributes))


@dataclass(frozen=True, slots=True)
class Panel:
    """Values over a span of time, from zero to `top`, drawn between two heights."""

    span: Interval
    top: float
    above: float
    below: float

    def x(self, moment: float) -> float:
        share = (moment - self.span.start.timestamp()) / self.span.length.total_seconds()
        return LEFT + (RIGHT - LEFT) * share

    def y(self, value: float) -> float:
        return self.below - (self.below - self.above) * value / self.top

    def steps(self, edges: Floats, values: Floats, colour: str, label: str) -> str:
        """Each value from its edge to the next, filled down to zero."""
        ends = "".join(
            f"V{_short(self.y(v))}H{_short(self.x(e))}"
            for v, e in zip(values.tolist(), edges[1:].tolist(), strict=True)
        )
        path = f"M{_short(self.x(float(edges[0])))} {_short(self.below)}{ends}V{_short(self.below)}"
        return element("path", element("title", escape(label)), d=path, fill=colour, fill_opacity=0.25, stroke=colour)

    def scale(self, title: str, unit: str, whole: bool = False) -> str:
        """The panel's title, its unit, and rules at round values."""
        parts = [
            words(LEFT, self.above - 12, title, font_weight="bold"),
            words(RIGHT, self.above - 12, unit, text_anchor="end", fill=GREY),
        ]
        for value in round_values(self.top, whole):
            parts.append(rule(LEFT, self.y(value), RIGHT, self.y(value)))
            parts.append(words(LEFT - 8, self.y(value) + 4, f"{value:,g}", text_anchor="end", fill=GREY))
        return "".join(parts)

    def times(self) -> str:
        """Round times below the panel; the date where a day begins, and at the first."""
        step, parts, dated = _time_step(self.span), [], False
        moment = _first_round(self.span.start, step)
        while moment <= self.span.end:
            x = self.x(moment.timestamp())
            parts.append(rule(x, self.below, x, self.below + 5, stroke=GREY))
            clock, date = f"{moment:%H:%M}", f"{moment.day} {moment:%b}"
            lines = [date] if step >= timedelta(days=1) else [clock, date] if not (dated and moment.hour) else [clock]
            for n, line in enumerate(lines):
                parts.append(words(x, self.below + 19 + 15 * n, line, text_anchor="middle", fill=GREY))
            moment, dated = moment + step, True
        return "".join(parts)


def round_values(top: float, whole: bool = False) -> list[float]:
    """Zero and at most five multiples of 1, 2 or 5 times a power of ten, up to `top`."""
    power = 10.0 ** math.floor(math.log10(top / 5))
    step = next(power * digit for digit in _ROUND if power * digit * 5.0001 >= top)
    step = max(step, 1.0) if whole else step
    return [step * n for n in range(int(top / step + 1e-9) + 1)]


def _time_step(span: Interval) -> timedelta:
    hours = span.length / timedelta(hours=1)
    return timedelta(hours=next((h for h in _HOURS if hours / h <= _MOST_TIMES), _HOURS[-1]))


def _first_round(start: datetime, step: timedelta) -> datetime:
    """The first whole number of steps since a Monday's midnight, UTC, that is not before `start`."""
    monday, length = 4 * 86_400, step.total_seconds()
    return from_epoch(monday + math.ceil((start.timestamp() - monday) / length) * length)


def _short(value: object) -> str:
    """A tenth of a pixel is enough."""
    if not isinstance(value, int | float):
        return str(value)
    return f"{round(float(value), 1 if value > 1 else 2):g}"
