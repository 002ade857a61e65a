"""What files say of their rows beside the values, zone and kind of intensity: one thing only, and the same in all."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from scheduler.domain.file_text import FileText
from scheduler.grid.series_file import Line, read_lines

LABELS = ("zone", "kind", "accounting", "basis")
"""Optional columns; two series that differ in one of them are not of one grid."""


@dataclass(frozen=True, slots=True)
class _Said:
    line: Line
    value: str


def check_labels(files: Iterable[Path | FileText]) -> None:
    """CarbonDataInvalid where two rows, of one file or of several, name different zones or kinds of intensity."""
    first: dict[str, _Said] = {}
    for file in files:
        for line in read_lines(file, ()):
            for label in LABELS:
                _check(line, label, first)


def _check(line: Line, label: str, first: dict[str, _Said]) -> None:
    value = str(line.fields.get(label) or "").strip()
    if not value:
        return
    known = first.setdefault(label, _Said(line, value))
    if known.value.casefold() != value.casefold():
        raise line.wrong(label, f"is not '{known.value}', which {known.line.where} says; use one {label} throughout")
