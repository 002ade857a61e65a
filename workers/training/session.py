"""The one object a training script needs: counts its steps, saves when asked to stop, goes on where it was.

    with TrainingSession(total=1000, model=model, optimizer=optimizer) as session:
        for step in session:                    # 1 … 1000, or from the step after the checkpoint
            loss = train_one_step()
            session.report(loss)

Under carbonq the checkpoint signal, or SIGTERM, lets the step in hand finish, saves, and ends the script with exit
code 99 ("run me again"). Run by hand, without CARBONQ_CHECKPOINT_DIR, a session counts and leaves signals alone.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import SupportsFloat

from workers.training import checkpoint
from workers.training.channel import ENV_CHANNEL_DIR, ENV_CHECKPOINT_DIR, EXIT_SUSPENDED, Channel, directory_from
from workers.training.checkpoint import Stateful

CHECKPOINT_SIGNAL = signal.SIGUSR1


class TrainingSession:
    """`parts` are what a checkpoint holds, by name: anything with state_dict and load_state_dict."""

    def __init__(self, total: int, *, environ: Mapping[str, str] = os.environ, **parts: Stateful) -> None:
        if total < 1:
            raise ValueError(f"a training session has at least one step, not {total}")
        self.total = total
        self.step = 0
        """The step in hand, or the last one done; steps before this start count."""
        self._parts = parts
        self._checkpoints = directory_from(environ, ENV_CHECKPOINT_DIR)
        self._channel = Channel(directory_from(environ, ENV_CHANNEL_DIR))
        self._loss: float | None = None
        self._stop_asked = False
        self._suspended = False
        self._owner_pid = os.getpid()

    def __enter__(self) -> TrainingSession:
        if self._checkpoints is not None:
            self.step = checkpoint.restore(self._checkpoints, self._parts)
            self._listen()
        self._channel.progress(self.step, self.total)
        return self

    def __iter__(self) -> Iterator[int]:
        while self.step < self.total:
            self.step += 1
            yield self.step
            if self._stop_asked and self.step < self.total:
                self._suspend()

    def report(self, loss: SupportsFloat) -> None:
        """Say how far the training is; a tensor is read only when a word is due, so a GPU is seldom waited for."""
        if self._channel.progress_is_due or self.step == self.total:
            self._loss = float(loss)
            self._channel.progress(self.step, self.total, self._loss)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            # Training that stopped early is done all the same: step = total keeps it from being run again.
            self._channel.progress(self.step, self.step, self._loss)
        # A suspended script may still be sent SIGTERM while torch shuts down; its exit code is to stay 99.
        if self._checkpoints is not None and not self._suspended:
            # A request on its way must not kill a script that has just finished.
            signal.signal(CHECKPOINT_SIGNAL, signal.SIG_IGN)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _listen(self) -> None:
        for signum in (CHECKPOINT_SIGNAL, signal.SIGTERM):
            signal.signal(signum, self._on_signal)
        self._channel.announce(CHECKPOINT_SIGNAL.name)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() == self._owner_pid:
            self._stop_asked = True
        elif signum == signal.SIGTERM:
            # A forked child, a data loader's say, inherits the handler; it holds nothing worth saving.
            os._exit(128 + signum)

    def _suspend(self) -> None:
        assert self._checkpoints is not None, "only a session with a checkpoint directory hears signals"
        checkpoint.save(self._checkpoints, self.step, self._parts)
        self._suspended = True
        self._channel.checkpoint_written(self.step)
        raise SystemExit(EXIT_SUSPENDED)
