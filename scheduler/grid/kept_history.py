"""History that a source has read already, so that the next time only what was updated since is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid import reader
from scheduler.grid.reader import Row

OVERLAP = timedelta(hours=1)
"""Asked for again, in case our clock and theirs differ."""


class KeptHistory:
    """Rows from one moment on, as they were when the provider was last asked."""

    def __init__(self) -> None:
        self.rows: Sequence[Row] = ()
        self._since: datetime | None = None
        self._asked_at: datetime | None = None

    def updated_since(self, interval: Interval) -> datetime | None:
        """From when on updates have to be asked for, so that `interval` is known; None: it has to be read whole."""
        if self._since is None or self._asked_at is None or self._since > interval.start:
            return None
        return self._asked_at - OVERLAP

    def replace(self, rows: Sequence[Row], since: datetime, now: datetime) -> None:
        """All that there is from `since` on."""
        self._since, self._asked_at = since, now
        self.rows = [row for row in rows if row.interval.end > since]

    def update(self, rows: Sequence[Row], since: datetime, now: datetime) -> None:
        """What was new or changed from `since` on; what lies before was not asked about, and is no longer kept."""
        self.replace(reader.merged(self.rows, rows), since, now)
