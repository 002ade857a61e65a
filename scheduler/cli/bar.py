"""A bar of block characters that grows by eighths."""

from __future__ import annotations

EIGHTHS = " ▏▎▍▌▋▊▉█"


def progress_bar(share: float, width: int) -> str:
    """`width` characters, filled from the left to `share` (0 to 1; outside is cut)."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    filled = "█" * full + (EIGHTHS[rest] if rest else "")
    return filled.ljust(width)
