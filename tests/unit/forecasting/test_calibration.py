"""What past views teach about how to combine a provider's forecast with our own."""

from __future__ import annotations

import numpy as np
import pytest

from scheduler.domain.series import Floats
from scheduler.forecasting.calibration import ERROR_SPANS_H, Calibration, Views, calibrated
from scheduler.forecasting.design import HORIZON

ORIGINS_A_DAY = 8


def views(days: int, seed: int = 1, reach: int = 96) -> Views:
    """Random walks around a day's wave, the provider's ending after `reach` hours."""
    chance = np.random.default_rng(seed)
    count = days * ORIGINS_A_DAY
    first_hours = np.arange(count) * (24 // ORIGINS_A_DAY)
    hours = first_hours[:, None] + np.arange(HORIZON)
    own = 250 + 60 * np.cos(2 * np.pi * hours / 24) + chance.normal(0, 5, (count, HORIZON)).cumsum(axis=1)
    provider = own + chance.normal(0, 30, (count, 1)) + chance.normal(0, 20, (count, HORIZON))
    provider[:, reach:] = np.nan
    return Views(first_hours, provider, own, chance.normal(0, 10, (count, len(ERROR_SPANS_H))))


def truth(of: Views, weights: Floats) -> Floats:
    return np.asarray(of.own + (of.regressors() * weights).sum(axis=-1))


def test_without_evidence_it_is_half_and_half() -> None:
    nothing = views(0)
    learnt = calibrated(nothing, nothing.own, 1 / ORIGINS_A_DAY)
    new = views(1, seed=2)
    assert np.allclose(learnt.combined(new)[:, :96], (new.own + new.provider)[:, :96] / 2)


def test_what_held_for_two_months_is_foretold() -> None:
    """The provider's level counts more than its hours, our own is too lively, noon is dirtier than anybody says."""
    weights = np.array([0.1, 0.8, -0.3, 0.2, 0.0, 0.3, 5.0, -15.0, 0.0, 0.0, 4.0, 0.0, 0.0])
    past, new = views(60), views(5, seed=2)
    learnt = calibrated(past, truth(past, weights), 1 / ORIGINS_A_DAY)
    missed = np.abs(learnt.combined(new) - truth(new, weights))[:, :96].mean()
    halved = np.abs((new.own + new.provider) / 2 - truth(new, weights))[:, :96].mean()
    assert missed < 0.2 * halved


def test_where_the_provider_is_silent_nothing_is_combined() -> None:
    past, new = views(60), views(5, seed=2)
    learnt = calibrated(past, past.own, 1 / ORIGINS_A_DAY)
    assert np.isfinite(learnt.combined(new)[:, :96]).all()
    assert np.isnan(learnt.combined(new)[:, 96:]).all()
    assert (learnt.distance(np.full(HORIZON, 7.0), 1)[96:] == 7).all(), "there the band is our own"


@pytest.mark.parametrize(("days", "nearly"), [(60, 0.03), (4, 0.05)])
def test_the_band_holds_four_fifths_of_what_comes(days: int, nearly: float) -> None:
    """Also after a few days, by which thirteen weights can be made to tell the past far better than what comes."""
    past, new = views(days), views(60, seed=2)
    chance = np.random.default_rng(3)
    actual, coming = (
        (of.own + of.provider) / 2 + chance.normal(0, 25, of.own.shape[:1])[:, None] for of in (past, new)
    )
    learnt = calibrated(past, actual, 1 / ORIGINS_A_DAY)
    ends = learnt.error[:96]
    held = (np.abs(learnt.combined(new) - coming)[:, :96] <= ends).mean()
    assert abs(held - 0.8) < nearly


def test_the_less_is_known_of_its_errors_the_more_the_band_is_that_of_our_own() -> None:
    errors = []
    for days in (1, 8, 60):
        past = views(days)
        learnt = calibrated(past, past.provider, 1 / ORIGINS_A_DAY)
        below, above = (learnt.distance(np.full(HORIZON, side * 100.0), side)[:96] for side in (-1, 1))
        assert (below == -above).all()
        errors.append(above.mean())
    assert 80 < errors[0] < 100
    assert 40 < errors[1] < 70
    assert errors[2] < 20


def test_one_past_hour_is_enough_to_go_on() -> None:
    past = views(1)
    actual = np.full(past.own.shape, np.nan)
    actual[0, 0] = past.own[0, 0] + 50
    learnt = calibrated(past, actual, 1 / ORIGINS_A_DAY)
    assert np.isfinite(learnt.combined(past)[:, :96]).all()
    assert np.isfinite(learnt.error).all()


def test_leads_may_be_fewer_than_a_week() -> None:
    new = views(1)
    short = Views(new.first_hours, new.provider[:, :40], new.own[:, :40], new.errors)
    learnt = Calibration(np.tile([1.0, *[0.0] * 12], (HORIZON, 1)), *np.zeros((3, HORIZON)))
    assert np.allclose(learnt.combined(short), new.provider[:, :40])


def test_a_level_that_was_wrong_for_a_fortnight_is_taken_to_go_on() -> None:
    """Nobody was wrong for six weeks, and all said 30 g too little for the last two: most of that is added."""
    past = views(60)
    actual = (past.own + past.provider) / 2
    actual[-14 * ORIGINS_A_DAY :] += 30
    learnt = calibrated(past, actual, 1 / ORIGINS_A_DAY)
    new = views(3, seed=2)
    added = (learnt.combined(new) - (new.own + new.provider) / 2)[:, :48].mean()
    assert 20 < added < 31
