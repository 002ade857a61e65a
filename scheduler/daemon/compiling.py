"""The process that compiles the planner's loops for the daemon: `python -m scheduler.daemon.compiling`."""

from __future__ import annotations

import contextlib
import os
import threading

_NICENESS = 10
_STDIN = 0
_PARENT_ENDED = 1


def _end_with_parent() -> None:
    """The daemon holds the other end of standard input and never writes: when that closes, the daemon is gone."""
    os.read(_STDIN, 1)
    os._exit(_PARENT_ENDED)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # A sandboxed service may not.
    with contextlib.suppress(OSError):
        os.nice(_NICENESS)
    from scheduler.planning.warm_up import warm_up

    warm_up()
