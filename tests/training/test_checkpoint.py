"""A checkpoint holds all that decides the next step, and is whole or not there."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="the training kit needs torch: pip install 'carbonq[train]'")

import torch

from workers.training import checkpoint


class Trained:
    """A model with its optimizer whose every step draws a random batch."""

    def __init__(self, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.model = torch.nn.Linear(3, 1)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.01)

    @property
    def parts(self) -> dict[str, Any]:
        return {"model": self.model, "optimizer": self.optimizer}

    def step(self) -> float:
        self.optimizer.zero_grad()
        loss = self.model(torch.randn(8, 3)).square().mean()
        loss.backward()
        self.optimizer.step()
        return loss.item()


class Counter:
    """The smallest part that can be saved."""

    def __init__(self, value: object = 0) -> None:
        self.value = value

    def state_dict(self) -> dict[str, Any]:
        return {"value": self.value}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.value = state_dict["value"]


class RunsCodeWhenUnpickled:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("taken-over",)


def test_a_restored_model_takes_the_very_steps_the_saved_one_takes(tmp_path: Path) -> None:
    """Weights, Adam's moments and torch's generator all come back: the losses are equal, not close."""
    first = Trained()
    for _ in range(3):
        first.step()
    checkpoint.save(tmp_path, 3, first.parts)
    expected = [first.step() for _ in range(5)]

    second = Trained(seed=99)
    assert checkpoint.restore(tmp_path, second.parts).step == 3
    assert [second.step() for _ in range(5)] == expected


def test_the_generators_of_python_and_numpy_come_back_too(tmp_path: Path) -> None:
    """Augmentation draws from these, and a resumed run is to draw what the other would have drawn."""
    checkpoint.save(tmp_path, 1, {})
    expected = random.random(), np.random.standard_normal(), np.random.random()
    random.seed(1), np.random.seed(1)
    checkpoint.restore(tmp_path, {})
    assert (random.random(), np.random.standard_normal(), np.random.random()) == expected


def test_without_a_checkpoint_training_begins_at_the_beginning(tmp_path: Path) -> None:
    """Also where the directory is not there yet."""
    assert checkpoint.restore(tmp_path / "none", {"counter": Counter()}) == checkpoint.Restored(0, None)


def test_a_save_that_fails_leaves_the_checkpoint_before_it(tmp_path: Path) -> None:
    """A full disk, or a part that cannot be saved, costs the steps since then and no more."""
    checkpoint.save(tmp_path, 1, {"counter": Counter("kept")})
    with pytest.raises(Exception, match="pickle"):
        checkpoint.save(tmp_path, 2, {"counter": Counter(lambda: None)})
    restored = Counter()
    assert checkpoint.restore(tmp_path, {"counter": restored}).step == 1
    assert restored.value == "kept"


def test_a_checkpoint_of_training_that_is_done_says_of_how_many_steps(tmp_path: Path) -> None:
    """One from before this was written down says nothing of it."""
    checkpoint.save(tmp_path, 5, {}, done_of=100)
    assert checkpoint.restore(tmp_path, {}) == checkpoint.Restored(5, 100)
    content = torch.load(tmp_path / checkpoint.CHECKPOINT_FILE, weights_only=True)
    del content["done_of"]
    torch.save(content, tmp_path / checkpoint.CHECKPOINT_FILE)
    assert checkpoint.restore(tmp_path, {}) == checkpoint.Restored(5, None)


@pytest.mark.parametrize("kept_bytes", [0, 100])
def test_a_damaged_checkpoint_is_named_with_the_next_step(tmp_path: Path, kept_bytes: int) -> None:
    """Starting silently from zero would throw the user's work away."""
    checkpoint.save(tmp_path, 1, {"counter": Counter()})
    file = tmp_path / checkpoint.CHECKPOINT_FILE
    file.write_bytes(file.read_bytes()[:kept_bytes])
    with pytest.raises(RuntimeError, match=r"checkpoint\.pt cannot be read; move it away"):
        checkpoint.restore(tmp_path, {"counter": Counter()})


def test_a_checkpoint_of_other_parts_is_refused(tmp_path: Path) -> None:
    """A script that was changed between two starts says so, instead of training half-restored."""
    checkpoint.save(tmp_path, 1, {"counter": Counter()})
    with pytest.raises(RuntimeError, match=r"holds \['counter'\], not \['counter', 'schedule'\]"):
        checkpoint.restore(tmp_path, {"counter": Counter(), "schedule": Counter()})


def test_loading_a_checkpoint_runs_no_code_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint directory may be shared; what lies there is data."""
    monkeypatch.chdir(tmp_path)
    torch.save({"step": 1, "parts": {}, "random": RunsCodeWhenUnpickled()}, tmp_path / checkpoint.CHECKPOINT_FILE)
    with pytest.raises(RuntimeError, match="cannot be read"):
        checkpoint.restore(tmp_path, {})
    assert not (tmp_path / "taken-over").exists()
