"""What cannot be meant by the options of `carbonq simulate`, alone or beside each other."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from scheduler.cli.failures import Failure

MOST_PUE = 5.0
"""As of the daemon's setting (a test compares)."""


def check_sources(from_history: bool, files: Mapping[str, Path | None], bounds: Mapping[str, str | None]) -> None:
    """Files or history, never both: what was meant could only be guessed."""
    for name, given in (files if from_history else bounds).items():
        if given is not None and from_history:
            raise Failure(f"{name}: --from-history takes the jobs and the grid from the daemon; leave one of them out")
        if given is not None:
            raise Failure(f"{name}: of files every job is taken; it goes with --from-history")
