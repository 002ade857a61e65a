"""The daemon, the agent and the supervisor run where only carbonq's own dependencies are installed."""

from __future__ import annotations

import subprocess
import sys

import pytest

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())

def modules(package):
    for found in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
        # The kit is a job's own; Alembic's scripts and entry points do something when they are imported.
        if found.name in ("workers.training", "scheduler.storage.migrations") or found.name.endswith("__main__"):
            continue
        yield found.name
        if found.ispkg:
            yield from modules(importlib.import_module(found.name))

for name in modules(importlib.import_module({package!r})):
    importlib.import_module(name)
"""


@pytest.mark.parametrize("package", ["scheduler", "workers"])
@pytest.mark.parametrize("absent", [{"torch"}, {"highspy", "hypothesis", "pytest", "scipy"}], ids=["train", "test"])
def test_every_module_imports_without_the_extra(package: str, absent: set[str]) -> None:
    """Only workers.training, which jobs import and carbonq does not, asks for torch; nothing asks for test tools."""
    program = IMPORT_EVERYTHING.format(absent=absent, package=package)
    result = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert result.returncode == 0, result.stderr


def test_the_blocker_blocks() -> None:
    """Where torch is hidden, the training kit cannot be imported: the test above would see it asked for."""
    program = IMPORT_EVERYTHING.format(absent={"torch"}, package="workers") + "\nimport workers.training\n"
    result = subprocess.run([sys.executable, "-c", program], text=True, capture_output=True)
    assert "No module named 'torch'" in result.stderr
