"""Files of `carbonq simulate` that are pipes: what they say can be read once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.simulation_files import Files, at

from scheduler.cli.main import main

Piped = Callable[[str], str]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture
def piped() -> Iterator[Piped]:
    """The name of a pipe that says a text and ends, as the shell's <(...) gives it."""
    opened = []

    def name(text: str) -> str:
        reading, writing = os.pipe()
        opened.append(reading)
        os.write(writing, text.encode())
        os.close(writing)
        return f"/dev/fd/{reading}"

    yield name
    for reading in opened:
        os.close(reading)


def test_every_file_may_be_a_pipe(files: Files, piped: Piped, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what the file would have said, the column that is not known included."""
    files.lines["prices"] = ["start,price_per_kwh", *(f"{at(h)},0.3" for h in range(12))]
    files.label("jobs", "colour", {}, "red")
    assert files.simulate("--price-file", str(files.path("prices")), "--json") == 0
    expected = capsys.readouterr()
    options = {"--intensity": "grid", "--history": "history", "--forecast": "forecast", "--jobs": "jobs",
               "--price-file": "prices"}  # fmt: skip
    pipes = {option: piped(files.path(name).read_text()) for option, name in options.items()}
    given = [text for pair in pipes.items() for text in pair]
    assert main(["simulate", *given, "--gpus", "2", "--policy", "run-now", "--json"]) == 0
    said = capsys.readouterr()
    assert figures(said.out) == figures(expected.out)
    assert "column 'colour'" in expected.err
    assert said.err == expected.err.replace(str(files.path("jobs")), pipes["--jobs"])


def figures(out: str) -> dict[str, Any]:
    """All but how long planning took."""
    (row,) = json.loads(out)
    return {name: value for name, value in row.items() if not name.startswith("plan_ms")}


def test_a_mistake_in_a_pipe_is_named_by_its_line(
    files: Files, piped: Piped, capsys: pytest.CaptureFixture[str]
) -> None:
    files.replace("jobs", 3, "1000", "many")
    jobs = piped("\n".join(files.lines["jobs"]))
    assert files.simulate("--jobs", jobs) == 2
    assert f"{jobs}, line 3, column 'power_w': 'many' is not a number" in capsys.readouterr().err
