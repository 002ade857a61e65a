"""A ridge regression for every hour of the coming week, grown one block of history at a time.

Deviation from the usual value = features x weights.  The weights lean on a prior made from other grids as if it were
1,500 hours of this grid's own past, so that a month of history is enough to begin with and years outweigh it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scheduler.domain.series import Floats
from scheduler.forecasting.design import FEATURES, HORIZON, MEMORY, WEEKLY, Design

PRIOR_HOURS = 1500.0
KNOWN_ENOUGH = MEMORY // 2
"""Known hours of the last 28 days without which an origin is neither learnt from nor predicted from."""
_RIDGE = 100.0
_TARGETS_KNOWN = 0.9


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Sums over training rows: features x features, and features x targets."""

    gram: Floats
    """Shape (FEATURES, FEATURES)."""
    cross: Floats
    """Shape (FEATURES, HORIZON)."""

    @classmethod
    def none(cls) -> Moments:
        return cls(np.zeros((FEATURES, FEATURES)), np.zeros((FEATURES, HORIZON)))

    def __add__(self, other: Moments) -> Moments:
        return Moments(self.gram + other.gram, self.cross + other.cross)

    def __mul__(self, factor: float) -> Moments:
        return Moments(self.gram * factor, self.cross * factor)


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Origins with what came after them: the same arrays cut to what is known serve every issue."""

    rows: Design
    targets: Floats
    """Deviation from usual over the week after each origin, in scales; NaN where unknown; shape (n, HORIZON)."""

    @classmethod
    def of(cls, rows: Design, values: Floats) -> Examples:
        count = rows.scale.size
        padded = np.concatenate((values, np.full(HORIZON, np.nan)))
        ahead = np.lib.stride_tricks.sliding_window_view(padded, HORIZON)[:count]
        usual = np.tile(rows.usual, (1, HORIZON // rows.usual.shape[1]))
        return cls(rows, (ahead - usual) / rows.scale[:, None])

    def moments(self, first: int, last: int) -> Moments:
        """Of the origins first ... last - 1 that know enough before and after them."""
        span = slice(first, last)
        known_after = (~np.isnan(self.targets[span])).mean(axis=1)
        good = (self.rows.known[span] >= KNOWN_ENOUGH) & (known_after >= _TARGETS_KNOWN)
        features, targets = self.rows.features[span][good], np.nan_to_num(self.targets[span][good])
        return Moments(features.T @ features, features.T @ targets)

    def judged(self, first: int, last: int, step: int, leads: slice) -> tuple[Floats, Floats]:
        """(features, targets at some leads) of every `step`th origin in [first, last) that knows enough."""
        span = slice(max(0, first), max(0, last), step)
        good = self.rows.known[span] >= KNOWN_ENOUGH
        return self.rows.features[span][good], self.targets[span][good][:, leads]


def weights(prior: Moments, own: Moments, weekly: bool = True) -> Floats:
    """Ridge solution, shape (FEATURES, HORIZON); `prior` is per hour of history. Not `weekly`: blind to the weekday."""
    used = np.ones(FEATURES, dtype=bool)
    used[WEEKLY] = weekly
    both = own + prior * PRIOR_HOURS
    gram = both.gram[np.ix_(used, used)] + _RIDGE * np.eye(int(used.sum()))
    solution = np.zeros((FEATURES, HORIZON))
    solution[used] = np.linalg.solve(gram, both.cross[used])
    return solution
