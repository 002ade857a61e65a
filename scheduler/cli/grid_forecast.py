"""`carbonq grid forecast --series`: the built-in forecaster's issues on a file, without a daemon."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scheduler.cli import figures, times
from scheduler.cli.failures import Failure
from scheduler.cli.output import say, say_json
from scheduler.cli.output_files import check_outputs, write_whole

if TYPE_CHECKING:
    from scheduler.domain.series import StepSeries
    from scheduler.forecasting.backtest import Issue

FARTHEST = timedelta(hours=168)
HEADER = ("issued_at", "start", "mean", "p10", "p50", "p90")

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
    series: Path, first: str | None, last: str | None, every: str, horizon: str, file: Path | None, as_json: bool
) -> None:
    """One row for each issue and hour; an issue uses only rows of the series that end at or before it."""
    if first is None or last is None or file is None:
        raise Failure("--series needs --from and --to (when the first issue is made, and when no more are) and --csv")
    from_moment, to_moment = stated_moment(first, "--from"), stated_moment(last, "--to")
    if to_moment <= from_moment:
        raise Failure(f"--to {last} is not after --from {first}; no issue lies between them")
    steps = times.length(every, "--issue-every"), times.length(horizon, "--horizon")
    if steps[1] > FARTHEST:
        raise Failure(f"--horizon: {horizon} is farther than the built-in forecaster sees; 168h is the most")
    check_outputs({"--csv": file}, {"--series": series})
    one_thread()
    from scheduler.forecasting.backtest import issues

    text, count = _as_text(issues(read_file(series), from_moment, to_moment, *steps))
    if not count:
        raise Failure(f"{series} has no day of values before {last}; give a later --to or a longer series")
    try:
        write_whole(file, text.encode())
    except OSError as error:
        raise Failure(f"--csv: {file} cannot be written: {error.strerror}") from None
    if as_json:
        say_json({"written": str(file), "issues": count})
    else:
        say(f"{figures.count(count, 'issue')} from {series} written to {file}")


def _as_text(issued: Iterator[Issue]) -> tuple[str, int]:
    """CSV with a heading, and how many issues are in it."""
    text, count = io.StringIO(), 0
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(HEADER)
    for issue in issued:
        rows.writerows(_rows(issue))
        count += 1
    return text.getvalue(), count


def _rows(issue: Issue) -> Iterator[list[str]]:
    """Bands are left empty where too little is known to judge them."""
    issued_at, forecast = issue.issued_at.isoformat(), issue.forecast
    bands = [[""] * forecast.mean.size] * 3
    if forecast.quantiles is not None:
        bands = [[f"{value:.2f}" for value in row] for row in forecast.quantiles.tolist()]
    for start, mean, *band in zip(forecast.starts().tolist(), forecast.mean.tolist(), *bands, strict=True):
        yield [issued_at, datetime.fromtimestamp(start, UTC).isoformat(), f"{mean:.2f}", *band]


def read_file(file: Path) -> StepSeries:
    """Failure names the line and column of a mistake."""
    from scheduler.domain.errors import CarbonDataError
    from scheduler.grid.series_file import read_series

    try:
        return read_series(file, regular=True)
    except CarbonDataError as error:
        raise Failure(str(error)) from error


def stated_moment(text: str, option: str) -> datetime:
    """As in the file: without a zone it is UTC, so that the same command says the same everywhere."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise Failure(f"{option}: '{text}' is not an ISO 8601 time, like 2026-01-31T06:00Z") from None
    return times.in_utc(moment, text, option) if moment.tzinfo else moment.replace(tzinfo=UTC)


def one_thread() -> None:
    """The matrices are small: on a busy machine a second thread of the numerical library waits more than it works."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
