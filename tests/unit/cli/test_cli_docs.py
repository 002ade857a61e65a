"""docs/cli.md says what the code does: every command, exit status, JSON field and captured name is on the page."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from scheduler.cli import failures
from scheduler.cli.environment import CAPTURED, SECRET_WORDS, WITHHELD
from scheduler.cli.main import COMMANDS
from scheduler.service_views.grid import GridForecastView, GridNow, IntensitySlot, ProviderRow
from scheduler.service_views.grid_record import ObservationsView, ObservedValue, SeriesView
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import CleanedView, JobDetail, JobRow
from scheduler.service_views.plan import PlanView
from scheduler.service_views.site import GpuRow
from scheduler.service_views.submission import Explanation, Submission

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "cli.md").read_text("utf-8")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_on_the_page(command: str) -> None:
    assert f"`{command}" in PAGE


@pytest.mark.parametrize(
    "view",
    [
        JobRow,
        JobDetail,
        Submission,
        CleanedView,
        Explanation,
        HistoryGroup,
        PlanView,
        GridNow,
        GridForecastView,
        ProviderRow,
        SeriesView,
        ObservationsView,
        ObservedValue,
        GpuRow,
        IntensitySlot,
    ],
)
def test_every_json_field_is_on_the_page(view: Any) -> None:
    missing = [field.name for field in fields(view) if f"`{field.name}`" not in PAGE]
    assert missing == []


def test_every_exit_status_is_on_the_page() -> None:
    statuses = [value for name, value in vars(failures).items() if name.startswith("EXIT_")]
    assert all(f"| {status} |" in PAGE for status in statuses)


@pytest.mark.parametrize("pattern", [*CAPTURED, *WITHHELD, *SECRET_WORDS])
def test_every_name_of_the_environment_policy_is_on_the_page(pattern: str) -> None:
    assert pattern in PAGE.split()
