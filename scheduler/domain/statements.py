"""What a job emitted, what it would have emitted, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from scheduler.domain.carbon import SeriesKey
from scheduler.domain.units import Emissions, Energy


class Settlement(StrEnum):
    """Closed list, published in docs/reference.md."""

    NONE = "none"
    """Nothing was run, or nothing could be metered."""
    PROVISIONAL = "provisional"
    """Some intensity is forecast, estimated or still missing, or the queue that it is compared by is not settled."""
    FINAL = "final"
    """Every slice has a final published intensity, and nobody can move the start that it is compared with."""


class StatementMethod(StrEnum):
    """How the energy was come by; closed list, published in docs/reference.md."""

    MEASURED = "measured"
    """All of it from energy counters."""
    PARTLY_MEASURED = "partly-measured"
    """Some from counters, the rest integrated or modelled."""
    ESTIMATED = "estimated"
    """None of it from an energy counter."""
    NONE = "none"


@dataclass(frozen=True, slots=True)
class EmissionsStatement:
    """Operational emissions of one job, PUE included, and of its two counterfactuals; None is unknown, never zero.

    Method: GSF Software Carbon Intensity 1.1.0, operational emissions, time-matched.
    """

    job: int
    settlement: Settlement
    method: StatementMethod
    energy: Energy | None
    """IT energy: PUE is applied to emissions, once, and not here."""
    pue: float
    coverage: float
    """Share of the energy, 0 to 1, for which an intensity is known."""
    emissions: Emissions | None
    """None until every slice has an intensity."""
    run_now_emissions: Emissions | None
    """Started when first-come-first-served would have started it."""
    at_submission_emissions: Emissions | None
    """Started the moment it was submitted, as if alone."""
    key: SeriesKey | None
    computed_at: datetime
    note: str | None = None
    """What a reader must know: why a figure is missing, how a restatement came about."""
    run_now_start: datetime | None = None
    """When first-come-first-served would have started it; None where no comparison is made, or it was not told yet."""
    switch: timedelta | None = None
    """Running time that one resumption was taken to cost."""

    @property
    def difference(self) -> Emissions | None:
        """Run-now minus realised: positive is saved; None when either is unknown."""
        if self.emissions is None or self.run_now_emissions is None:
            return None
        return self.run_now_emissions - self.emissions
