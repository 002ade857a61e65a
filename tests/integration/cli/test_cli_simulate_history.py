"""`carbonq simulate --from-history`: the installation's own jobs under other policies."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fakes.clock import NOON
from fakes.views import COMPLETED, observed_values
from pytest import approx

if TYPE_CHECKING:
    from conftest import CommandLine

HOUR = timedelta(hours=1)
PERIOD = ["--since", (NOON - timedelta(days=2)).isoformat(), "--until", (NOON + timedelta(days=1)).isoformat()]


def ended(carbonq: CommandLine, begin: float, ran_h: float = 1.0, **fields: Any) -> None:
    """Submitted and begun `begin` hours from NOON, with twelve hours until its deadline; half a kilowatt."""
    times = {
        "submitted_at": NOON + begin * HOUR,
        "started_at": NOON + begin * HOUR,
        "ended_at": NOON + (begin + ran_h) * HOUR,
        "deadline": NOON + (begin + 12) * HOUR,
        "energy_kwh": 0.5 * ran_h,
        "emissions_g": 200.0 * ran_h,
    }
    row = carbonq.service.add(**{**COMPLETED, **times, **fields})
    assert row.id is not None
    carbonq.service.running_s[row.id] = ran_h * 3600


def a_day(carbonq: CommandLine) -> None:
    """A grid that is clean for four hours of twelve, from four hours after noon and midnight on."""
    values = [100.0 if n % 12 in range(4, 8) else 400.0 for n in range(48)]
    carbonq.service.observed = observed_values(NOON - 24 * HOUR, values)


def test_it_says_what_would_have_been_emitted_and_what_was(carbonq: CommandLine) -> None:
    """The planner is told of each job's length what it was told then: here the four hours that it ran."""
    a_day(carbonq)
    ended(carbonq, 0, ran_h=4)
    ended(carbonq, 8, ran_h=4)
    ours, usual = carbonq(
        "simulate", "--from-history", *PERIOD, "--policy", "exact-window", "--policy", "run-now", "--json"
    ).json
    assert (ours["jobs"], ours["emissions_g"], usual["emissions_g"]) == (2, approx(400), approx(1600))
    assert ours["recorded_emissions_g"] == usual["recorded_emissions_g"] == 1600
    assert (ours["left_out"], ours["held_to_end"]) == ([], 0)


def test_people_are_told_what_was_emitted_and_who_is_left_out(carbonq: CommandLine) -> None:
    a_day(carbonq)
    ended(carbonq, 0)
    ended(carbonq, 1, energy_kwh=None, emissions_g=None)
    ended(carbonq, 2, gpus=0)
    ended(carbonq, 3, gpus=4)
    ended(carbonq, 4, ran_h=0)
    ended(carbonq, -30)
    said = carbonq("simulate", "--from-history", *PERIOD).out
    assert "Really emitted, as recorded: 200 gCO2eq for the 1 job replayed on 2 places, with a PUE of 1." in said
    assert (
        "Left out: 1 drew an unknown amount of energy, 1 in a time for which the intensity is not known without a gap, "
        "1 never ran, 1 ran on places of another kind than are replayed, 1 wider than the machine." in said
    )


def test_our_own_forecast_reads_the_record_before_the_first_job(carbonq: CommandLine) -> None:
    a_day(carbonq)
    ended(carbonq, 0)
    answer = carbonq("simulate", "--from-history", *PERIOD, "--forecast", "builtin", "--pue", "1.5", "--json")
    (row,) = answer.json
    assert row["completed"] == 1
    assert row["run_now_emissions_g"] == approx(300)
    assert min(interval.start for _, interval in carbonq.service.chosen) < NOON - timedelta(days=27)


def test_the_installations_gpus_may_be_other_in_the_simulation(carbonq: CommandLine) -> None:
    """On four GPUs the wide job fits; on two it does not."""
    a_day(carbonq)
    ended(carbonq, 0, gpus=4)
    refused = carbonq("simulate", "--from-history", *PERIOD)
    assert refused.status == 2 and "no job of that time can be replayed: 1 wider than the machine" in refused.err
    assert carbonq("simulate", "--from-history", *PERIOD, "--gpus", "4").status == 0


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "--intensity and --jobs and --gpus missing"),
        (["--jobs", "jobs.csv", "--gpus", "8"], "--intensity missing; give --intensity, --jobs and --gpus, or"),
        (
            ["--from-history", "--jobs", "jobs.csv"],
            "--jobs: --from-history takes the jobs and the grid from the daemon",
        ),
        (["--from-history", "--intensity", "grid.csv"], "leave one of them out"),
        (["--intensity", "g", "--jobs", "j", "--gpus", "1", "--since", "7d"], "--since: of files every job is taken"),
        (["--from-history", "--since", "2026-11-02", "--until", "2026-11-01"], "is not after"),
        (["--from-history"], "no job ended between"),
    ],
)
def test_what_is_missing_or_too_much_is_said(carbonq: CommandLine, argv: list[str], said: str) -> None:
    refused = carbonq("simulate", *argv)
    assert (refused.status, refused.out) == (2, "")
    assert said in refused.err


def test_without_a_daemon_it_says_how_to_start_one(lonely: CommandLine) -> None:
    refused = lonely("simulate", "--from-history")
    assert refused.status == 69 and "carbonq daemon" in refused.err
