"""How long a job runs, as a distribution: what is expected, how sure that is, and what is left once it has run a while.

n earlier jobs split the line into n + 1 stretches, and the next one falls into each with the same chance, whatever they
are drawn from (the rank argument of conformal prediction: Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random
World", 2005). Between them the logarithm is taken to be even; beyond them the tails are Pareto, as running times of
processes are found to be: the longer one has run, the longer it will (Harchol-Balter and Downey, "Exploiting Process
Lifetime Distributions for Dynamic Load Balancing", ACM TOCS 15(3), 1997).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from statistics import median

ESTIMATED = math.log2(1.1)
"""Tail of an estimate, and of like jobs: one that has outlived its estimate needs a tenth more in the median, and
without history 9 of 10 end within 5 ** ESTIMATED = 1.25 times the estimate. Our judgement, until jobs tell better."""

UNKNOWN = 1.24
"""Tail of a job of which nothing is known: the mean of |ln(length / median)| over the 1,000 jobs of the PAI log that
GAIA publishes (median 0.84 h). There 9 of 10 jobs end within 7.8 times the median; this says 7.4, a log-normal with
that log's standard deviation (1.48) 6.7."""

REMEMBERED = 200
"""Newest jobs that count."""

_LEAST, _LONGEST = timedelta(seconds=1), timedelta(days=36_525)
"""Nothing is taken to run for more than a hundred years: heavy tails know no end, dates do."""


class Learnt(StrEnum):
    """Whose record the spread comes from."""

    LIKE_JOBS = "like-jobs"
    OWN_JOBS = "own-jobs"
    """Other jobs of the same user, each against its estimate."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Spread:
    """How lengths lie about the expected one: logarithms of their ratios to it, sorted, and how heavy the tails are."""

    logs: tuple[float, ...]
    tail: float
    """Mean of what a logarithm beyond the last exceeds it by: one over the exponent of the Pareto law."""
    learnt: Learnt = Learnt.NOTHING
    jobs: int = 0
    """Earlier jobs that it is made of."""

    def survival(self, log: float) -> float:
        """Chance that a length's logarithm is above `log`."""
        each, logs = 1 / (len(self.logs) + 1), self.logs
        if log >= logs[-1]:
            return each * math.exp((logs[-1] - log) / self.tail)
        if log < logs[0]:
            return 1 - each * math.exp((log - logs[0]) / self.tail)
        after = bisect_right(logs, log)
        return 1 - each * (after + (log - logs[after - 1]) / (logs[after] - logs[after - 1]))

    def exceeded_with(self, chance: float) -> float:
        """The logarithm that a length's is above with that chance: the inverse of `survival`."""
        logs, above = self.logs, chance * (len(self.logs) + 1)
        if above <= 1:
            return logs[-1] - self.tail * math.log(above)
        below = len(logs) + 1 - above
        if below <= 1:
            return logs[0] + self.tail * math.log(below)
        after = int(below)
        return logs[after - 1] + (below - after) * (logs[min(after, len(logs) - 1)] - logs[after - 1])


@dataclass(frozen=True, slots=True)
class RunningTime:
    """Of one job. Shares and chances are 0 to 1, both ends left out; all is given that it has run for `ran`."""

    expected: timedelta
    spread: Spread
    limit: timedelta | None = None
    """It is stopped then."""
    ran: timedelta = timedelta(0)

    def given(self, ran: timedelta) -> RunningTime:
        """The same, knowing that it has run so long and has not ended."""
        return self if ran == self.ran else replace(self, ran=max(ran, timedelta(0)))

    def quantile(self, share: float) -> timedelta:
        """The running time, what it has run included, that so large a share of such jobs do not exceed."""
        above = (1 - share) * self._survived
        log = self.spread.exceeded_with(above) if above > 0 else math.inf
        length = self.expected * math.exp(log) if log < self._log(self._longest) else self._longest
        return max(self.ran, length)

    def chance(self, within: timedelta) -> float:
        """Chance that it ends before it has run longer than `within`, what it has run included."""
        if within <= self.ran:
            return 0.0
        if within >= self._longest:
            return 1.0
        survived = self._survived
        return 1 - self.spread.survival(self._log(within)) / survived if survived > 0 else 0.0

    def left(self, expected_left: timedelta) -> timedelta:
        """Running time to expect yet: `expected_left`, or what the median job needs that has outlived its estimate."""
        if self.ran < self.expected:
            return expected_left
        return max(self.quantile(0.5) - self.ran, expected_left)

    def margin(self, confidence: float, expected_left: timedelta) -> timedelta:
        """How much longer than `expected_left` it may yet run, with that confidence; never below nothing."""
        return max(self.quantile(confidence) - self.ran - expected_left, timedelta(0))

    @property
    def _longest(self) -> timedelta:
        return _LONGEST if self.limit is None else min(self.limit, _LONGEST)

    @property
    def _survived(self) -> float:
        return self.spread.survival(self._log(self.ran)) if self.ran > timedelta(0) else 1.0

    def _log(self, length: timedelta) -> float:
        return math.log(length / self.expected)


def estimate_spread(ratios: Iterable[float], learnt: Learnt = Learnt.OWN_JOBS) -> Spread:
    """From how long earlier jobs ran against their estimates (newest first), and one more that ran as estimated."""
    logs = [math.log(ratio) for ratio in list(ratios)[:REMEMBERED]]
    return _spread([0.0, *logs], learnt if logs else Learnt.NOTHING, len(logs))


def as_like_jobs(lengths: Sequence[timedelta], limit: timedelta | None = None) -> RunningTime:
    """From how long like jobs ran (newest first, one at least): their median is expected."""
    seconds = [max(length, _LEAST).total_seconds() for length in lengths[:REMEMBERED]]
    usual = median(seconds)
    spread = _spread([math.log(each / usual) for each in seconds], Learnt.LIKE_JOBS, len(seconds))
    return RunningTime(timedelta(seconds=usual), spread, limit)


def unknown_spread() -> Spread:
    """Of jobs of which nothing is known but that they are training jobs."""
    return Spread((0.0,), UNKNOWN)


def _spread(logs: list[float], learnt: Learnt, jobs: int) -> Spread:
    # Only what ran longer says how much longer one may run: trial runs of a few seconds do not.
    usual = max(median(logs), 0.0)
    longer = 2 * sum(max(log - usual, 0.0) for log in logs) / len(logs)
    return Spread(tuple(sorted(logs)), max(ESTIMATED, longer), learnt, jobs)
