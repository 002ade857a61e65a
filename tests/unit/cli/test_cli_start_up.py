"""What the command may not import before it answers, and what its tables must agree on."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from scheduler.cli.history import GROUP_FIELDS, JOB_FIELDS
from scheduler.cli.main import COMMANDS, app
from scheduler.cli.options import STATES
from scheduler.domain.lifecycle import JobState
from scheduler.service_views.history import HistoryGroup
from scheduler.service_views.jobs import JobRow

FORBIDDEN = {
    "alembic", "apscheduler", "asyncio", "fastapi", "httpx", "numpy", "pydantic", "rich", "scheduler.bootstrap",
    "scheduler.domain.series", "scheduler.service_views", "sqlalchemy", "sqlmodel", "starlette", "torch", "uvicorn",
    "workers",
}  # fmt: skip

SCRIPT = """
import sys
from scheduler.cli.main import main
status = main(sys.argv[1:])
print("\\n".join(sorted(sys.modules)), file=sys.stderr)
raise SystemExit(status)
"""


@pytest.mark.parametrize("argv", [["list"], ["submit", "--", "true"], ["wait", "1"], ["history"], ["plan"]])
def test_the_everyday_commands_import_nothing_heavy(argv: list[str], tmp_path: object) -> None:
    """Each of these would cost a tenth of a second or more at every start."""
    env = {"CARBONQ_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run([sys.executable, "-c", SCRIPT, *argv], capture_output=True, text=True, env=env, check=False)
    assert done.returncode == 69, done.stderr
    assert FORBIDDEN.isdisjoint(done.stderr.split())


def test_every_command_can_be_loaded_and_says_what_it_does() -> None:
    group = get_command(app)
    assert isinstance(group, TyperGroup)
    for name in COMMANDS:
        command = group.commands[name]
        assert command.name == name
        assert command.help


def test_every_command_takes_json() -> None:
    def without(command: Any, path: str) -> list[str]:
        if isinstance(command, TyperGroup):
            return [name for each in command.commands for name in without(command.commands[each], f"{path} {each}")]
        return [] if any("--json" in parameter.opts for parameter in command.params) else [path]

    assert without(get_command(app), "carbonq") == []


def test_the_states_that_can_be_asked_for_are_those_a_job_can_have() -> None:
    assert tuple(JobState) == STATES


def test_the_columns_of_csv_are_fields_of_the_views() -> None:
    assert set(JOB_FIELDS) <= set(JobRow.__dataclass_fields__)
    assert set(GROUP_FIELDS) == set(HistoryGroup.__dataclass_fields__)
