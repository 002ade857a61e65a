"""Loaded by Python at start where PYTHONPATH names this folder: puts the scripted NVML in place."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

if os.environ.get("CARBONQ_FAKE_NVML"):
    source = Path(__file__).resolve().parent.parent / "library.py"
    spec = importlib.util.spec_from_file_location("carbonq_fake_nvml", source)
    assert spec is not None and spec.loader is not None
    library = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = library
    spec.loader.exec_module(library)
    library.install(library.ScriptedNvml(Path(os.environ["CARBONQ_FAKE_NVML"])))
