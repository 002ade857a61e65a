"""The inner loops are plain Python where numba is not installed, and plan the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fakes.problems import job, problem

from scheduler.planning import plan

SCRIPT = """
import sys
sys.modules["numba"] = None
from fakes.problems import job, problem
from scheduler.planning import plan
values = [300, 90, 200, 80, 70, 300, 90, 90]
asked = problem(job(1, hours=2, within=8, interruptible=True), job(2, within=8), values=values)
made = plan(asked, "carbonq")
print(made.emissions.grams, made.lower_bound.grams)
"""


def test_without_numba_the_plan_and_its_bound_are_the_same() -> None:
    values = [300, 90, 200, 80, 70, 300, 90, 90]
    compiled = plan(problem(job(1, hours=2, within=8, interruptible=True), job(2, within=8), values=values), "carbonq")
    tests = Path(__file__).resolve().parents[2]
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60, cwd=tests
    ).stdout.split()
    assert compiled.emissions is not None and compiled.lower_bound is not None
    assert [round(float(g), 6) for g in said] == [
        round(compiled.emissions.grams, 6),
        round(compiled.lower_bound.grams, 6),
    ]
