"""The one tree of errors.

CarbonqError
├── RequestError            the user can fix it; exit 2; the message says how
│   ├── NotFound            no such job, zone, plan
│   └── NotPermitted        the caller is known and may not; exit 77
├── AlreadyRunning          another daemon has the place of this one; it may end by itself
├── SettingsError           the settings file or environment is wrong; carries every mistake
├── CarbonDataError         the grid provider cannot be used just now
│   ├── CarbonSourceUnavailable   try later: timeout, 5xx, rate limit (carries retry_after)
│   ├── CarbonSourceRejected      do not retry: bad zone, bad key, not in the plan
│   └── CarbonDataInvalid         the answer is not what the provider documents
├── ExecutorError           the worker agent cannot be reached or refused
├── MeteringError           a meter cannot be read
├── StorageError            the database cannot be used
│   ├── DatabaseLocked  ├── DatabaseTooNew  └── DiskFull
└── IllegalTransition       a state machine was asked for a step it does not have; exit 2
"""

from __future__ import annotations

from datetime import timedelta


class CarbonqError(Exception):
    """Something carbonq knows how to say: the thing, the reason and the next step."""


class RequestError(CarbonqError):
    """The request cannot be granted as it stands; the message says how to change it."""


class NotFound(RequestError):
    """The thing named by the request does not exist."""


class NotPermitted(RequestError):
    """The caller is known and may not do this."""


class AlreadyRunning(CarbonqError):
    """Another daemon runs where this one was to run."""


class SettingsError(CarbonqError):
    """The settings are wrong; `mistakes` holds one sentence for each mistake found."""

    def __init__(self, mistakes: tuple[str, ...]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class CarbonDataError(CarbonqError):
    """The grid provider gave nothing usable."""


class CarbonSourceUnavailable(CarbonDataError):
    """The provider did not answer usefully; asking again later may help."""

    def __init__(self, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class CarbonSourceRejected(CarbonDataError):
    """The provider refused; asking again without a change will not help."""


class CarbonDataInvalid(CarbonDataError):
    """The provider answered with something other than what it documents."""


class ExecutorError(CarbonqError):
    """The worker agent could not be reached, or refused the order."""


class MeteringError(CarbonqError):
    """A meter could not be read."""


class StorageError(CarbonqError):
    """The database could not be used."""


class DatabaseLocked(StorageError):
    """Another process holds the database."""


class DatabaseTooNew(StorageError):
    """The database was written by a newer carbonq."""


class DiskFull(StorageError):
    """The disk that holds the database is full."""


class IllegalTransition(CarbonqError):
    """The state machine has no such step."""
