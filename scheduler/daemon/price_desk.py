"""What power costs, from the file that the settings name: read again when it changes, and without it we plan on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from scheduler.config import PlanningSettings
from scheduler.domain.errors import CarbonqError
from scheduler.domain.prices import PowerPrice
from scheduler.domain.series import StepSeries

logger = logging.getLogger(__name__)

_State = tuple[int, int, int]


class PriceDesk:
    """Mutable: what the file held when it was read last."""

    def __init__(self, settings: PlanningSettings, read: Callable[[Path], StepSeries]) -> None:
        """`read` gives the prices of a file, CarbonqError where it is missing or wrong."""
        self._settings, self._read = settings, read
        self._seen: _State | str | None = None
        self.price: PowerPrice | None = None
        self.problem: str | None = None
        """Why there is no price although a file is set."""

    def look(self) -> bool:
        """Read the file where it is another than before; whether it was."""
        file = self._settings.price_file
        if file is None or (state := _state(file)) == self._seen:
            return False
        self._seen = state
        try:
            series = self._read(file)
            self.price = PowerPrice(series, self._settings.price_weight_g_per_unit, self._settings.currency)
            self.problem = None
        except CarbonqError as error:
            self.price, self.problem = None, f"planning without the price of power: {error}"
            logger.warning("the price of power cannot be read", extra={"reason": str(error)})
        return True


def _state(file: Path) -> _State | str:
    """Tells one writing of a file from another."""
    try:
        found = file.stat()
    except OSError as error:
        return str(error)
    return found.st_ino, found.st_mtime_ns, found.st_size
