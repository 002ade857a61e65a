"""What every test may ask for: shared data where it is present."""

from __future__ import annotations

import os
from pathlib import Path

# Before numpy is loaded: small matrices gain nothing from threads, and on busy cores the threads wait for each other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import pytest
from hypothesis import settings

settings.register_profile("carbonq", deadline=None, derandomize=True)
settings.load_profile("carbonq")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Real grids, forecasts, job logs and recorded answers; the test is skipped where they are absent."""
    folder = Path(os.environ.get("CARBONQ_TEST_DATA") or ROOT.parent / "shared" / "data").resolve()
    if not folder.is_dir():
        pytest.skip(f"no shared data at {folder}; set CARBONQ_TEST_DATA to the folder that holds grids/ and fixtures/")
    return folder
