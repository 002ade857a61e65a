"""A provider's own issues, and ours beside them, at the moments at which it issued them, with what then came."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scheduler.domain.carbon import CarbonForecast, SeriesKey
from scheduler.domain.series import Floats, StepSeries
from scheduler.forecasting.backtest import LONGEST_H, OURS, Backtest, baselines_at, is_judgeable, stacked
from scheduler.forecasting.combination import Combiner, hourly_by_lead
from scheduler.forecasting.history import HourlyHistory

PROVIDER, COMBINED = "provider", "provider + carbonq"


def provider_backtest(key: SeriesKey, observed: StepSeries, issues: Sequence[CarbonForecast]) -> Backtest:
    """Judged from the first whole hour after each issue; hours that the provider did not reach are NaN.

    Each side knows what had ended when the issue was fetched: ours and the simple rules the history, the combination
    the issues before as well.
    """
    history, combiner = HourlyHistory.of(observed), Combiner(key, observed, issues)
    rows: list[dict[str, Floats]] = []
    for issue in issues:
        known = max(issue.issued_at, issue.fetched_at)
        running = history.index_at(known)
        if not is_judgeable(history, running + 1):
            continue
        own, combined = combiner.own(known), combiner.at(known)
        if own is None or own.p10 is None or own.p90 is None or combined is None:
            continue
        first_hour = history.first_hour + running + 1
        series = {PROVIDER: issue.expected, COMBINED: combined.expected, OURS: own.expected}
        row = {name: hourly_by_lead(values, first_hour)[:LONGEST_H] for name, values in series.items()}
        row |= {name: values[1:] for name, values in baselines_at(history, running, LONGEST_H + 1).items()}
        row |= {"low": hourly_by_lead(own.p10, first_hour)[:LONGEST_H]}
        row |= {"high": hourly_by_lead(own.p90, first_hour)[:LONGEST_H]}
        rows.append(row | {"actual": history.values[running + 1 : running + 1 + LONGEST_H]})
    columns = {name: stacked([row[name] for row in rows]) for name in (rows[0] if rows else ())}
    nothing = np.empty((0, LONGEST_H))
    low, high, actual = (columns.pop(name, nothing) for name in ("low", "high", "actual"))
    return Backtest(actual, columns, low, high)
