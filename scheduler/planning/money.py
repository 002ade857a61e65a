"""Money beside emissions: what a kilowatt-hour costs, and what it weighs when a policy chooses."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from scheduler.domain.intervals import Interval
from scheduler.domain.places import from_micros, length_micros
from scheduler.domain.prices import PowerPrice
from scheduler.planning.outlook import Outlook, outlook_over

_BEYOND = timedelta(days=2)
"""Prices so long after all work is done are left out: a file may hold years."""
_DAY = timedelta(days=1)


def price_outlook(price: PowerPrice, begin: datetime, until: datetime) -> Outlook:
    """Prices without gaps from `begin` on [unit of money/kWh]; beyond their end the same hour of their last day."""
    known = price.per_kwh
    span = known.span
    assert span is not None
    if span.start - _BEYOND < until < span.end - _BEYOND:
        known = known.clipped(Interval(span.start, until + _BEYOND))
    return outlook_over(known, "the price series", begin, until)


def weighed_outlook(
    outlook: Outlook | None, price: PowerPrice | None, now: datetime, until: datetime
) -> Outlook | None:  # fmt: skip
    """What a kWh weighs [g]: its emissions, and its price at the weight of money; the outlook itself where that is 0.

    Where an hour would weigh less than nothing, all hours are lifted by as much. Which are best stays, for a job's
    work is fixed; but burning more power than that, with switches for one, is never worth anything.
    """
    if outlook is None or price is None or not price.weight_g_per_unit:
        return outlook
    prices = price_outlook(price, min(now, from_micros(int(outlook.edges[0]))), until)
    begin, end = int(outlook.edges[0]), max(outlook.end, prices.end)
    edges = np.unique(
        np.concatenate(([begin, end], outlook.edges_between(begin, end), prices.edges_between(begin, end)))
    )
    values = outlook.values_at(edges[:-1]) + price.weight_g_per_unit * prices.values_at(edges[:-1])
    values -= min(0.0, float(values.min()))
    # Both repeat their last day beyond their end, so beyond the later end their sum repeats, too.
    return Outlook(edges, values, length_micros(_DAY), outlook.notes, outlook)
