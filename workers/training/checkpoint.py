"""A checkpoint on disk: everything that decides the next step, whole or not at all."""

from __future__ import annotations

import os
import pickle
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

CHECKPOINT_FILE = "checkpoint.pt"


class Stateful(Protocol):
    """A model, an optimizer, a learning-rate schedule, a gradient scaler, a sampler."""

    def state_dict(self) -> dict[str, Any]: ...

    def load_state_dict(self, state_dict: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Restored:
    step: int
    """Steps done so far; 0 without a checkpoint."""
    done_of: int | None
    """The steps that there were to take, where the training was done with this one; None where it was not done."""


def save(directory: Path, step: int, parts: Mapping[str, Stateful], done_of: int | None = None) -> None:
    """Replace the checkpoint in `directory`; after a crash at any moment the old one or the new one is there."""
    directory.mkdir(parents=True, exist_ok=True)
    content = {
        "step": step,
        "done_of": done_of,
        "parts": {name: part.state_dict() for name, part in parts.items()},
        "random": _random(),
    }
    aside = directory / f".{CHECKPOINT_FILE}.new"
    with aside.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(directory / CHECKPOINT_FILE)
    _sync(directory)


def restore(directory: Path, parts: Mapping[str, Stateful]) -> Restored:
    """Put `parts` and the random generators back as they were saved, and say how far the training was."""
    path = directory / CHECKPOINT_FILE
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        return Restored(0, None)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as exc:
        raise RuntimeError(f"the checkpoint {path} cannot be read; move it away to start over") from exc
    if set(content["parts"]) != set(parts):
        saved, asked = sorted(content["parts"]), sorted(parts)
        raise RuntimeError(f"the checkpoint {path} holds {saved}, not {asked}; move it away to start over")
    for name, part in parts.items():
        part.load_state_dict(content["parts"][name])
    _restore_random(content["random"])
    return Restored(int(content["step"]), content.get("done_of"))


def _random() -> dict[str, Any]:
    """The state of every generator in use: torch's, each CUDA device's, Python's, and numpy's where it is loaded."""
    states: dict[str, Any] = {"torch": torch.get_rng_state(), "python": random.getstate()}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        states["cuda"] = torch.cuda.get_rng_state_all()
    if numpy := sys.modules.get("numpy"):
        name, keys, *rest = numpy.random.get_state()
        # As a tensor, so that a checkpoint loads without running any pickled code.
        states["numpy"] = (name, torch.from_numpy(keys.astype("int64")), *rest)
    return states


def _restore_random(states: dict[str, Any]) -> None:
    torch.set_rng_state(states["torch"])
    random.setstate(states["python"])
    if "cuda" in states and torch.cuda.device_count() == len(states["cuda"]):
        torch.cuda.set_rng_state_all(states["cuda"])
    if "numpy" in states and (numpy := sys.modules.get("numpy")):
        name, keys, *rest = states["numpy"]
        numpy.random.set_state((name, keys.numpy().astype("uint32"), *rest))


def _sync(directory: Path) -> None:
    """Make the rename itself outlive a power cut."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
