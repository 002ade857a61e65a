"""Which country the machine's clock is set for: a guess at the zone that asks nobody outside."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ZONE_TABLE = Path("/usr/share/zoneinfo/zone.tab")


def machine_time_zone(environ: Mapping[str, str], root: Path = Path("/")) -> str | None:
    """`Europe/Berlin`, as TZ, /etc/timezone or /etc/localtime say; None where none does."""
    if named := environ.get("TZ", "").lstrip(":"):
        return named
    try:
        if named := (root / "etc/timezone").read_text(encoding="utf-8").strip():
            return named
    except (OSError, UnicodeDecodeError):
        pass
    _, found, name = str((root / "etc/localtime").resolve()).partition("zoneinfo/")
    return name if found else None


def country_of_time_zone(name: str, table: Path = ZONE_TABLE) -> str | None:
    """The ISO 3166 code that the time zone database gives `name`; None for UTC and the like."""
    try:
        lines = table.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    rows = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return next((row[0] for row in rows if len(row) > 2 and row[2] == name), None)
