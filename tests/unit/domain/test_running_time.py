"""How long a job runs, as a distribution: laws it keeps, and how often what it says comes true."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pytest import approx

from scheduler.domain.running_time import (
    Learnt,
    RunningTime,
    Spread,
    as_like_jobs,
    estimate_spread,
    unknown_spread,
)

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)

ratios = st.lists(st.floats(0.01, 100), max_size=30)
spreads = st.one_of(st.builds(unknown_spread), st.builds(estimate_spread, ratios))
shares = st.floats(0.001, 0.999)
running_times = st.builds(
    RunningTime,
    st.timedeltas(timedelta(seconds=1), timedelta(days=30)),
    spreads,
    st.one_of(st.none(), st.timedeltas(MINUTE, timedelta(days=60))),
    st.timedeltas(timedelta(0), timedelta(days=90)),
)


@given(likely=running_times, lower=shares, upper=shares)
def test_more_confidence_never_means_less_time(likely: RunningTime, lower: float, upper: float) -> None:
    lower, upper = sorted((lower, upper))
    assert likely.quantile(lower) <= likely.quantile(upper)
    assert likely.margin(lower, HOUR) <= likely.margin(upper, HOUR)


@given(likely=running_times, share=shares)
def test_what_has_run_is_never_taken_back(likely: RunningTime, share: float) -> None:
    """However long it has run already, its running time is no less than that."""
    assert likely.quantile(share) >= likely.ran


@given(likely=running_times, share=shares, more=st.timedeltas(timedelta(0), timedelta(days=30)))
def test_having_run_longer_never_shortens_the_running_time(likely: RunningTime, share: float, more: timedelta) -> None:
    """To have outlived a moment is news in one direction only."""
    later = likely.given(likely.ran + more)
    assert later.quantile(share) >= likely.quantile(share) - timedelta(milliseconds=1)


@given(likely=running_times, share=shares)
@example(RunningTime(timedelta(days=22), estimate_spread([43.0]), ran=timedelta(days=25)), 0.9375)
def test_the_chance_of_ending_within_a_quantile_is_its_share(likely: RunningTime, share: float) -> None:
    """Where jobs ended at one and the same length it is larger."""
    length = likely.quantile(share)
    assume(length > likely.ran + timedelta(seconds=1))
    assert likely.chance(length + timedelta(milliseconds=1)) >= share - 0.01


@given(spread=spreads, share=shares)
def test_survival_and_its_inverse_undo_one_another(spread: Spread, share: float) -> None:
    """Up to ties, at which the chance jumps."""
    log = spread.exceeded_with(share)
    assert spread.survival(log - 1e-9) >= share - 1e-6
    assert spread.survival(log + 1e-9) <= share + 1e-6


@given(estimate=st.timedeltas(MINUTE, timedelta(days=30)))
def test_there_is_no_margin_where_ten_jobs_ran_as_estimated(estimate: timedelta) -> None:
    """With nine jobs and this one, each as likely the longest, 9 of 10 are covered by what was seen."""
    likely = RunningTime(estimate, estimate_spread([1.0] * 10))
    assert likely.margin(0.9, estimate) == timedelta(0)
    assert likely.margin(0.5, estimate) == timedelta(0)


def test_an_estimate_without_history_is_taken_nearly_at_its_word() -> None:
    likely = RunningTime(4 * HOUR, estimate_spread(()))
    assert likely.quantile(0.5) == 4 * HOUR
    assert likely.quantile(0.9) / HOUR == approx(5, rel=0.01)


def test_a_job_that_has_outlived_its_estimate_needs_a_tenth_more() -> None:
    """Of what it has run, in the median; before that, what is expected stands."""
    likely = RunningTime(4 * HOUR, estimate_spread(()))
    assert likely.given(4 * HOUR).left(MINUTE) / MINUTE == approx(24)
    assert likely.given(10 * HOUR).left(MINUTE) / HOUR == approx(1)
    assert likely.given(3 * HOUR).left(HOUR) == HOUR


def test_of_jobs_that_nobody_knows_the_longer_one_has_run_the_longer_it_will() -> None:
    """As in the PAI log: 9 of 10 jobs end within some eight times the median."""
    likely = RunningTime(HOUR, unknown_spread())
    assert likely.quantile(0.9) / HOUR == approx(7.4, abs=0.1)
    left = [likely.given(ran * HOUR).left(MINUTE) for ran in (1, 2, 4)]
    assert left == sorted(left)
    assert left[0] > HOUR


def test_nothing_runs_beyond_its_time_limit() -> None:
    likely = RunningTime(4 * HOUR, unknown_spread(), limit=6 * HOUR)
    assert likely.quantile(0.99) == 6 * HOUR
    assert likely.chance(6 * HOUR) == 1


def test_trial_runs_of_a_few_seconds_do_not_say_that_jobs_run_for_ever() -> None:
    """Only those that ran longer than estimated say how much longer one may."""
    likely = RunningTime(4 * HOUR, estimate_spread([0.0004] * 3))
    assert likely.quantile(0.9) < 5 * HOUR


def test_like_jobs_are_expected_to_run_as_their_median_did() -> None:
    likely = as_like_jobs([3 * HOUR, HOUR, 2 * HOUR])
    assert (likely.expected, likely.quantile(0.5)) == (2 * HOUR, 2 * HOUR)
    assert likely.quantile(0.9) > 3 * HOUR
    assert (likely.spread.learnt, likely.spread.jobs) == (Learnt.LIKE_JOBS, 3)


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9, 0.95])
@pytest.mark.parametrize("jobs", [3, 10, 40])
def test_the_stated_share_of_jobs_ends_within_the_quantile(jobs: int, share: float) -> None:
    """Log-normal errors that nobody told it of, learnt from few jobs or many: right to a few hundredths."""
    draw, tries = np.random.default_rng(7), 1_500
    within = 0
    for _ in range(tries):
        seen, truth = np.exp(0.4 * draw.standard_normal(jobs)), float(np.exp(0.4 * draw.standard_normal()))
        within += truth * HOUR <= RunningTime(HOUR, estimate_spread(seen.tolist())).quantile(share)
    error = 3 * (share * (1 - share) / tries) ** 0.5
    assert within / tries == approx(share, abs=error + (0.05 if jobs == 3 else 0.015))
