"""`carbonq grid forecast --series` and `carbonq grid skill`: the built-in forecaster on a file, without a daemon."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli import options, times
from scheduler.cli.failures import EXIT_FAULT, Failure
from scheduler.cli.output import say, say_json
from scheduler.cli.table import Column, table

if TYPE_CHECKING:
    from scheduler.domain.series import StepSeries
    from scheduler.forecasting.backtest import Backtest, Issue

HEADER = ("issued_at", "start", "mean", "p10", "p50", "p90")
YEAR = timedelta(days=365)

SeriesFile = Annotated[
    Path | None,
    typer.Option(
        "--series",
        exists=True,
        dir_okay=False,
        help="Forecast this file (start,carbon_intensity_g_per_kwh) instead of asking the daemon.",
    ),
]
First = Annotated[str | None, typer.Option("--from", help="First issue; ISO 8601, UTC where no zone is given.")]
Last = Annotated[str | None, typer.Option("--to", help="No issue at or after this.")]
IssueEvery = Annotated[str, typer.Option("--issue-every", help="Time from issue to issue, like 5h.")]
Horizon = Annotated[str, typer.Option("--horizon", help="How far each issue reaches, at most 168h.")]
CsvFile = Annotated[Path | None, typer.Option("--csv", dir_okay=False, help="Where the issues are written.")]


def write_issues(
    series: Path, first: str | None, last: str | None, every: str, horizon: str, file: Path | None
) -> None:
    """One row for each issue and hour; an issue uses only rows of the series that end at or before it."""
    if first is None or last is None or file is None:
        raise Failure("--series needs --from and --to (when the first issue is made, and when no more are) and --csv")
    from_moment, to_moment = _moment(first, "--from"), _moment(last, "--to")
    if to_moment <= from_moment:
        raise Failure(f"--to {last} is not after --from {first}; no issue lies between them")
    steps = times.length(every, "--issue-every"), times.length(horizon, "--horizon")
    _one_thread()
    from scheduler.forecasting.backtest import issues

    written = _write(file, issues(_read(series), from_moment, to_moment, *steps))
    if not written:
        raise Failure(f"{series} has no day of values before {last}; give a later --to or a longer series")
    say(f"{written} issues from {series} written to {file}")


def skill(
    series: Annotated[
        list[Path],
        typer.Option("--series", exists=True, dir_okay=False, help="A series to test on; may be repeated."),
    ],
    first: First = None,
    last: Last = None,
    every: IssueEvery = "5h",
    as_json: options.Json = False,
) -> None:
    """How good the built-in forecaster has been on a series: its last year, against three simple ones."""
    _one_thread()
    steps = times.length(every, "--issue-every")
    rows = [row for file in series for row in _skill_rows(file, first, last, steps)]
    if as_json:
        say_json(rows)
    else:
        say(skill_table(rows))


def skill_table(rows: list[dict[str, Any]]) -> str:
    """Shares of the perfect-foresight saving, then errors by lead."""
    shares, errors = list(rows[0]["captured_pct"]), list(rows[0]["mape_pct"])
    columns = [
        Column("SERIES", cut=True),
        Column("FORECAST"),
        *(Column(f"{name} %", right=True) for name in shares),
        *(Column(f"ERROR {name} %", right=True, rank=1) for name in errors),
        Column("IN BAND %", right=True),
        Column("RANK", right=True),
    ]
    return table(columns, [_skill_cells(row) for row in rows]) + (
        "\n\nJob in window: share of the saving that perfect foresight would get over starting at once. ERROR: mean\n"
        "absolute percentage error by hours ahead. IN BAND: hours inside the 80 % band. RANK: Spearman, first day."
    )


def _skill_cells(row: dict[str, Any]) -> list[str]:
    figures = [f"{value:.1f}" for part in ("captured_pct", "mape_pct") for value in row[part].values()]
    inside = "" if row["in_band_pct"] is None else f"{row['in_band_pct']:.1f}"
    return [row["series"], row["forecast"], *figures, inside, f"{row['rank_correlation']:.2f}"]


def _skill_rows(file: Path, first: str | None, last: str | None, every: timedelta) -> Iterator[dict[str, Any]]:
    from scheduler.forecasting.backtest import backtest
    from scheduler.forecasting.history import HourlyHistory

    history = HourlyHistory.of(_read(file))
    end = len(history) if last is None else history.index_at(_moment(last, "--to"))
    year_ago = max(0, len(history) - YEAR // timedelta(hours=1))
    begin = year_ago if first is None else max(0, history.index_at(_moment(first, "--from")))
    step = max(1, every // timedelta(hours=1))
    result = backtest(history, begin, min(end, len(history)), step)
    if not len(result.actual):
        raise Failure(f"{file}: no moment with three weeks of values before it and four days after it in that stretch")
    for name in result.forecasts:
        yield {"series": file.name, "forecast": name, **_figures(result, name)}


def _figures(result: Backtest, name: str) -> dict[str, Any]:
    from scheduler.forecasting.backtest import OURS
    from scheduler.forecasting.skill import (
        CASES,
        LEADS,
        band_coverage,
        mean_absolute_percentage_error,
        rank_correlation,
    )

    forecast, actual = result.forecasts[name], result.actual
    return {
        "issues": len(actual),
        "captured_pct": {str(case): 100 * result.captured(name, case).share for case in CASES},
        "mape_pct": {f"{a}-{b} h": mean_absolute_percentage_error(actual[:, a:b], forecast[:, a:b]) for a, b in LEADS},
        "in_band_pct": 100 * band_coverage(actual, result.low, result.high) if name == OURS else None,
        "rank_correlation": rank_correlation(actual, forecast),
    }


def _write(file: Path, issued: Iterator[Issue]) -> int:
    """How many issues were written."""
    count = 0
    try:
        with file.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out, lineterminator="\n")
            rows.writerow(HEADER)
            for issue in issued:
                rows.writerows(_rows(issue))
                count += 1
    except OSError as exc:
        raise Failure(f"{file} cannot be written: {exc.strerror}", code="fault", exit_code=EXIT_FAULT) from exc
    return count


def _rows(issue: Issue) -> Iterator[list[str]]:
    """Bands are left empty where too little is known to judge them."""
    issued_at, forecast = issue.issued_at.isoformat(), issue.forecast
    bands = [[""] * forecast.mean.size] * 3
    if forecast.quantiles is not None:
        bands = [[f"{value:.2f}" for value in row] for row in forecast.quantiles.tolist()]
    for start, mean, *band in zip(forecast.starts().tolist(), forecast.mean.tolist(), *bands, strict=True):
        yield [issued_at, datetime.fromtimestamp(start, UTC).isoformat(), f"{mean:.2f}", *band]


def _read(file: Path) -> StepSeries:
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.series_file import read_series

    try:
        return read_series(file)
    except CarbonDataError as error:
        raise Failure(str(error)) from error


def _moment(text: str, option: str) -> datetime:
    """As in the file: without a zone it is UTC, so that the same command says the same everywhere."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Failure(f"{option}: '{text}' is not an ISO 8601 time, like 2026-01-31T06:00Z") from None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def _one_thread() -> None:
    """The matrices are small: on a busy machine a second thread of the numerical library waits more than it works."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
