"""What a site may choose about planning; the defaults change nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlanningSettings:
    """Shares, 0 to 1. Hysteresis is in shares of a job's emissions: smaller predicted gains are not worth acting on."""

    start_gain: float = 0.0
    """A start is delayed only for at least this gain against starting as soon as places are free."""
    move_gain: float = 0.0
    """An announced placement is moved only for at least this gain."""
    reserve: float = 0.0
    """Share of its slack that a job keeps before its deadline, for arrivals nobody knows of; given up where it costs
    another job its deadline. Heeded by carbonq."""

    switch_caution: float = 1.0
    """How many times its cost a switch must gain: plans are made anew, and what one gains the next may take back.
    Heeded by carbonq."""

    hurries_late: bool = False
    """Whether jobs that must be late go before those that can wait. Else they are placed when all others have chosen:
    how many are late counts, and not how late. Heeded by carbonq."""

    told: bool = True
    """Whether anybody reads what a plan tells beside where jobs are placed: what they emit there, and of carbonq its
    bound and what the jobs' places are worth to others. Else a job that stays keeps the words of the plan before."""

    thorough: bool = False
    """Whether to search on, up to five seconds, while a plan of some hundred jobs is more than 1 % above its bound; of
    a thousand and more up to a quarter of a minute.
    Heeded by carbonq."""

    time_limit: Callable[[], Callable[[], bool]] | None = None
    """Called as a plan is begun: what then says whether there is time left for a thorough search to go on, until it is
    hardly above its bound. None: no more than that."""

    @property
    def patient(self) -> bool:
        """Whether there is any hysteresis."""
        return self.start_gain > 0 or self.move_gain > 0


PLAIN = PlanningSettings()
"""Every gain counts."""

OFFLINE = PlanningSettings(thorough=True)
"""What all jobs known from the beginning are planned with: there is but one plan."""

RESERVED = PlanningSettings(reserve=0.05, switch_caution=2.0, told=False)
"""Without hysteresis, but mindful of arrivals and of news: what a simulation in which jobs arrive uses."""

STEADY = PlanningSettings(start_gain=0.03, move_gain=0.06, reserve=0.05, switch_caution=2.0, hurries_late=True)
"""What the daemon uses unless told otherwise."""
