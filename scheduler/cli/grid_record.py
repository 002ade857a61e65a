"""What the daemon has recorded of the grid, asked for in pieces that it answers quickly, and put together again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from scheduler.cli import times
from scheduler.cli.client import DaemonClient

OBSERVED_AT_ONCE = timedelta(days=31)
ISSUED_AT_ONCE = timedelta(days=7)
KEY_FIELDS = ("source", "zone", "kind", "accounting", "basis")
"""What tells a series from every other."""


def observations(
    client: DaemonClient,
    since: datetime,
    until: datetime,
    as_of: datetime | None = None,
    revisions: bool = False,
    **series: str | None,
) -> dict[str, Any]:
    """The answer of /v1/grid/observations for a stretch of any length.

    `series`: source, zone, kind, accounting, basis, as far as wanted; without any the series that is planned with.
    """
    asked: dict[str, Any] = {"as_of": _stamp(as_of), "revisions": revisions or None}
    return _whole(client, "/v1/grid/observations", "rows", since, until, OBSERVED_AT_ONCE, asked, series)


def issues(
    client: DaemonClient, since: datetime, until: datetime, apart: timedelta, **series: str | None
) -> dict[str, Any]:
    """The answer of /v1/grid/issues for a stretch of any length; issues nearer than `apart` are left out."""
    asked = {"apart_s": apart.total_seconds()}
    return _whole(client, "/v1/grid/issues", "issues", since, until, ISSUED_AT_ONCE, asked, series)


def _whole(
    client: DaemonClient,
    path: str,
    part: str,
    since: datetime,
    until: datetime,
    at_once: timedelta,
    asked: dict[str, Any],
    series: dict[str, Any],
) -> dict[str, Any]:
    """Once the first answer has named the series the others are asked for it by name: the daemon may change over."""
    whole: dict[str, Any] = {}
    for begin, end in _pieces(since, until, at_once):
        answer = client.get(path, since=_stamp(begin), until=_stamp(end), **asked, **series)
        series = {name: answer[name] for name in KEY_FIELDS}
        # A value that lies across two pieces is in both answers.
        news = [each for each in answer[part] if begin == since or _begun(each) >= begin]
        whole = {**answer, part: whole.get(part, []) + news}
    return whole | {"since": _stamp(since), "until": _stamp(until)}


def _begun(each: dict[str, Any]) -> datetime:
    return times.parse_stamp(each.get("start") or each["issued_at"])


def _pieces(since: datetime, until: datetime, at_once: timedelta) -> Iterator[tuple[datetime, datetime]]:
    begin = since
    while begin < until:
        end = min(begin + at_once, until)
        yield begin, end
        begin = end


def _stamp(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
