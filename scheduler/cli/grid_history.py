"""`carbonq grid history`: what was published for past hours, as it is known now or as it was known then."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any

import typer

from scheduler.cli import chart, figures, grid_record, options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.output import say, say_json
from scheduler.cli.table import Column, table

CSV_FIELDS = {
    "start": "start", "end": "end", "carbon_intensity_g_per_kwh": "g_per_kwh", "status": "status",
    "fetched_at": "fetched_at", "provider_updated_at": "provider_updated_at", "raw_value": "raw_value",
    "raw_unit": "raw_unit",
}  # fmt: skip
"""Columns of --csv, named as every file of a grid names them, and the fields they show."""
INDEX_FIELDS = dict(("index", "index") if pair[1] == "g_per_kwh" else pair for pair in CSV_FIELDS.items())
"""The same of an index: nothing that reads grams takes such a file."""
REVISION_COLUMNS = (
    Column("FROM"),
    Column("TO", rank=2),
    Column("INTENSITY", right=True),
    Column("STATUS"),
    Column("FETCHED"),
    Column("AS SENT", right=True, rank=1),
)
SERIES_COLUMNS = (
    Column("SERIES", cut=True),
    Column("IN USE"),
    Column("OBSERVED FROM"),
    Column("UNTIL"),
    Column("FORECASTS", right=True),
)

MOST_HOLES = 3
"""Stretches without a value that are named one by one."""

Source = Annotated[
    str | None, typer.Option("--source", help="Of this provider; without a word the series planned with.")
]
Zone = Annotated[str | None, typer.Option("--zone", help="Of this zone.")]
Kind = Annotated[str | None, typer.Option("--kind", help="average, marginal or index.")]


def history(
    since: Annotated[str, typer.Option("--since", help="From then on: 2026-11-01, yesterday, 7d (ago).")] = "7d",
    until: Annotated[str | None, typer.Option("--until", help="Until then; without it until now.")] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="As it was known then.")] = None,
    revisions: Annotated[bool, typer.Option("--revisions", help="Every value ever published, not the newest.")] = False,
    source: Source = None,
    zone: Zone = None,
    kind: Kind = None,
    all_series: Annotated[bool, typer.Option("--list", help="List the series that something is recorded of.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV, as `--series` and `simulate` read it.")] = False,
    as_json: options.Json = False,
) -> None:
    """What was published for past hours, as the daemon has recorded it."""
    if as_csv and as_json:
        raise Failure("--csv and --json are two ways to print the same; give one")
    client, now = DaemonClient(), times.now()
    if all_series:
        _say_series(client.get("/v1/grid/series"), now, as_json)
        return
    first, last = times.since(since, "--since", now), times.since(until, "--until", now) if until else now
    if last <= first:
        raise Failure(f"--until {until or 'now'} is not after --since {since}")
    known_at = times.since(as_of, "--as-of", now) if as_of else None
    answer = grid_record.observations(client, first, last, known_at, revisions, source=source, zone=zone, kind=kind)
    if as_json:
        say_json(answer)
    elif as_csv:
        say(as_text(answer, revisions))
    else:
        say("\n".join(history_lines(answer, now)))


def history_lines(answer: dict[str, Any], now: datetime) -> Iterator[str]:
    """A chart, or with revisions a line for each value; then what it is."""
    rows = answer["rows"]
    name = f"{answer['source']}, {answer['zone']}, {answer['kind']}, {answer['accounting']}, {answer['basis']}"
    when = f"as known at {times.shown_fully(answer['as_of'])}" if answer["as_of"] else "as known now"
    if not rows:
        yield f"Nothing is recorded of {name} in that time, {when}; `carbonq grid history --list` shows what is."
        return
    if answer["revisions"]:
        yield table(REVISION_COLUMNS, [_revision_cells(row, now) for row in rows])
    else:
        measure = chart.measure_of(answer["kind"])
        yield chart.intensity_chart(rows, measure=measure)
        least, most = chart.lowest(rows, measure.field), max(rows, key=lambda row: row[measure.field])
        assert least is not None
        for word, row in (("Lowest", least), ("Highest", most)):
            yield f"{word}: {figures.published(row)}, {times.span(row['start'], row['end'], now)}."
        if holes := [times.span(start, end, now) for start, end in gaps(rows)]:
            more = f", and {len(holes) - MOST_HOLES} stretches more" if len(holes) > MOST_HOLES else ""
            yield f"Not published: {', '.join(holes[:MOST_HOLES])}{more}."
    yield f"{name}; {len(rows)} values, {when}."


def gaps(rows: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Stretches between rows that nobody published."""
    for before, after in pairwise(rows):
        if times.parse_stamp(before["end"]) < times.parse_stamp(after["start"]):
            yield before["end"], after["start"]


def as_text(answer: dict[str, Any], revisions: bool) -> str:
    """CSV with a heading; a stretch without a value has a line of its own, for a value holds until the next line."""
    text, rows = io.StringIO(), answer["rows"]
    columns = INDEX_FIELDS if answer["kind"] == "index" else CSV_FIELDS
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows if revisions else _with_gaps(rows):
        writer.writerow([row.get(field) for field in columns.values()])
    return text.getvalue().rstrip("\n")


def _with_gaps(rows: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    holes = [{"start": start, "end": end} for start, end in gaps(rows)]
    return sorted([*rows, *holes], key=lambda row: times.parse_stamp(row["start"]))


def _revision_cells(row: dict[str, Any], now: datetime) -> list[Any]:
    raw = row["raw_value"]
    return [
        times.shown(row["start"], now),
        times.shown(row["end"], now),
        figures.published(row),
        row["status"],
        times.shown(row["fetched_at"], now),
        figures.UNKNOWN if raw is None else f"{raw:g} {row['raw_unit']}",
    ]


def _say_series(series: list[dict[str, Any]], now: datetime, as_json: bool) -> None:
    if as_json:
        say_json(series)
    elif series:
        say(table(SERIES_COLUMNS, [_series_cells(each, now) for each in series]))
    else:
        say("Nothing is recorded of the grid yet; `carbonq grid now` says how the provider answers.")


def _series_cells(each: dict[str, Any], now: datetime) -> list[Any]:
    return [
        f"{each['source']}/{each['zone']} ({each['kind']}, {each['accounting']}, {each['basis']})",
        "yes" if each["in_use"] else "",
        times.shown(each["observed_from"], now),
        times.shown(each["observed_until"], now),
        str(each["issues"]),
    ]
