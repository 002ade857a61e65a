"""What systemd calls the units that hold our runs."""

from __future__ import annotations

SLICE = "carbonq.slice"
UNIT_PREFIX = "carbonq-run-"


def unit_name(segment: str) -> str:
    """The transient unit that holds a segment, where systemd launches it."""
    return f"{UNIT_PREFIX}{segment}.service"
