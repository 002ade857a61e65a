"""How a command fails: a code, a sentence and an exit status."""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAULT = 1
"""The daemon, or carbonq itself, failed."""
EXIT_REQUEST = 2
"""Usage or request error: the user can fix it."""
EXIT_UNREACHABLE = 69
EXIT_TIMEOUT = 75
EXIT_NOT_PERMITTED = 77
EXIT_CLOSED_PIPE = 141
"""What the shell shows of a program that SIGPIPE ended."""

_BY_STATUS = {403: EXIT_NOT_PERMITTED}


class Failure(Exception):
    """Ends the command with a sentence on stderr, or with `{"error": ...}` on stdout under --json."""

    def __init__(self, message: str, code: str = "request", exit_code: int = EXIT_REQUEST) -> None:
        super().__init__(message)
        self.code = code
        self.exit_code = exit_code


def refused(status: int, code: str, message: str) -> Failure:
    """The failure behind an HTTP error of the daemon."""
    by_class = EXIT_REQUEST if 400 <= status < 500 else EXIT_FAULT
    return Failure(message, code, _BY_STATUS.get(status, by_class))
