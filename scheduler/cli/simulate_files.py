"""What `carbonq simulate` writes beside its table: the schedule as rows, the comparison as a picture."""

from __future__ import annotations

import csv
import importlib
import io
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli.failures import Failure
from scheduler.cli.output_files import write_whole

if TYPE_CHECKING:
    from scheduler.simulation.run import Simulation

Encoder = Callable[[str], bytes]


def encoder(plot: Path) -> Encoder:
    """SVG to the bytes of a file with this name; Failure, before anything is simulated, where that cannot be."""
    if plot.suffix.lower() == ".svg":
        return str.encode
    if plot.suffix.lower() == ".png":
        return _png_encoder(plot)
    raise Failure(f"--plot: {plot} ends in neither .svg nor .png; name it {plot.with_suffix('.svg')}")


def _png_encoder(plot: Path) -> Encoder:
    try:
        resvg = importlib.import_module("resvg_py")
    except ImportError:
        raise Failure(
            f"--plot: {plot} would be a PNG, and the package that draws one, resvg-py, is not installed; "
            f"install it beside carbonq, or ask for {plot.with_suffix('.svg')}"
        ) from None
    return lambda svg: bytes(resvg.svg_to_bytes(svg_string=svg, zoom=2))


def write_plot(file: Path, content: bytes) -> None:
    try:
        write_whole(file, content)
    except OSError as error:
        raise Failure(f"--plot: {file} cannot be written: {error.strerror}") from None


def write_schedule(file: Path, done: Simulation) -> None:
    from scheduler.simulation.report import schedule_rows

    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("job", "start", "end", "gpus"))
    for name, start, end, gpus in schedule_rows(done):
        writer.writerow((name, *(f"{m.astimezone(UTC).isoformat()}" for m in (start, end)), gpus))
    try:
        write_whole(file, text.getvalue().encode())
    except OSError as error:
        raise Failure(f"--schedule: {file} cannot be written: {error.strerror}") from None
