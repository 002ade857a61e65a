"""A listening socket that systemd hands over at the start (sd_listen_fds(3)). Standard library only."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

FIRST_DESCRIPTOR = 3


def inherited_socket(environ: Mapping[str, str]) -> socket.socket | None:
    """The one Unix stream socket handed to this very process; None where none was. ValueError for anything else."""
    if environ.get("LISTEN_PID") != str(os.getpid()):
        return None
    count = environ.get("LISTEN_FDS", "0")
    if count == "0":
        return None
    if count != "1":
        raise ValueError(f"systemd hands over {count} sockets and one is expected; name one ListenStream= in the unit")
    # Else every process we start would hold it open too.
    os.set_inheritable(FIRST_DESCRIPTOR, False)
    listener = socket.socket(fileno=FIRST_DESCRIPTOR)
    if (listener.family, listener.type) != (socket.AF_UNIX, socket.SOCK_STREAM):
        listener.detach()
        raise ValueError("the socket that systemd hands over is no Unix stream socket; see ListenStream= in the unit")
    listener.setblocking(False)
    return listener
