"""Save and load are inverse: whatever the domain allows comes back exactly as it went in."""

from __future__ import annotations

import itertools
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from fakes.records import GB, a_draft, a_segment
from fakes.store import FakeStore
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.domain.carbon import CarbonForecast, IntensityObservation, IntensityStatus, SeriesKey
from scheduler.domain.changes import JobChanges, SegmentChanges
from scheduler.domain.errors import StorageError
from scheduler.domain.intervals import Interval
from scheduler.domain.jobs import Basis, Job, JobSpec, Owner
from scheduler.domain.lifecycle import Reason, SegmentState, StopReason
from scheduler.domain.plans import Placement, Plan
from scheduler.domain.readings import Component, ComponentEnergy, EnergySlice, MeterMethod, ReadingFlag
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions, Energy, Power
from scheduler.ports import JobDraft
from scheduler.storage import SqlStore, open_store
from scheduler.storage.documents import Documents

ALWAYS = Interval(datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))

zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(-timedelta(hours=8))])
moments = st.builds(
    lambda seconds, zone: (ALWAYS.start + seconds).astimezone(zone),
    st.timedeltas(timedelta(0), timedelta(days=80_000)),
    zones,
)
lengths = st.timedeltas(timedelta(microseconds=1), timedelta(days=400))
intervals = st.builds(lambda start, length: Interval(start, start + length), moments, lengths)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
words = st.lists(text, max_size=4).map(tuple)
amounts = st.floats(0, 1e12)
powers = st.floats(0, 1e7).map(Power)
emissions = st.floats(-1e12, 1e12).map(Emissions)
integers = st.integers(0, 2**31 - 1)
keys = st.builds(SeriesKey, st.sampled_from(["neso", "eia"]), st.sampled_from(["GB", "DE"]))

specs = st.builds(
    JobSpec,
    argv=st.lists(text, min_size=1, max_size=4).map(tuple),
    workdir=text,
    name=text,
    gpus=st.integers(0, 64),
    interruptible=st.booleans(),
    duration=st.none() | lengths,
    time_limit=st.none() | lengths,
    power=st.none() | powers,
    deadline=st.none() | moments,
    run_now=st.booleans(),
    zone=st.none() | text,
    project=st.none() | text,
    tags=words,
    after=st.lists(integers, max_size=3).map(tuple),
    checkpoint_signal=st.none() | text,
    grace=lengths,
    retries=integers,
    patience_g_per_h=st.none() | st.floats(0, 1e6),
)
drafts = st.builds(
    JobDraft,
    spec=specs,
    owner=st.builds(Owner, st.integers(0, 2**32 - 1), text),
    submitted_at=moments,
    expected_duration=lengths,
    duration_basis=st.sampled_from(Basis),
    expected_power=powers,
    power_basis=st.sampled_from(Basis),
    finish_by=moments,
)
job_changes = st.builds(
    JobChanges,
    reason=st.sampled_from(Reason),
    detail=st.none() | text,
    attempts=integers,
    started_at=st.none() | moments,
    ended_at=st.none() | moments,
    exit_code=st.none() | st.integers(-255, 255),
    work_done=st.timedeltas(timedelta(0), timedelta(days=400)),
    stop_requested=st.none() | text,
    series=st.none() | keys,
)
segment_changes = st.builds(
    SegmentChanges,
    state=st.sampled_from(SegmentState),
    host=st.none() | text,
    started_at=st.none() | moments,
    ended_at=st.none() | moments,
    exit_code=st.none() | st.integers(-255, 255),
    stop_reason=st.none() | st.sampled_from(StopReason),
    last_seq=st.none() | integers,
    ran=st.none() | st.timedeltas(timedelta(0), timedelta(days=400)),
)
parts = st.builds(
    ComponentEnergy,
    st.sampled_from(Component),
    text,
    amounts.map(Energy),
    st.sampled_from(MeterMethod),
    st.lists(st.sampled_from(ReadingFlag), max_size=3).map(tuple),
)
slices = st.builds(EnergySlice, st.integers(1, 10**6), intervals, st.lists(parts, max_size=4).map(tuple))
observations = st.builds(
    IntensityObservation,
    keys,
    intervals,
    st.floats(0, 2000),
    st.sampled_from(IntensityStatus),
    moments,
    st.none() | moments,
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    text,
)
placements = st.builds(
    Placement,
    integers,
    st.lists(intervals, min_size=1, max_size=3).map(tuple),
    st.none() | emissions,
    st.none() | emissions,
    moments,
    st.booleans(),
    text,
)
plans = st.builds(
    Plan, text, moments, st.lists(placements, max_size=4).map(tuple), st.none() | moments, st.none() | emissions, words
)
statements = st.builds(
    EmissionsStatement,
    job=st.just(1),
    settlement=st.sampled_from(Settlement),
    method=st.sampled_from(StatementMethod),
    energy=st.none() | amounts.map(Energy),
    pue=st.floats(1, 3),
    coverage=st.floats(0, 1),
    emissions=st.none() | emissions,
    run_now_emissions=st.none() | emissions,
    at_submission_emissions=st.none() | emissions,
    key=st.none() | keys,
    computed_at=moments,
    note=st.none() | text,
)
values = st.floats(0, 2000) | st.integers(0, 2000).map(float) | st.decimals(0, 2000, places=3).map(float)


@st.composite
def series(draw: st.DrawFn) -> StepSeries:
    """On a grid or off it, with gaps."""
    edges = sorted(draw(st.sets(st.integers(0, 10**6).map(lambda n: n * 900.0) | st.floats(0, 1e9), max_size=20)))
    pairs = list(zip(edges[::2], edges[1::2], strict=False)) or [(0.0, 1800.0)]
    rows = draw(st.lists(values, min_size=len(pairs), max_size=len(pairs)))
    starts, ends = zip(*pairs, strict=True)
    return StepSeries(starts, ends, rows)  # type: ignore[arg-type]


forecasts = st.builds(
    CarbonForecast,
    keys,
    moments,
    moments,
    series() | st.just(StepSeries.empty()),
    st.none() | series() | st.just(StepSeries.empty()),
    st.none() | series(),
    text,
)


numbers = itertools.count()


def a_new_key() -> SeriesKey:
    """Examples share one database, and this keeps them apart."""
    return SeriesKey(f"example-{next(numbers)}", "GB")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqlStore]:
    opened = open_store(tmp_path_factory.mktemp("round-trips") / "carbonq.db")
    opened.add_job(a_draft())
    yield opened
    opened.close()


@settings(max_examples=60)
@given(draft=drafts, changes=job_changes)
def test_jobs(store: SqlStore, draft: JobDraft, changes: JobChanges) -> None:
    job = store.add_job(draft)
    assert store.job(job.id) == job
    changed = store.change_job(job.id, draft.submitted_at, changes)
    assert store.job(job.id) == changed == changes.applied_to(job)


@settings(max_examples=60)
@given(created_at=moments, uuids=words, resume=st.booleans(), changes=segment_changes)
def test_segments(
    store: SqlStore, created_at: datetime, uuids: tuple[str, ...], resume: bool, changes: SegmentChanges
) -> None:
    job = store.add_job(a_draft())
    segment = replace(a_segment(job.id, created_at=created_at), gpu_uuids=uuids, resume=resume)
    store.add_segment(segment)
    assert store.segments(job.id) == (segment,)
    store.change_segment(segment.id, changes)
    assert store.segments(job.id) == (changes.applied_to(segment),)


@settings(max_examples=60)
@given(given_slices=st.lists(slices, max_size=4, unique_by=lambda s: s.seq))
def test_energy_slices(store: SqlStore, given_slices: list[EnergySlice]) -> None:
    segment = a_segment(store.add_job(a_draft()).id)
    store.add_segment(segment)
    store.add_slices(segment.id, given_slices)
    assert [s for _, s in store.slices(segment.id.job)] == sorted(given_slices, key=lambda s: s.seq)


@settings(max_examples=60)
@given(forecast=forecasts)
def test_forecasts(store: SqlStore, forecast: CarbonForecast) -> None:
    """To the last bit, whatever grid and however many digits."""
    stored = store.add_forecast(forecast)
    assert forecast in store.forecasts(forecast.key, ALWAYS) or not stored
    assert not store.add_forecast(forecast)


@settings(max_examples=60)
@given(observation=observations)
def test_observations(store: SqlStore, observation: IntensityObservation) -> None:
    alone = replace(observation, key=a_new_key())
    store.add_observations([alone])
    assert store.observations(alone.key, ALWAYS) == (alone,)


@settings(max_examples=60)
@given(plan=plans)
def test_plans(store: SqlStore, plan: Plan) -> None:
    store.add_plan(plan)
    assert store.latest_plan() == plan


@pytest.mark.parametrize("document", [b"no plan", zlib.compress(b'{"policy": 7}')])
def test_a_plan_that_another_version_wrote_is_as_none(tmp_path: Path, document: bytes) -> None:
    """What it announced is lost; nothing fails for that."""
    file, noon = tmp_path / "carbonq.db", datetime(2026, 1, 1, 12, tzinfo=UTC)
    opened = open_store(file)
    opened.add_plan(Plan("run-now", noon, ()))
    with closing(sqlite3.connect(file)) as other, other:
        other.execute("UPDATE plan SET document = ?", (document,))
    assert opened.latest_plan() is None
    opened.close()


@settings(max_examples=60)
@given(statement=statements)
def test_statements(store: SqlStore, statement: EmissionsStatement) -> None:
    store.add_statement(statement)
    kept = store.statement(1)
    assert kept is not None
    assert replace(kept, computed_at=statement.computed_at) == statement


hours = st.integers(0, 12).map(lambda n: datetime(2026, 1, 1, n, tzinfo=UTC))
overlapping = st.builds(
    lambda start, length, value: IntensityObservation(
        GB, Interval(start, start + timedelta(hours=length)), float(value), IntensityStatus.ACTUAL, start
    ),
    hours,
    st.integers(1, 4),
    st.integers(0, 3),
)


@settings(max_examples=60)
@given(batches=st.lists(st.lists(overlapping, max_size=4), max_size=4), start=hours, length=st.integers(1, 6))
def test_the_database_and_its_fake_agree_on_what_holds(
    store: SqlStore, batches: list[list[IntensityObservation]], start: datetime, length: int
) -> None:
    """However observations overlap and follow each other, and whichever interval is asked for."""
    fake, key = FakeStore(), a_new_key()
    for batch in batches:
        keyed = [replace(observation, key=key) for observation in batch]
        assert store.add_observations(keyed) == fake.add_observations(keyed)
    interval = Interval(start, start + timedelta(hours=length))
    assert store.observations(key, interval) == fake.observations(key, interval)


@pytest.mark.parametrize("pue", [float("nan"), float("inf")])
def test_what_would_not_come_back_is_refused_when_it_is_stored(store: SqlStore, pue: float) -> None:
    """One unreadable row would spoil every list that it is in."""
    statement = EmissionsStatement(
        1,
        Settlement.NONE,
        StatementMethod.NONE,
        None,
        pue,
        0.0,
        None,
        None,
        None,
        None,
        datetime(2026, 1, 1, tzinfo=UTC),
    )
    before = store.statement_history(1)
    with pytest.raises(StorageError, match="EmissionsStatement cannot be recorded"):
        store.add_statement(statement)
    assert store.statement_history(1) == before


def test_a_name_that_is_no_text_is_refused_when_it_is_stored(store: SqlStore) -> None:
    draft = a_draft()
    with pytest.raises(StorageError, match="Job cannot be recorded"):
        store.add_job(replace(draft, spec=replace(draft.spec, name="caf\udce9")))


def test_what_was_stored_before_a_field_was_there_is_read_with_its_default() -> None:
    """Jobs and plans of an older version: no waiting price, no cost of power."""
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    held = (Interval(noon, noon + timedelta(hours=1)),)
    placement = Placement(1, held, Emissions(1.0), Emissions(2.0), noon, False, "run-now")
    job, made = a_draft().as_job(1), Plan("run-now", noon, (placement,))
    for kind, value, fields in (
        (Job, job, ("patience_g_per_h",)),
        (Plan, made, ("energy_cost", "run_now_energy_cost")),
    ):
        document = Documents(kind).text(value)
        for field in fields:
            assert f'"{field}":null' in document
            document = document.replace(f',"{field}":null', "")
        assert Documents(kind).value(document) == value
