"""What `carbonq simulate` writes beside its table: the schedule as rows, the comparison as a picture."""

from __future__ import annotations

import csv
import importlib
import os
from collections.abc import Callable, Mapping
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from scheduler.cli.failures import Failure

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


def check_outputs(outputs: Mapping[str, Path | None], inputs: Mapping[str, Path | None]) -> None:
    """By option. Failure, before anything is simulated, where one cannot be written, or would overwrite another file
    of this command; nothing is created, and nothing of what is there is changed."""
    taken = {option: file for option, file in inputs.items() if file is not None}
    for option, file in outputs.items():
        if file is None:
            continue
        for other, there in taken.items():
            if _is_same(file, there):
                raise Failure(f"{option}: {file} is the file of {other} too, and would overwrite it; name another file")
        if why := _unwritable(Path(os.path.realpath(file))):
            raise Failure(f"{option}: {file} cannot be written: {why}")
        taken[option] = file


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return os.path.realpath(one) == os.path.realpath(other)


def _unwritable(file: Path) -> str | None:
    """Why, and what to do; None where it can be written."""
    try:
        if file.is_dir():
            return "it is a directory; name a file in it"
        if not file.parent.is_dir():
            return f"{file.parent} is not a directory; create it, or name another"
        if file.exists():
            return None if os.access(file, os.W_OK) else "you may not; change its mode, or name another file"
        writable = os.access(file.parent, os.W_OK | os.X_OK)
        return None if writable else f"you may not write in {file.parent}; name another directory"
    except OSError as error:
        return f"{error.strerror}; name another file"


def write_plot(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Failure(f"--plot: {file} cannot be written: {error.strerror}") from None


def write_schedule(file: Path, done: Simulation) -> None:
    from scheduler.simulation.report import schedule_rows

    try:
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(("job", "start", "end", "gpus"))
            for name, start, end, gpus in schedule_rows(done):
                writer.writerow((name, *(f"{m.astimezone(UTC).isoformat()}" for m in (start, end)), gpus))
    except OSError as error:
        raise Failure(f"--schedule: {file} cannot be written: {error.strerror}") from None
