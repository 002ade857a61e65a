"""Lengths of time as people write them: `90s`, `45m`, `8h`, `1d12h`, `1.5h`."""

from __future__ import annotations

import re
from datetime import timedelta

FARTHEST = timedelta(days=3660)
"""What is asked to be done later than ten years from now is a mistake; and plans reckon beyond what is due last."""
_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?[wdhms])+")
_PART = re.compile(r"(\d+(?:\.\d+)?)([wdhms])")


def parse_duration(text: str) -> timedelta:
    """The length written in `text`; ValueError says which forms are understood."""
    compact = text.strip().lower().replace(" ", "")
    if not _WHOLE.fullmatch(compact):
        raise ValueError(f"'{text}' is not a length of time; write it like 90s, 45m, 8h or 1d12h")
    try:
        return timedelta(seconds=sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(compact)))
    except OverflowError:
        raise ValueError(f"'{text}' is longer than carbonq can count") from None


def format_duration(length: timedelta) -> str:
    """Two units at most, largest first: `1 d 4 h`, `12 min`, `3.2 s`; a minus sign where it is negative."""
    seconds = length.total_seconds()
    if seconds < 0:
        return "-" + format_duration(-length)
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    days, hours, left = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [(days, "d"), (hours, "h"), (left, "min")]
    shown = [f"{n} {unit}" for n, unit in parts if n][:2]
    return " ".join(shown)
