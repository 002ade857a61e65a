"""What a torch training script may import: `from workers.training import TrainingSession`."""

from __future__ import annotations

from workers.training.session import TrainingSession

__all__ = ["TrainingSession"]
