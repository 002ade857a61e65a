"""Every file says what it is, and none knows the machine it was written on."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ELSEWHERE = re.compile("|".join(["/wo" + "rk/", "/ro" + "ot/", "/opt/" + "(wheels|pypi)"]))
"""Paths of a machine (written in pieces, or this file would find itself)."""
UNFINISHED = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")


def python_files(kept_files: tuple[Path, ...]) -> list[Path]:
    return [path for path in kept_files if path.suffix == ".py"]


def lines_matching(pattern: re.Pattern[str], paths: tuple[Path, ...]) -> list[str]:
    """`file:line: text` for each hit; files that are not text are left out."""
    hits = []
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        hits += [f"{path}:{n}: {line}" for n, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    return hits


def test_every_file_says_in_its_first_line_what_it_is_about(kept_files: tuple[Path, ...]) -> None:
    """One subject a file; when it cannot be said in one line, the file wants splitting."""
    silent = []
    for path in python_files(kept_files):
        module = ast.parse(path.read_text(encoding="utf-8"))
        words = ast.get_docstring(module, clean=False)
        if words is None or module.body[0].lineno > 2 or not words.split("\n")[0].strip():
            silent.append(str(path))
    assert silent == []


def test_no_file_names_a_path_of_the_machine_it_was_written_on(kept_files: tuple[Path, ...]) -> None:
    """The project works wherever it is cloned."""
    assert lines_matching(ELSEWHERE, kept_files) == []


def test_nothing_is_left_to_be_done_in_a_comment(kept_files: tuple[Path, ...]) -> None:
    """What is missing is an issue, not a remark."""
    assert lines_matching(UNFINISHED, kept_files) == []


def test_every_file_but_the_fitted_prior_is_text(kept_files: tuple[Path, ...]) -> None:
    """Results of a trial, left lying where it ran, are no part of the project."""
    assert [path.name for path in kept_files if b"\0" in path.read_bytes()] == ["prior.npz"]
