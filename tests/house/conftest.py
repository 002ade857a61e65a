"""What the house tests read: the files that git keeps."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def kept_files() -> tuple[Path, ...]:
    """Every file under version control that is there; the test is skipped outside a checkout."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so nothing says which files belong to the project")
    return tuple(path for name in listing.stdout.split("\0") if name and (path := ROOT / name).is_file())


@pytest.fixture(scope="session")
def docs() -> Path:
    return ROOT / "docs"
