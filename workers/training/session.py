"""The one object a training script needs: counts its steps, saves when asked to stop, goes on where it was.

    with TrainingSession(total=1000, model=model, optimizer=optimizer) as session:
        for step in session:                    # 1 … 1000, or from the step after the checkpoint
            loss = train_one_step()
            session.report(loss)

Under carbonq the checkpoint signal, or SIGTERM, lets the step in hand finish, saves, and ends the script with exit
code 99 ("run me again"). After the last step it saves once more, so that a start after this one takes no step and does
only what follows. Run by hand, without CARBONQ_CHECKPOINT_DIR, a session counts and leaves signals alone.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import FrameType, TracebackType
from typing import SupportsFloat

from workers.training import checkpoint
from workers.training.channel import ENV_CHANNEL_DIR, ENV_CHECKPOINT_DIR, EXIT_SUSPENDED, Channel, directory_from
from workers.training.checkpoint import Stateful

logger = logging.getLogger(__name__)

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
        self._done = False
        self._suspended = False
        self._owner_pid = os.getpid()

    def __enter__(self) -> TrainingSession:
        if self._checkpoints is not None:
            restored = checkpoint.restore(self._checkpoints, self._parts)
            self.step = restored.step
            # With another total there are steps to take again, also after training that had stopped early.
            self._done = restored.done_of == self.total
            if self._done:
                self._stop_listening()
            else:
                self._listen()
        self._channel.progress(self.step, self.step if self._done else self.total)
        return self

    def __iter__(self) -> Iterator[int]:
        while not self._done and self.step < self.total:
            self.step += 1
            yield self.step
            if self._stop_asked and self.step < self.total:
                self._suspend()
        self._finish()

    def report(self, loss: SupportsFloat) -> None:
        """Say how far the training is; a tensor is read only when a word is due, so a GPU is seldom waited for."""
        if self._channel.progress_is_due or self.step == self.total:
            self._loss = float(loss)
            self._channel.progress(self.step, self.total, self._loss)

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            # Training that stopped early is done all the same.
            self._finish()
        # A suspended script may still be sent SIGTERM while torch shuts down; its exit code is to stay 99.
        elif self._checkpoints is not None and not self._suspended and not self._done:
            self._stop_listening()

    def _listen(self) -> None:
        for signum in (CHECKPOINT_SIGNAL, signal.SIGTERM):
            signal.signal(signum, self._on_signal)
        self._channel.announce(CHECKPOINT_SIGNAL.name)

    def _stop_listening(self) -> None:
        """From here on SIGTERM ends the script, and a request on its way must not."""
        self._channel.withdraw()
        signal.signal(CHECKPOINT_SIGNAL, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        if os.getpid() == self._owner_pid:
            self._stop_asked = True
        elif signum == signal.SIGTERM:
            # A forked child, a data loader's say, inherits the handler; it holds nothing worth saving.
            os._exit(128 + signum)

    def _finish(self) -> None:
        """The training is done, and whatever becomes of what follows, it need not be done again."""
        if self._done:
            return
        self._done = True
        saved = self._save_the_end()
        # Step = total, said before the checkpoint is: who waits for that one is to know by then that we may go on.
        self._channel.progress(self.step, self.step, self._loss)
        if saved:
            with suppress(OSError):
                self._channel.checkpoint_written(self.step)
        if self._checkpoints is not None:
            self._stop_listening()

    def _save_the_end(self) -> bool:
        if self._checkpoints is None:
            return False
        try:
            checkpoint.save(self._checkpoints, self.step, self._parts, done_of=self.total)
        except Exception as error:
            # Broad on purpose: what was trained is worth more than a way back to it.
            logger.warning(
                "the training is done, but its last checkpoint is not written: %r; where this script is stopped before "
                "its end, the next start trains on from the checkpoint before",
                error,
            )
            return False
        return True

    def _suspend(self) -> None:
        assert self._checkpoints is not None, "only a session with a checkpoint directory hears signals"
        checkpoint.save(self._checkpoints, self.step, self._parts)
        self._suspended = True
        self._channel.checkpoint_written(self.step)
        raise SystemExit(EXIT_SUSPENDED)
