"""docs/reference.md lists exactly the words, fields and statuses that the code has."""

from __future__ import annotations

import re
from dataclasses import fields
from enum import StrEnum
from pathlib import Path

import pytest

from scheduler.cli import failures, waiting
from scheduler.domain.carbon import IntensityStatus, LinkState
from scheduler.domain.lifecycle import JobState, Reason
from scheduler.domain.readings import MeterMethod, ReadingFlag
from scheduler.domain.statements import Settlement, StatementMethod
from scheduler.service_views.grid import ForecastLink, Freshness
from scheduler.service_views.jobs import JobRow
from scheduler.service_views.plan import PlannedJob, UnplannedJob

FIRST_COLUMN = re.compile(r"^\| `([^`]+)` \|", re.MULTILINE)
PROMISED_FIELDS = """
id name state reason user project tags zone gpus submitted_at started_at ended_at exit_code attempts energy_kwh pue
emissions_g run_now_emissions_g at_submission_emissions_g difference_g statement coverage method
"""


def words_under(heading: str, docs: Path) -> list[str]:
    """The first column of the table under a heading."""
    text = (docs / "reference.md").read_text(encoding="utf-8")
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section, f"docs/reference.md has no heading '{heading}'"
    return FIRST_COLUMN.findall(section[1])


@pytest.mark.parametrize(
    ("heading", "words"),
    [
        ("state", JobState),
        ("reason", Reason),
        ("statement", Settlement),
        ("method", StatementMethod),
        ("meter", MeterMethod),
        ("flag", ReadingFlag),
        ("link", ForecastLink),
        ("link state", LinkState),
        ("freshness", Freshness),
        ("value status", IntensityStatus),
    ],
)
def test_a_closed_list_is_published_in_full(heading: str, words: type[StrEnum], docs: Path) -> None:
    """Scripts match on these words, so none is secret and none is made up; their order is the code's."""
    assert words_under(heading, docs) == list(words)


def test_every_field_of_a_job_row_is_published(docs: Path) -> None:
    """In the order in which they are printed."""
    assert words_under("Fields of a job row", docs) == [field.name for field in fields(JobRow)]


def test_every_field_of_a_planned_job_is_published(docs: Path) -> None:
    assert words_under("Fields of a planned job", docs) == [field.name for field in fields(PlannedJob)]


def test_every_field_of_an_unplanned_job_is_published(docs: Path) -> None:
    assert words_under("Fields of an unplanned job", docs) == [field.name for field in fields(UnplannedJob)]


def test_a_job_row_keeps_the_fields_that_were_promised() -> None:
    """These are what other tools were told to rely on."""
    assert {field.name for field in fields(JobRow)} >= set(PROMISED_FIELDS.split())


def test_every_exit_status_is_published(docs: Path) -> None:
    """Those of the command's own; a job's status passes through unchanged."""
    own = {value for name, value in vars(failures).items() if name.startswith("EXIT_")} | {waiting.INTERRUPTED}
    assert words_under("Exit statuses", docs) == [str(status) for status in sorted(own)]
