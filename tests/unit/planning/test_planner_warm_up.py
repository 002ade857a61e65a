"""After the warm-up no plan waits for a compiler, whatever the queue is like; where nothing compiles none is needed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.planning.decomposition.compiled import COMPILED, compiled

pytestmark = pytest.mark.skipif(not COMPILED, reason="nothing is compiled without numba")

TESTS = Path(__file__).resolve().parents[2]
GROWTH = """
import sys
from dataclasses import replace
from fakes.problems import HOUR, expected, job, problem
from scheduler.planning import plan, warm_up
from scheduler.planning.settings import STEADY

def versions():
    rooms = [room for name, room in sys.modules.items() if name.startswith("scheduler.planning.decomposition.")]
    loops = {loop for room in rooms for loop in vars(room).values() if hasattr(loop, "signatures")}
    return sum(len(loop.signatures) for loop in loops)

assert versions() == 0
warm_up()
after_warm_up = versions()
values = [300, 90, 200, 80, 70, 300, 90, 90] * 12
jobs = [
    job(n, hours=1 + n % 3, within=20 + n % 60, interruptible=n % 2 == 0, running=n < 3, width=1 + n % 2,
        after=(n - 1,) if n % 9 == 0 else (), run_now=n % 10 == 7)
    for n in range(1, 900)
]
likely = tuple(expected(1 + n % 3, n, n + 20, places=n / 3) for n in range(1, 9))
for queue in (jobs, jobs[:30], jobs[:2], jobs[:1], jobs[1:2], jobs[3:4]):
    kept = {each.id for each in queue}
    queue = [replace(each, after=tuple(n for n in each.after if n in kept)) for each in queue]
    asked = replace(problem(*queue, values=values, gpus=60), expected=likely if len(queue) == 30 else ())
    made = plan(asked, "carbonq", STEADY)
    plan(replace(asked, now=asked.now + HOUR / 4), "carbonq", STEADY, made)
print(after_warm_up, versions())
"""


def python(script: str, **environ: str) -> list[str]:
    command = [sys.executable, "-c", script]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=110, cwd=TESTS, env={**os.environ, **environ}
    )
    return said.stdout.split()


def test_after_the_warm_up_no_queue_makes_a_loop_be_compiled_or_loaded_for_new_types() -> None:
    """Long and short, running, dependent and impatient jobs, expected work, a lone job; anew and from a last plan."""
    after_warm_up, after_all = python(GROWTH)
    assert int(after_warm_up) > 5
    assert after_all == after_warm_up


def test_a_compiler_that_is_switched_off_leaves_plain_python() -> None:
    script = (
        "from scheduler.planning.decomposition import joint, searching\n"
        "print(type(searching.shake).__name__, joint.COMPILED)"
    )
    assert python(script, NUMBA_DISABLE_JIT="1") == ["function", "False"]


def test_what_can_be_kept_nowhere_is_compiled_all_the_same() -> None:
    """A function without a file has no place beside it; neither has one in a read-only installation."""
    names: dict[str, object] = {}
    exec("def twice(number):\n    return 2 * number\n", names)
    twice = compiled(names["twice"])  # type: ignore[type-var]
    assert twice(21) == 42  # type: ignore[operator]
    assert len(twice.signatures) == 1  # type: ignore[attr-defined]
