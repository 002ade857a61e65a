"""What the store costs, beside what sqlite3 alone costs on the same file in the same run.

    python benchmarks/storage.py [--jobs 10000]

Prints: listing all jobs with their newest statements; one step; a year of polling one zone, of the usual kind and of
the heaviest, with every revision and every forecast; a day of metering. Fails where a zone takes more than 100 MB.
"""

from __future__ import annotations

import argparse
import sqlite3
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SeriesKey, SignalKind
from scheduler.domain.changes import JobChanges
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis, JobSpec, Owner
from scheduler.domain.lifecycle import JobEvent, JobState, SegmentState
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod
from scheduler.domain.runs import Segment, SegmentId
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import G_PER_KWH_PER_LB_PER_MWH, Emissions, Energy, Power
from scheduler.ports import JobDraft, JobQuery
from scheduler.storage import SqlStore, open_store

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
GB = SeriesKey("neso", "GB")
HALF_HOUR = timedelta(minutes=30)
ADA = Owner(1000, "ada")
MOST_MB = 100
"""A year of polling one zone takes no more than this."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    count = parser.parse_args().jobs
    with tempfile.TemporaryDirectory() as folder:
        listing(Path(folder) / "jobs.db", count)
        for zone in ZONES:
            year_of_a_zone(Path(folder) / f"{zone.key.source}.db", zone)
        day_of_metering(Path(folder) / "energy.db")


def listing(path: Path, count: int) -> None:
    store = open_store(path)
    fill_with_jobs(store, count)
    ours = timed(lambda: list_with_statements(store))
    ids = tuple(range(1, 51))
    print(
        f"{count:,} jobs with their newest statements: {ours:6.1f} ms   (raw sqlite3 rows: {raw_listing(path):.1f} ms)"
    )
    print(f"newest 50 of them with statements:      {timed(lambda: newest_with_statements(store, 50)):6.1f} ms")
    print(f"50 by number:                           {timed(lambda: store.jobs(JobQuery(ids=ids))):6.1f} ms")
    print(f"like durations and powers:              {timed(lambda: alike(store)):6.1f} ms")
    print(f"jobs that are not settled:              {timed(store.unsettled_jobs):6.1f} ms")
    print(f"open segments:                          {timed(store.open_segments):6.1f} ms")
    least = raw_step(path.parent)
    print(f"one step, committed to disk:            {one_step(store):6.2f} ms   (raw sqlite3: {least:.2f} ms)")
    store.close()


def list_with_statements(store: SqlStore) -> None:
    jobs = store.jobs(JobQuery())
    assert len(store.statements(job.id for job in jobs)) == len(jobs)


def newest_with_statements(store: SqlStore, limit: int) -> None:
    store.statements(job.id for job in store.jobs(JobQuery(limit=limit)))


def alike(store: SqlStore) -> None:
    store.like_durations(a_spec(7), ADA)
    store.like_powers(a_spec(7), ADA)


def one_step(store: SqlStore) -> float:
    def step() -> None:
        job = store.add_job(a_draft(0))
        begin = time.perf_counter()
        store.advance_job(job.id, JobEvent.LAUNCH, BEGIN, JobChanges(attempts=1), JobState.QUEUED)
        taken.append(time.perf_counter() - begin)

    taken: list[float] = []
    for _ in range(50):
        step()
    return min(taken) * 1e3


def raw_listing(path: Path) -> float:
    connection = sqlite3.connect(path)
    newest = "SELECT * FROM statement WHERE id IN (SELECT max(id) FROM statement GROUP BY job_id)"
    taken = timed(lambda: (connection.execute("SELECT * FROM job").fetchall(), connection.execute(newest).fetchall()))
    connection.close()
    return taken


def raw_step(folder: Path) -> float:
    """An UPDATE and an INSERT in one durable transaction: the least a step can cost."""
    connection = sqlite3.connect(folder / "raw.db", isolation_level=None)
    connection.executescript(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (a); INSERT INTO t VALUES (1)"
    )

    def step() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE t SET a = a + 1 WHERE rowid = 1")
        connection.execute("INSERT INTO t VALUES (1)")
        connection.execute("COMMIT")

    taken = timed(step, times=50)
    connection.close()
    return taken


def timed(work: Callable[[], object], times: int = 7) -> float:
    """Milliseconds; the least of all, for a busy machine only adds."""
    taken = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        taken.append(time.perf_counter() - begin)
    return min(taken) * 1e3


def fill_with_jobs(store: SqlStore, count: int) -> None:
    with store.transaction():
        for number in range(count):
            job = store.add_job(a_draft(number))
            statement = a_statement(job.id)
            store.add_statement(replace(statement, settlement=Settlement.PROVISIONAL))
            store.add_statement(statement)
            store.advance_job(job.id, JobEvent.LAUNCH, BEGIN, JobChanges(started_at=BEGIN), JobState.QUEUED)
            store.advance_job(job.id, JobEvent.STARTED, BEGIN, JobChanges(), JobState.STARTING)
            store.advance_job(job.id, JobEvent.EXITED_ZERO, BEGIN, JobChanges(ended_at=BEGIN), JobState.RUNNING)


def a_spec(number: int) -> JobSpec:
    argv = ("python", "train.py", "--lr", f"{number % 100}e-5")
    return JobSpec(argv, "/home/ada/vision", "train", project="vision", tags=("sweep", "lr"), deadline=BEGIN)


def a_draft(number: int) -> JobDraft:
    submitted_at = BEGIN + number * timedelta(minutes=5)
    hour = timedelta(hours=1)
    basis = Basis.ASSUMED
    return JobDraft(a_spec(number), ADA, submitted_at, hour, basis, Power(300.0), basis, submitted_at + 24 * hour)


def a_statement(job: int) -> EmissionsStatement:
    grams = Emissions(120.0 + job / 7)
    final, measured = Settlement.FINAL, StatementMethod.MEASURED
    return EmissionsStatement(job, final, measured, Energy(3.6e6), 1.2, 1.0, grams, grams, grams, GB, BEGIN)


@dataclass(frozen=True)
class Zone:
    """A year of one zone as it is polled: values by `step`, each revised twice, and issues of `reach` by `every`."""

    title: str
    key: SeriesKey
    step: timedelta
    reach: timedelta
    every: timedelta
    unit: float = 1.0
    """Grams per kilowatt-hour in one of what the provider says."""


ZONES = (
    Zone("NESO: half-hours, 48 h each half hour", GB, HALF_HOUR, timedelta(hours=48), HALF_HOUR),
    Zone(
        "WattTime: five minutes, 72 h each quarter of an hour",
        SeriesKey("watttime", "CAISO_NORTH", SignalKind.MARGINAL),
        timedelta(minutes=5),
        timedelta(hours=72),
        timedelta(minutes=15),
        unit=G_PER_KWH_PER_LB_PER_MWH,
    ),
)
YEAR = Interval(BEGIN, BEGIN + timedelta(days=365))


def year_of_a_zone(path: Path, zone: Zone) -> None:
    """Polled a day at a time, as the daemon does it: forecast, then estimate, then measured value."""
    print(f"\na year of {zone.title}")
    store, key = open_store(path), zone.key
    slots, ahead, stride = YEAR.length // zone.step, zone.reach // zone.step, max(1, zone.every // zone.step)
    intensity = a_walk(slots + ahead) * zone.unit
    day = timedelta(days=1) // zone.step
    with store.transaction():
        for first in range(0, slots, day):
            for wrong, status in enumerate(
                (IntensityStatus.FORECAST, IntensityStatus.ESTIMATED, IntensityStatus.ACTUAL)
            ):
                values = intensity[first : first + day] + (2 - wrong) * zone.unit
                store.add_observations(observed(zone, first, values, status))
        for first in range(0, slots, stride):
            store.add_forecast(issued(zone, first, intensity[first : first + ahead]))
    queries(store, key)
    poll = observed(zone, slots - 2 * day, intensity[slots - 2 * day : slots], IntensityStatus.ACTUAL)
    print(f"a poll that brings nothing new:         {timed(lambda: store.add_observations(poll)):6.1f} ms")
    store.close()
    print_sizes(path)
    print(f"opening it, integrity checked:          {timed(lambda: open_store(path).close(), times=2):6.1f} ms")


def queries(store: SqlStore, key: SeriesKey) -> None:
    """What the daemon and its users ask; the least of several, in milliseconds."""
    week = Interval(YEAR.end - timedelta(days=7), YEAR.end)
    earlier = Interval(week.start - timedelta(days=180), week.end - timedelta(days=180))
    month = Interval(YEAR.end - timedelta(days=31), YEAR.end)
    two_months = Interval(YEAR.end - timedelta(days=60), YEAR.end)
    then = earlier.start + timedelta(days=3)
    asked: dict[str, Callable[[], object]] = {
        "a day of observations": lambda: store.observations(key, Interval(YEAR.end - timedelta(days=1), YEAR.end)),
        "a week of observations": lambda: store.observations(key, week),
        "a week, half a year ago": lambda: store.observations(key, earlier),
        "that week as it was known then": lambda: store.observations(key, earlier, as_of=then),
        "that week with every revision": lambda: store.revisions(key, earlier),
        "a month of observations": lambda: store.observations(key, month),
        "a year of observations": lambda: store.observations(key, YEAR),
        "a year of values alone": lambda: store.intensity(key, YEAR),
        "the latest forecast": lambda: store.latest_forecast(key),
        "the latest of half a year ago": lambda: store.latest_forecast(key, as_of=then),
        "forecasts of a day": lambda: store.forecasts(key, Interval(then, then + timedelta(days=1))),
        "60 days, a forecast in six hours": lambda: store.forecasts(key, two_months, timedelta(hours=6)),
        "the series there are": store.recorded_series,
    }
    for name, query in asked.items():
        print(f"{name + ':':<39} {timed(query, times=2):6.1f} ms")


def print_sizes(path: Path) -> None:
    connection = sqlite3.connect(path)
    for table in ("observation", "forecast"):
        rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        print(f"  {table:<12} {rows:>9,} rows")
    connection.close()
    size = path.stat().st_size / 1e6
    print(f"  on disk:                              {size:6.1f} MB of the {MOST_MB} MB that it may take")
    if size > MOST_MB:
        raise SystemExit(f"a year of one zone takes {size:.1f} MB")


def day_of_metering(path: Path) -> None:
    """Eight GPUs, CPU, memory and the rest of the host, a slice a minute."""
    store = open_store(path)
    empty = path.stat().st_size + path.with_name(path.name + "-wal").stat().st_size
    segment = Segment(SegmentId(store.add_job(a_draft(0)).id, 1, 1), SegmentState.RUNNING, BEGIN)
    store.add_segment(segment)
    begin = time.perf_counter()
    store.add_slices(segment.id, [a_slice(seq) for seq in range(1, 24 * 60 + 1)])
    stored_ms = (time.perf_counter() - begin) * 1e3
    read_ms = timed(lambda: store.slices(segment.id.job))
    store.close()
    size = path.stat().st_size - empty
    print(f"a day of metering 8 GPUs: {stored_ms:.0f} ms to store, {read_ms:.0f} ms to read, {size / 1e6:.2f} MB")


def a_slice(seq: int) -> EnergySlice:
    start = BEGIN + (seq - 1) * timedelta(minutes=1)
    counter, model = MeterMethod.NVML_COUNTER, MeterMethod.HOST_MODEL
    uuid = "GPU-5c9e1a4f-7c1b-4f0e-9c55-0a1b2c3d4e5"
    gpus = [ComponentEnergy(Component.GPU, f"{uuid}{n}", Energy(24_000 + seq / 7 + n), counter) for n in range(8)]
    host = [ComponentEnergy(c, "host", Energy(900 + seq / 3), model) for c in (Component.CPU, Component.DRAM)]
    return EnergySlice(seq, Interval(start, start + timedelta(minutes=1)), (*gpus, *host))


def a_walk(count: int) -> np.ndarray:
    random = np.random.default_rng(0)
    day = 60 * np.sin(np.arange(count) * 2 * np.pi / 48)
    return np.rint(np.clip(200 + day + np.cumsum(random.normal(0, 3, count)) % 100, 20, 500))


def observed(zone: Zone, first: int, values: np.ndarray, status: IntensityStatus) -> list[IntensityObservation]:
    starts = (BEGIN + (first + n) * zone.step for n in range(len(values)))
    return [
        IntensityObservation(zone.key, Interval(s, s + zone.step), v, status, s + zone.step, s, v / zone.unit)
        for s, v in zip(starts, values.tolist(), strict=True)
    ]


def issued(zone: Zone, first: int, values: np.ndarray) -> CarbonForecast:
    at, step_s = BEGIN + first * zone.step, zone.step.total_seconds()
    starts = at.timestamp() + step_s * np.arange(len(values))
    wrong = np.rint(values / zone.unit * (1 + 0.05 * np.sin(first + np.arange(len(values))))) * zone.unit
    return CarbonForecast(zone.key, at, at, StepSeries(starts, starts + step_s, wrong))


if __name__ == "__main__":
    main()
