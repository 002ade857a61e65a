"""run-now: first come, first served, whatever the grid does; what every other policy is measured against."""

from __future__ import annotations

from scheduler.planning.outlook import Outlook
from scheduler.planning.situation import Outcome, Situation


def run_now(situation: Situation, outlook: Outlook) -> Outcome:
    return Outcome(situation.run_now)
