"""`carbonq gpus`: the places where jobs can run, and what is on them."""

from __future__ import annotations

from typing import Any

from scheduler.cli import figures, options
from scheduler.cli.client import DaemonClient
from scheduler.cli.output import say, say_json
from scheduler.cli.table import Column, table

app = options.command_app()

COLUMNS = (
    Column("ID", cut=True),
    Column("NAME", cut=True),
    Column("MEMORY", right=True, rank=2),
    Column("POWER", right=True),
    Column("LIMIT", right=True, rank=1),
    Column("JOB", right=True),
    Column("OTHER PROCESSES", rank=3),
)


@app.command()
def gpus(as_json: options.Json = False) -> None:
    """List this machine's GPUs, or its CPU slots where it has none."""
    rows = DaemonClient().get("/v1/gpus")
    if as_json:
        say_json(rows)
    elif rows:
        say(table(COLUMNS, [_cells(row) for row in rows]))
    else:
        say("The worker agent offers neither GPUs nor CPU slots; `carbonq doctor` says why.")


def _cells(row: dict[str, Any]) -> list[Any]:
    return [
        row["id"],
        row["name"],
        figures.size(row["memory_bytes"]),
        figures.power(row["power_w"]),
        figures.power(row["power_limit_w"]),
        figures.UNKNOWN if row["job"] is None else str(row["job"]),
        " ".join(f"pid {pid}" for pid in row["other_pids"]) or "none",
    ]
