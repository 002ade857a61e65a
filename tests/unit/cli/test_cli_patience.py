"""The waiting price as people write it."""

from __future__ import annotations

import pytest

from scheduler.cli.failures import Failure
from scheduler.cli.patience import patience


@pytest.mark.parametrize(
    ("text", "g_per_h"),
    [
        ("50", 50), ("50g", 50), ("50g/h", 50), ("50 g / h", 50), ("0.5kg/h", 500), ("2 kgCO2eq/h", 2000), ("0", 0),
        ("50 G per hour", 50),
    ],
)  # fmt: skip
def test_grams_for_an_hour_in_any_of_the_usual_ways(text: str, g_per_h: float) -> None:
    assert patience(text) == pytest.approx(g_per_h)


def test_nothing_said_is_the_daemons_choice() -> None:
    assert patience(None) is None


@pytest.mark.parametrize("text", ["", "-5", "nan", "inf", "a lot", "50g/kWh", "50 t/h", "50/day", "1e10"])
def test_what_is_no_price_of_waiting_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(Failure, match="like 50g/h"):
        patience(text)
