"""`carbonq grid skill`: how good forecasts have been, on this installation's own record or on files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scheduler.cli import figures, grid_record, options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import Failure
from scheduler.cli.grid_forecast import First, IssueEvery, Last, one_thread, read_file, stated_moment
from scheduler.cli.grid_history import Kind, Source, Zone
from scheduler.cli.output import notice, say, say_json
from scheduler.cli.table import Column, table

if TYPE_CHECKING:
    from scheduler.domain.carbon import CarbonForecast, SeriesKey
    from scheduler.domain.series import StepSeries
    from scheduler.forecasting.backtest import Backtest

YEAR = timedelta(days=365)
LEARNT_FROM = 2 * YEAR
"""How much of the record is read: a year to judge by, and one before it to learn from."""
ISSUES_APART = timedelta(hours=5)
"""Of a provider's issues nearer to each other than this, one is judged: they say nearly the same."""
NEEDED = "it takes three weeks of values before a moment and four days after it"


def skill(
    series: Annotated[
        list[Path] | None,
        typer.Option(
            "--series", exists=True, dir_okay=False, help="Test on this file, not on the record; may be repeated."
        ),
    ] = None,
    source: Source = None,
    zone: Zone = None,
    kind: Kind = None,
    first: First = None,
    last: Last = None,
    every: IssueEvery = "5h",
    as_json: options.Json = False,
) -> None:
    """How good forecasts have been: the built-in one against three simple ones, and the provider's own.

    Without --series on what the daemon has polled and back-filled: each series of its last year.
    """
    one_thread()
    stretch = _Stretch(first, last, times.length(every, "--issue-every"))
    rows = list(_rows_of_files(series, stretch) if series else _rows_of_record(stretch, source, zone, kind))
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
        Column("ISSUES", right=True, rank=2),
        *(Column(f"{name} %", right=True) for name in shares),
        *(Column(f"ERROR {name} %", right=True, rank=1) for name in errors),
        Column("IN BAND %", right=True),
        Column("RANK", right=True),
    ]
    words = (
        "\n\nJob in window: share of the saving that perfect foresight would get over starting at once. ERROR: mean\n"
        "absolute percentage error by hours ahead. IN BAND: hours inside the 80 % band. RANK: Spearman, first day."
    )
    if any(row["moments"] == "provider" for row in rows):
        words += "\n(p): at the moments at which the provider issued a forecast, on the hours that it reached."
    return table(columns, [_cells(row) for row in rows]) + words


def _cells(row: dict[str, Any]) -> list[str]:
    told = [_tenths(value) for part in ("captured_pct", "mape_pct") for value in row[part].values()]
    name = f"{row['forecast']} (p)" if row["moments"] == "provider" else row["forecast"]
    rank = figures.UNKNOWN if row["rank_correlation"] is None else f"{row['rank_correlation']:.2f}"
    inside = "" if row["in_band_pct"] is None else _tenths(row["in_band_pct"])
    return [row["series"], name, str(row["issues"]), *told, inside, rank]


def _tenths(value: float | None) -> str:
    return figures.UNKNOWN if value is None else f"{value:.1f}"


class _Stretch:
    """When issues are made: each `every` from --from to --to, or over the last year."""

    def __init__(self, first: str | None, last: str | None, every: timedelta) -> None:
        self._first = stated_moment(first, "--from") if first else None
        self._last = stated_moment(last, "--to") if last else None
        self._step = max(1, every // timedelta(hours=1))

    def backtest(self, observed: StepSeries) -> Backtest:
        from scheduler.forecasting.backtest import backtest
        from scheduler.forecasting.history import HourlyHistory

        history = HourlyHistory.of(observed)
        end = len(history) if self._last is None else history.index_at(self._last)
        begin = len(history) - YEAR // timedelta(hours=1) if self._first is None else history.index_at(self._first)
        return backtest(history, max(0, begin), min(end, len(history)), self._step)

    def bounds(self, until: datetime) -> tuple[datetime, datetime]:
        """When a provider's issues are judged."""
        return self._first or until - YEAR, min(self._last or until, until)


def _rows_of_files(files: Sequence[Path], stretch: _Stretch) -> Iterator[dict[str, Any]]:
    for file in files:
        result = stretch.backtest(read_file(file))
        if not len(result.actual):
            raise Failure(f"{file}: no moment to judge in that stretch; {NEEDED}")
        yield from _rows(file.name, "regular", result)


def _rows_of_record(
    stretch: _Stretch, source: str | None, zone: str | None, kind: str | None
) -> Iterator[dict[str, Any]]:
    """Of each series that can be judged; of the others a notice says what they lack."""
    wanted = {"source": source, "zone": zone, "kind": kind}
    client, judged = DaemonClient(), 0
    for recorded in client.get("/v1/grid/series"):
        if any(value is not None and recorded[name] != value for name, value in wanted.items()):
            continue
        for row in _rows_of_series(client, recorded, stretch):
            judged += 1
            yield row
    if not judged:
        raise Failure(f"no recorded series can be judged yet; {NEEDED}, or --series FILE.csv to test on a file")


def _rows_of_series(client: DaemonClient, recorded: dict[str, Any], stretch: _Stretch) -> Iterator[dict[str, Any]]:
    name = f"{recorded['source']}/{recorded['zone']}"
    if recorded["observed_until"] is None:
        notice(f"{name}: nothing was observed")
        return
    if recorded["kind"] == "index":
        notice(f"{name}: an index has no grams, so nothing is forecast from it")
        return
    key = {field: recorded[field] for field in grid_record.KEY_FIELDS}
    until = times.parse_stamp(recorded["observed_until"])
    since = max(times.parse_stamp(recorded["observed_from"]), until - LEARNT_FROM)
    observed = _series(grid_record.observations(client, since, until, **key)["rows"])
    if len(observed) and observed.values.max() == observed.values.min():
        notice(f"{name}: a constant; there is nothing to forecast")
        return
    result = stretch.backtest(observed)
    if not len(result.actual):
        days = (until - since) / timedelta(days=1)
        notice(f"{name}: {days:.0f} days are recorded and no moment of them can be judged; {NEEDED}")
        return
    yield from _rows(name, "regular", result)
    if recorded["issues"]:
        begin, end = stretch.bounds(until)
        said = grid_record.issues(client, max(begin, since), end, ISSUES_APART, **key) if begin < end else {}
        yield from _rows_of_issues(name, key, observed, said.get("issues", []))


def _rows_of_issues(
    name: str, key: dict[str, str], observed: StepSeries, issues: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    from scheduler.forecasting.provider_backtest import provider_backtest

    series_key = _key(key)
    forecasts = [_forecast(series_key, issue) for issue in issues if issue["slots"]]
    result = provider_backtest(series_key, observed, forecasts)
    if len(result.actual):
        yield from _rows(name, "provider", result)


def _rows(series: str, moments: str, result: Backtest) -> Iterable[dict[str, Any]]:
    return [
        {"series": series, "moments": moments, "forecast": name, **_figures(result, name)} for name in result.forecasts
    ]


def _figures(result: Backtest, name: str) -> dict[str, Any]:
    """None where no issue reaches so far."""
    from scheduler.forecasting import skill as rules
    from scheduler.forecasting.backtest import OURS

    forecast, actual, told, day = result.forecasts[name], result.actual, result.told, result.judged(24)
    pairs = {f"{a}-{b} h": (actual[:, a:b][told[:, a:b]], forecast[:, a:b][told[:, a:b]]) for a, b in rules.LEADS}
    band = (actual[told], result.low[told], result.high[told])
    return {
        "issues": len(actual),
        "captured_pct": {
            str(case): 100 * result.captured(name, case).share if result.judged(case.window_h).any() else None
            for case in rules.CASES
        },
        "mape_pct": {
            lead: rules.mean_absolute_percentage_error(*pair) if (pair[0] > 0).any() else None
            for lead, pair in pairs.items()
        },
        "mae_g_per_kwh": {
            lead: rules.mean_absolute_error(*pair) if pair[0].size else None for lead, pair in pairs.items()
        },
        "in_band_pct": 100 * rules.band_coverage(*band) if name == OURS and told.any() else None,
        "rank_correlation": rules.rank_correlation(actual[day], forecast[day]) if day.any() else None,
    }


def _series(rows: list[dict[str, Any]]) -> StepSeries:
    from scheduler.domain.intervals import Interval
    from scheduler.domain.series import StepSeries

    return StepSeries.of(
        (Interval(times.parse_stamp(row["start"]), times.parse_stamp(row["end"])), row["g_per_kwh"]) for row in rows
    )


def _key(fields: dict[str, str]) -> SeriesKey:
    from scheduler.domain.carbon import Accounting, Basis, SeriesKey, SignalKind

    words = SignalKind(fields["kind"]), Accounting(fields["accounting"]), Basis(fields["basis"])
    return SeriesKey(fields["source"], fields["zone"], *words)


def _forecast(key: SeriesKey, issue: dict[str, Any]) -> CarbonForecast:
    from scheduler.domain.carbon import CarbonForecast

    issued_at, fetched_at = times.parse_stamp(issue["issued_at"]), times.parse_stamp(issue["fetched_at"])
    return CarbonForecast(key, issued_at, fetched_at, _series(issue["slots"]), method=issue["method"])
