"""A simulation as a picture: the grid's intensity, and under it the GPUs that each policy's work held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scheduler.domain.intervals import Interval
from scheduler.domain.series import Floats
from scheduler.simulation.run import Simulation
from scheduler.simulation.svg import GREY, LEFT, RIGHT, WIDTH, Panel, element, rule, words
from scheduler.simulation.world import World

_GRID, _WORK, _LIMIT = "#8250df", "#1a7f37", "#cf222e"
_FIRST, _TALL, _LOW, _APART, _FOOT = 104, 150, 90, 46, 62
_ROOM = 1.08
"""Of a scale above its highest value."""
_FONT = "system-ui, 'Segoe UI', 'DejaVu Sans', Helvetica, Arial, sans-serif"


def picture(world: World, done: Sequence[tuple[Simulation, Mapping[str, Any]]]) -> str:
    """SVG, a panel for each policy with its figures; the time drawn is that of the work."""
    span = _span(world, [simulation for simulation, _ in done])
    panels = [_intensity(world, span)]
    above = _FIRST + _TALL + _APART
    for simulation, figures in done:
        panels.append(_work(world, simulation, figures, Panel(span, world.gpus * _ROOM, above, above + _LOW)))
        above += _LOW + _APART
    below = above - _APART
    panels.append(Panel(span, 1, below - _LOW, below).times())
    return _page(below + _FOOT, [*_heading(world), *panels, _time_unit(below)])


def gpus_in_use(done: Simulation) -> tuple[Floats, Floats]:
    """(edges in epoch seconds, GPUs held between each and the next); both empty where nothing ran."""
    held = [(interval, state.job.gpus) for state in done.states for interval in state.held]
    moments = np.array([m.timestamp() for interval, _ in held for m in (interval.start, interval.end)])
    changes = np.array([change for _, gpus in held for change in (gpus, -gpus)], dtype=np.float64)
    edges, where = np.unique(moments, return_inverse=True)
    held_after: Floats = np.cumsum(np.bincount(where, weights=changes)).astype(np.float64)
    return edges, held_after[:-1]


def _span(world: World, done: Sequence[Simulation]) -> Interval:
    """From the first submission to the last end."""
    states = [state for simulation in done for state in simulation.states]
    if not states:
        return world.span
    return Interval(min(s.job.submitted_at for s in states), max(s.end for s in states))


def _intensity(world: World, span: Interval) -> str:
    drawn = world.actual.clipped(span)
    panel = Panel(span, float(drawn.values.max()) * _ROOM or 1.0, _FIRST, _FIRST + _TALL)
    edges = np.append(drawn.starts, drawn.ends[-1])
    title = "Carbon intensity"
    return panel.scale(title, "gCO2eq/kWh") + panel.steps(edges, drawn.values, _GRID, title)


def _work(world: World, done: Simulation, figures: Mapping[str, Any], panel: Panel) -> str:
    edges, held = gpus_in_use(done)
    limit = panel.y(world.gpus)
    title = (
        f"{done.policy}: {figures['emissions_g'] / 1000:,.1f} kgCO2eq, {figures['saved_pct']:.1f} % saved, "
        f"{figures['deadline_misses']} late"
    )
    drawn = panel.steps(edges, held, _WORK, title) if held.size else ""
    return (
        panel.scale(title, "GPUs in use", whole=True)
        + drawn
        + rule(LEFT, limit, RIGHT, limit, stroke=_LIMIT, stroke_dasharray="5 4")
    )


def _heading(world: World) -> list[str]:
    legend = ((_GRID, "carbon intensity"), (_WORK, "GPUs in use by jobs"), (_LIMIT, f"the machine's {world.gpus} GPUs"))
    parts = [words(LEFT, 32, "The grid's carbon intensity, and when each policy ran the jobs", font_size=18)]
    for n, (colour, meaning) in enumerate(legend):
        x = LEFT + 190 * n
        dashes = {"stroke_dasharray": "5 4", "stroke_width": 1} if colour == _LIMIT else {"stroke_width": 8}
        parts += [rule(x, 56, x + 22, 56, stroke=colour, **dashes), words(x + 30, 60, meaning, fill=GREY)]
    return parts


def _time_unit(below: float) -> str:
    return words(RIGHT, below + 52, "time (UTC)", text_anchor="end", fill=GREY)


def _page(height: float, parts: Sequence[str]) -> str:
    paper = element("rect", width=WIDTH, height=height, fill="#ffffff")
    return element(
        "svg", element("title", "carbonq simulate"), paper, "\n".join(parts),
        xmlns="http://www.w3.org/2000/svg", viewBox=f"0 0 {WIDTH} {height}", width=WIDTH, height=height, role="img",
        font_family=_FONT, font_size=13, fill="#1f2328",
    ) + "\n"  # fmt: skip
