"""Plain tables that fit the terminal: first the least important columns go, then the widest text is cut."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from scheduler.cli.output import paint, width

GAP = "  "
SHORTEST_CUT = 8
"""A text column is cut no shorter than this before other columns are dropped."""


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    right: bool = False
    rank: int = 0
    """0 always stays; the highest rank goes first where there is no room."""
    cut: bool = False
    """Its text may be shortened."""


Cell = str | tuple[str, str]
"""Text, or text with a style of `output.paint`."""


def table(columns: Sequence[Column], rows: Iterable[Sequence[Cell]], limit: int | None = None) -> str:
    """The lines of the table, headings first."""
    cells = [[_split(cell) for cell in row] for row in rows]
    room = width() if limit is None else limit
    shown, widths = _fit(columns, cells, room)
    lines = [_line([(columns[i].title, "dim") for i in shown], columns, shown, widths)]
    lines += [_line([row[i] for i in shown], columns, shown, widths) for row in cells]
    return "\n".join(lines)


def display_width(text: str) -> int:
    """Terminal cells that `text` takes."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) > 0 for c in text)


def one_line(text: str) -> str:
    """`text` without line breaks or control characters, which a name could use to forge output."""
    return "".join(c if c.isprintable() else " " for c in text)


def shorten(text: str, limit: int) -> str:
    if display_width(text) <= limit:
        return text
    kept = ""
    for c in text:
        if display_width(kept + c) > limit - 1:
            break
        kept += c
    return kept + "…"


def _split(cell: Cell) -> tuple[str, str]:
    text, style = cell if isinstance(cell, tuple) else (cell, "")
    return one_line(text), style


def _fit(columns: Sequence[Column], cells: list[list[tuple[str, str]]], room: int) -> tuple[list[int], dict[int, int]]:
    """Which columns are shown, and how wide each is."""
    shown = list(range(len(columns)))
    natural = [max([display_width(c.title), *(display_width(r[i][0]) for r in cells)]) for i, c in enumerate(columns)]
    while True:
        widths = {i: natural[i] for i in shown}
        over = sum(widths.values()) + len(GAP) * (len(shown) - 1) - room
        for i in sorted((i for i in shown if columns[i].cut), key=lambda i: -widths[i]):
            give = min(over, max(0, widths[i] - SHORTEST_CUT))
            if give > 0:
                widths[i] -= give
                over -= give
        droppable = [i for i in shown if columns[i].rank]
        if over <= 0 or not droppable:
            return shown, widths
        shown.remove(max(droppable, key=lambda i: columns[i].rank))


def _line(cells: list[tuple[str, str]], columns: Sequence[Column], shown: list[int], widths: dict[int, int]) -> str:
    parts = []
    for (text, style), i in zip(cells, shown, strict=True):
        short = shorten(text, widths[i])
        padding = " " * (widths[i] - display_width(short))
        painted = paint(short, style)
        parts.append(padding + painted if columns[i].right else painted + padding)
    return GAP.join(parts).rstrip()
