"""Every store there is, by name, each empty."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.store import FakeStore

from scheduler.ports import Store
from scheduler.storage import open_store


@pytest.fixture(params=["fake", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A further database is one more parameter here, and a URL for `open_store`."""
    opened: Store = FakeStore() if request.param == "fake" else open_store(tmp_path / "carbonq.db")
    yield opened
    opened.close()
