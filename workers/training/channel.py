"""What a training script tells the supervisor that started it: three small files, each replaced whole.

The names repeat `scheduler.protocol` and never import it: a user's own scheduler.py may lie on the path of a job.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from workers import clock

ENV_CHECKPOINT_DIR = "CARBONQ_CHECKPOINT_DIR"
ENV_CHANNEL_DIR = "CARBONQ_CHANNEL_DIR"
CHANNEL_ANNOUNCE = "announce.json"
CHANNEL_PROGRESS = "progress.json"
CHANNEL_CHECKPOINT = "checkpoint.json"
EXIT_SUSPENDED = 99

PROGRESS_EVERY_S = 0.5
"""Often enough for a person watching, seldom enough to cost a training loop nothing."""


class Channel:
    """Says nothing where nobody listens: `directory` None is a script run by hand."""

    def __init__(self, directory: Path | None, monotonic: Callable[[], float] = clock.monotonic) -> None:
        self._directory = directory
        self._monotonic = monotonic
        self._next_progress = -math.inf

    @property
    def progress_is_due(self) -> bool:
        return self._directory is not None and self._monotonic() >= self._next_progress

    def announce(self, checkpoint_signal: str) -> None:
        self._replace(CHANNEL_ANNOUNCE, {"checkpoint_signal": checkpoint_signal})

    def withdraw(self) -> None:
        """Take back the announcement: the signal asks for nothing any more."""
        if self._directory is not None:
            with suppress(OSError):
                (self._directory / CHANNEL_ANNOUNCE).unlink(missing_ok=True)

    def progress(self, step: int, total: int, loss: float | None = None) -> None:
        # JSON has no NaN, and a diverged loss must not hide how far the job is.
        shown = loss if loss is not None and math.isfinite(loss) else None
        self._next_progress = self._monotonic() + PROGRESS_EVERY_S
        # Training goes on where the disk is full: being watched is not what the job is for.
        with suppress(OSError):
            self._replace(CHANNEL_PROGRESS, {"step": step, "total": total, "loss": shown, "t": clock.now()})

    def checkpoint_written(self, step: int) -> None:
        self._replace(CHANNEL_CHECKPOINT, {"step": step, "t": clock.now()})

    def _replace(self, name: str, word: Mapping[str, object]) -> None:
        if self._directory is None:
            return
        aside = self._directory / f".{name}.new"
        aside.write_text(json.dumps(word))
        # Whatever the user's umask: where the supervisor is not the user's own, it reads by the group.
        aside.chmod(0o640)
        aside.replace(self._directory / name)


def directory_from(environ: Mapping[str, str], name: str) -> Path | None:
    """The directory that the variable names; None where it is unset or empty."""
    return Path(environ[name]) if environ.get(name) else None
