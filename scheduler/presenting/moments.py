"""Moments in the sentences of the daemon: in one zone, and as exact as what is told of."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

_SHORT = timedelta(minutes=10)
"""Of what takes less, minutes would say nothing."""


def print_moment(moment: datetime, zone: tzinfo, now: datetime, near: timedelta) -> str:
    """With seconds where what is told of takes only minutes (`near`), and with its year where that is not this year."""
    local = moment.astimezone(zone)
    year = "" if local.year == now.astimezone(zone).year else " %Y"
    return f"{local:%a %d %b{year} {'%H:%M:%S' if near < _SHORT else '%H:%M'} %Z}"
