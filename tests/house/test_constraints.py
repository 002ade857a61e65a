"""constraints.txt pins what pyproject.toml asks for, on every machine."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
CUDA = re.compile(r"^(nvidia-(?!ml-py$)|cuda|triton)")


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.lower().split("==") for line in lines if line and not line.startswith("#"))


def requirements() -> list[Requirement]:
    """Of carbonq and of all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in [*project["dependencies"], *extras]]


def test_everything_asked_for_is_pinned_to_a_version_that_is_admitted() -> None:
    """After a change of pyproject.toml, `make constraints`."""
    pinned = {canonicalize_name(name): version for name, version in pins().items()}
    missing = [str(r) for r in requirements() if not r.specifier.contains(pinned.get(canonicalize_name(r.name), "0"))]
    assert missing == []


def test_torch_is_pinned_without_a_build() -> None:
    """So that 2.13.0+cpu is as good as 2.13.0; and what CUDA needs is torch's own to pin."""
    assert pins()["torch"] == "2.13.0"
    assert [name for name in pins() if CUDA.match(name)] == []
