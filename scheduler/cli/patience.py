"""The waiting price as people write it: 50g/h, 0.5kg/h, 50."""

from __future__ import annotations

import math
import re

from scheduler.cli.failures import Failure

MOST_G_PER_H = 1e9
"""The daemon takes no more."""
_FORM = re.compile(r"(?P<amount>[^a-z]+)(?P<unit>kg|g)?(co2eq|co2e|co2)?(/h|/hour|perhour)?", re.IGNORECASE)


def patience(text: str | None) -> float | None:
    """[g/h]; Failure where it is no amount, or less than nothing."""
    if text is None:
        return None
    form = _FORM.fullmatch("".join(text.split()).lower())
    amount = _number(form["amount"]) * (1000.0 if form["unit"] == "kg" else 1.0) if form else math.nan
    if not 0 <= amount <= MOST_G_PER_H:
        raise Failure(
            f"--patience: '{text}' is not a price of waiting; write the grams that an hour less of it is worth, "
            "like 50g/h, or 0 to wait as long as it saves anything"
        )
    return amount


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
