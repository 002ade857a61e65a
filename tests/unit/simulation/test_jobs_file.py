"""jobs.csv: read whole, or refused with the place of the mistake."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from fakes.clock import NOON

from scheduler.domain.errors import RequestError
from scheduler.domain.file_text import FileText
from scheduler.domain.intervals import Interval
from scheduler.simulation.jobs_file import read_jobs, remarks

SPAN = Interval(NOON - timedelta(days=1), NOON + timedelta(days=2))
HEADING = "job,submitted_at,duration_s,gpus,power_w,deadline,interruptible\n"
GOOD = "a,2026-11-23T12:00:00Z,3600,2,1000,2026-11-23T18:00:00Z,true\n"


def written(text: str) -> FileText:
    return FileText(Path("jobs.csv"), text)


def test_a_row_becomes_a_job_with_the_defaults_of_what_is_left_out() -> None:
    (job,) = read_jobs(written(HEADING + GOOD), gpus=8, span=SPAN)
    assert (job.name, job.submitted_at, job.gpus, job.interruptible) == ("a", NOON, 2, True)
    assert (job.switch, job.expected) == (timedelta(seconds=120), timedelta(hours=1))


def test_switch_cost_estimate_and_an_empty_deadline_are_read() -> None:
    heading = HEADING.replace("interruptible", "interruptible,switch_cost_s,expected_duration_s")
    (job,) = read_jobs(written(heading + "a,2026-11-23T12:00,3600,1,500,,0,30,1800\n"), gpus=8, span=SPAN)
    assert (job.deadline, job.switch, job.expected) == (None, timedelta(seconds=30), timedelta(minutes=30))


@pytest.mark.parametrize(
    ("rows", "mistake"),
    [
        (GOOD.replace("3600", "0"), "line 2, column 'duration_s': '0' is not a length: seconds, 0.001 at least"),
        (GOOD.replace("3600", "nan"), "line 2, column 'duration_s'"),
        (GOOD.replace("3600", "long"), "'long' is not a number"),
        (GOOD.replace(",2,", ",9,"), "line 2, column 'gpus': '9' is more than the machine's 8"),
        (GOOD.replace(",2,", ",1.5,"), "'1.5' is not a number of GPUs: a whole number, 1 at least"),
        (GOOD.replace("1000", "-1"), "column 'power_w'"),
        (GOOD.replace("T18", "T11"), "column 'deadline'"),
        (GOOD.replace("2026-11-23T12:00:00Z", "noon"), "is not an ISO 8601 time"),
        (GOOD.replace("true", "maybe"), "is neither true nor false"),
        (GOOD + GOOD, "line 3, column 'job': 'a' is also the job of line 2"),
        (GOOD.replace("2026-11-23T12", "2026-11-22T11"), "line 2, column 'submitted_at'"),
        (GOOD.replace(",2,", ",0,"), "line 2, column 'gpus': '0' is not a number of GPUs: a whole number, 1 at least"),
        (GOOD.replace("1000", "nan"), "line 2, column 'power_w'"),
        (GOOD.replace("1000", "1e308"), "'1e308' is not the power of a job: watts, 0 to 1,000,000,000 (1 GW)"),
        (GOOD.replace("T18:00:00Z", "T12:00:00Z"), "column 'deadline': '2026-11-23T12:00:00Z' is not after"),
        (GOOD.replace("1000", "1000,5"), "line 2: it has more cells than the heading has columns"),
        ("a,2026-11-23T12:00:00Z\n", "line 2, column 'duration_s': the cell is missing, for the row has 2 of 7"),
        (GOOD.replace("a,", ",", 1), "line 2, column 'job': '' is no name; give the job one"),
        (GOOD.replace("1000", "1_000"), "line 2, column 'power_w': '1_000' is not a number"),
        (GOOD.replace("2026-11-23T12", "2027-11-23T12"), "line 2, column 'submitted_at'"),
        ("", "line 2: there is no job; write one a row below the heading"),
    ],
)
def test_a_mistake_is_named_by_file_line_and_column(rows: str, mistake: str) -> None:
    with pytest.raises(RequestError, match=r"jobs\.csv") as refused:
        read_jobs(written(HEADING + rows), gpus=8, span=SPAN)
    assert mistake in str(refused.value)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(RequestError, match="no column 'power_w'"):
        read_jobs(written(HEADING.replace("power_w", "watts")), gpus=8, span=SPAN)


def test_a_waiting_price_is_read_where_there_is_one() -> None:
    heading = HEADING.replace("interruptible", "interruptible,patience_g_per_h")
    rows = GOOD.replace("true", "true,50") + GOOD.replace("a,", "b,", 1).replace("true", "true,")
    jobs = read_jobs(written(heading + rows), gpus=8, span=SPAN)
    assert [job.patience_g_per_h for job in jobs] == [50, 0]
    with pytest.raises(RequestError, match="line 2, column 'patience_g_per_h': '-1' is not a waiting price: grams"):
        read_jobs(written(heading + GOOD.replace("true", "true,-1")), gpus=8, span=SPAN)


def test_a_column_that_is_not_known_is_remarked_with_the_name_that_may_be_meant() -> None:
    """Not where another knows it, or the column of that name is there."""
    heading = HEADING.replace("interruptible", "interruptible,switch_costs,gpu,team,zone")
    file = written(heading + GOOD.replace("true", "true,60,2,ours,GB"))
    where = f"{file}, line 1, column"
    assert remarks(file, ("zone",)) == (
        f"{where} 'switch_costs': it is not known, and ignored; did you mean 'switch_cost_s'?",
        f"{where} 'gpu': it is not known, and ignored",
        f"{where} 'team': it is not known, and ignored",
    )
    assert read_jobs(file, gpus=8, span=SPAN)[0].switch == timedelta(seconds=120)
