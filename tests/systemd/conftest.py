"""One machine with a real systemd for all tests here, with carbonq installed in it at /opt/carbonq."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import installation
from harness.machine import Machine, booted, why_not

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Booted once; skipped, with the reason, where it cannot be."""
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    state = tmp_path_factory.mktemp("machine")
    with booted(state, installation.build(ROOT, tmp_path_factory.mktemp("installed"))) as running:
        running.run("sh", "-c", f"echo {installation.PYTHON}/lib > /etc/ld.so.conf.d/python.conf && ldconfig")
        yield running
