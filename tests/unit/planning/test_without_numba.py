"""The inner loops are plain Python where numba is not installed or switched off, and plan the same."""

from __future__ import annotations

import os
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

SWITCHED_OFF = """
import sys
from fakes.problems import job, problem
from scheduler.planning import plan
from scheduler.storage import open_store
values = [300, 90, 200, 80, 70, 300, 90, 90]
queue = job(1, hours=2, within=8, interruptible=True), job(2, within=8), job(3, running=True), job(4, run_now=True)
made = plan(problem(*queue, values=values, gpus=2), "carbonq")
store = open_store(sys.argv[1])
store.add_plan(made)
print(made.lower_bound is not None, store.latest_plan() == made.for_the_record())
"""

TESTS = Path(__file__).resolve().parents[2]


def test_without_numba_the_plan_and_its_bound_are_the_same() -> None:
    values = [300, 90, 200, 80, 70, 300, 90, 90]
    compiled = plan(problem(job(1, hours=2, within=8, interruptible=True), job(2, within=8), values=values), "carbonq")
    said = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60, cwd=TESTS
    ).stdout.split()
    assert compiled.emissions is not None and compiled.lower_bound is not None
    assert [round(float(g), 6) for g in said] == [
        round(compiled.emissions.grams, 6),
        round(compiled.lower_bound.grams, 6),
    ]


def test_a_plan_that_was_made_without_compiling_is_recorded_as_any_other(tmp_path: Path) -> None:
    """With its bound, which in plain Python is reckoned with numpy's numbers to the end."""
    said = subprocess.run(
        [sys.executable, "-c", SWITCHED_OFF, str(tmp_path / "carbonq.db")],
        capture_output=True, text=True, timeout=60, cwd=TESTS, env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )  # fmt: skip
    assert said.stdout.split() == ["True", "True"], said.stderr
