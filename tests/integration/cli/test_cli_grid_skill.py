"""`carbonq grid skill` on the installation's own record: what was polled and back-filled, and what was forecast."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from fakes.grid_days import HOUR, MONDAY, made_up_grid
from fakes.views import index_values, observed_values

from scheduler.service_views.grid import IntensitySlot
from scheduler.service_views.grid_record import IssueView, ObservedValue

if TYPE_CHECKING:
    from conftest import CommandLine

DAYS = 70
SIMPLE = {"same hour yesterday", "same hour last week", "7-day hour mean + decay"}


def polled(carbonq: CommandLine) -> tuple[ObservedValue, ...]:
    carbonq.service.observed = observed_values(MONDAY, made_up_grid(DAYS))
    return carbonq.service.observed


def issued(truth: tuple[ObservedValue, ...], hours: Iterable[int], reach_h: int) -> tuple[IssueView, ...]:
    """A provider that is always right, as far as it reaches."""
    return tuple(
        IssueView(
            issued_at=MONDAY + hour * HOUR,
            fetched_at=MONDAY + hour * HOUR + timedelta(minutes=1),
            method="provider",
            slots=tuple(IntensitySlot(o.start, o.end, o.g_per_kwh) for o in truth[hour : hour + reach_h]),
        )
        for hour in hours
    )


def test_the_record_is_judged_with_every_figure_by_name(carbonq: CommandLine) -> None:
    polled(carbonq)
    rows = carbonq("grid", "skill", "--json").json
    assert {row["forecast"] for row in rows} == {"carbonq"} | SIMPLE
    assert {(row["series"], row["moments"]) for row in rows} == {("neso/GB", "regular")}
    ours = rows[0]
    assert set(ours["captured_pct"]) == {"1 h in 24 h", "4 h in 24 h", "8 h in 48 h", "24 h in 96 h"}
    assert set(ours["mape_pct"]) == set(ours["mae_g_per_kwh"]) == {"0-6 h", "6-24 h", "24-48 h", "48-96 h"}
    assert ours["issues"] > 20 and 0 < ours["in_band_pct"] < 100 and ours["rank_correlation"] > 0.5
    assert all(row["in_band_pct"] is None for row in rows[1:])


def test_the_providers_own_issues_are_judged_where_they_were_made_and_as_far_as_they_reach(
    carbonq: CommandLine,
) -> None:
    """All are compared at the same moments and on the same hours; beyond the provider's reach nothing is said."""
    carbonq.service.issued = issued(polled(carbonq), range(40 * 24, 60 * 24, 6), reach_h=60)
    rows = [row for row in carbonq("grid", "skill", "--json").json if row["moments"] == "provider"]
    by_name = {row["forecast"]: row for row in rows}
    assert set(by_name) == {"provider", "provider + carbonq", "carbonq"} | SIMPLE
    assert {row["issues"] for row in rows} == {80}
    perfect = by_name["provider"]
    assert perfect["captured_pct"]["8 h in 48 h"] == pytest.approx(100)
    assert perfect["mape_pct"]["24-48 h"] == pytest.approx(0, abs=1e-9)
    assert perfect["captured_pct"]["24 h in 96 h"] is None
    assert by_name["carbonq"]["captured_pct"]["8 h in 48 h"] < 100


def test_people_get_a_table_that_says_what_its_columns_mean(carbonq: CommandLine) -> None:
    carbonq.service.issued = issued(polled(carbonq), range(40 * 24, 60 * 24, 6), reach_h=60)
    out = carbonq("grid", "skill").out
    assert "provider + carbonq (p)" in out and "perfect foresight" in out and "–" in out


def test_a_series_is_chosen_by_name(carbonq: CommandLine) -> None:
    polled(carbonq)
    assert carbonq("grid", "skill", "--zone", "GB", "--json").status == 0
    refused = carbonq("grid", "skill", "--zone", "FR")
    assert refused.status == 2 and "no recorded series can be judged" in refused.err


def test_too_short_a_record_says_what_it_lacks(carbonq: CommandLine) -> None:
    carbonq.service.observed = observed_values(MONDAY, made_up_grid(12))
    answer = carbonq("grid", "skill")
    assert answer.status == 2
    assert "neso/GB: 12 days are recorded" in answer.err and "--series FILE.csv" in answer.err


def test_a_constant_and_an_empty_record_are_named(carbonq: CommandLine) -> None:
    assert "nothing was observed" in carbonq("grid", "skill").err
    carbonq.service.observed = observed_values(MONDAY, [250.0] * 24 * 60)
    assert "a constant" in carbonq("grid", "skill").err


def test_an_index_is_passed_over_for_it_has_no_grams(carbonq: CommandLine) -> None:
    carbonq.service.kind = "index"
    carbonq.service.observed = index_values(MONDAY, [n % 100 for n in range(24 * DAYS)])
    answer = carbonq("grid", "skill")
    assert (answer.status, answer.out) == (2, "")
    assert "neso/GB: an index has no grams, so nothing is forecast from it" in answer.err
