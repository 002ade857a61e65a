"""The one thing every meter can do: say what was drawn since it was last asked."""

from __future__ import annotations

from typing import Protocol

from scheduler.domain.readings import ComponentEnergy


class EnergyMeter(Protocol):
    """Opened by its own function, which takes the first reading; from then on it only counts up.

    A meter never raises while it runs: what it cannot read it estimates from what it last knew, and flags.
    """

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        """Energy since the last reading, which was `elapsed_s` >= 0 ago; parts are never negative."""
        ...

    def close(self) -> None:
        """Give back what opening took; closing twice changes nothing."""
        ...
