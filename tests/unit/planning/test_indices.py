"""The compiled loops ask no array for more than it has: else memory is overwritten, and no test need notice."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.planning.decomposition.compiled import COMPILED

HERE = Path(__file__).parent


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.skipif(not COMPILED, reason="plain Python checks every index; install numba")
def test_with_every_index_checked_the_planners_tests_pass(tmp_path: Path) -> None:
    checked = os.environ | {"NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": str(tmp_path)}
    tests = [str(HERE), str(HERE.parent / "simulation"), "-m", "not long", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *tests], cwd=HERE.parents[2], env=checked, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-1_000:]
