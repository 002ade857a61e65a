"""What `carbonq simulate` says: a policy a line, and what first come, first served and the best possible plan emit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scheduler.cli import figures
from scheduler.cli.table import Column, table

COLUMNS = (
    Column("POLICY"),
    Column("EMITTED", right=True),
    Column("SAVED", right=True),
    Column("OF ATTAINABLE", right=True),
    Column("LATE", right=True),
    Column("SWITCHES", right=True, rank=1),
    Column("MEAN WAIT", right=True, rank=2),
    Column("PLAN P50", right=True, rank=3),
)


COST = Column("POWER COSTS", right=True)


def comparison(rows: Sequence[Mapping[str, Any]]) -> str:
    """With what power costs, where a price of it was given."""
    if "energy_cost" not in rows[0]:
        return "\n".join([table(COLUMNS, [_cells(row) for row in rows]), _footnote(rows)])
    cells = [[*_cells(row)[:3], _money(row, "energy_cost"), *_cells(row)[3:]] for row in rows]
    return "\n".join([table((*COLUMNS[:3], COST, *COLUMNS[3:]), cells), _footnote(rows)])


def _cells(row: Mapping[str, Any]) -> list[str]:
    share = row["share_of_attainable"]
    return [
        row["policy"],
        figures.emissions(row["emissions_g"]),
        f"{row['saved_pct']:.1f} %",
        "unknown" if share is None else f"{share:.0%}",
        str(row["deadline_misses"]),
        str(row["switches"]),
        f"{row['mean_wait_s'] / 3600:.1f} h",
        f"{row['plan_ms_p50']:.1f} ms",
    ]


def _money(row: Mapping[str, Any], name: str) -> str:
    return figures.money(row[name], row["currency"])


def _footnote(rows: Sequence[Mapping[str, Any]]) -> str:
    row = rows[0]
    against = f"First come, first served: {figures.emissions(row['run_now_emissions_g'])}."
    if "run_now_energy_cost" in row:
        against = f"{against[:-1]}, and {_money(row, 'run_now_energy_cost')} for its power."
    bound = row["lower_bound_g"]
    if bound is None:
        return against
    said = f"{against} Had all been known from the beginning, no plan could have emitted less than"
    share = figures.share_below(bound, min(row["emissions_g"] for row in rows))
    return f"{said} {figures.emissions(bound)}{f', {share} less than the lowest here' if share else ''}."
