"""The emissions statement of one job: time-matched energy and intensity, how sure that is, and what changed since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.accounting.baseline import uninterrupted_load
from scheduler.accounting.intensity import IntensityHistory
from scheduler.accounting.load import Load
from scheduler.domain.carbon import SeriesKey
from scheduler.domain.jobs import Job
from scheduler.domain.readings import COUNTED, EnergySlice
from scheduler.domain.runs import Segment, SegmentId
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement, Settlement, StatementMethod
from scheduler.domain.units import Emissions

NOTHING_CLAIMED = "the grid factor is a yearly constant: when the job ran makes no difference, so no saving is claimed"
QUEUE_OPEN = "jobs that came before it have not ended, so when run-now would have started it can still change"
NOTHING_METERED = "no energy was metered, so nothing is known of its emissions"


@dataclass(frozen=True, slots=True)
class Metered:
    """All that was recorded of one job's running."""

    job: Job
    segments: tuple[Segment, ...]
    slices: tuple[tuple[SegmentId, EnergySlice], ...]


@dataclass(frozen=True, slots=True)
class Terms:
    """What a statement is drawn up under."""

    key: SeriesKey
    pue: float = 1.0
    claims_savings: bool = True
    """False for a yearly constant."""
    switch: timedelta = timedelta(seconds=120)
    """Running time that one resumption costs; kept out of the counterfactual."""


def settle(
    metered: Metered,
    history: IntensityHistory,
    run_now_start: datetime | None,
    terms: Terms,
    now: datetime,
    *,
    start_settled: bool = True,
) -> EmissionsStatement:
    """Final once the job has ended, every figure rests on final intensity, and no other job can move its run-now start;
    provisional until then."""
    load = Load.of(energy for _, energy in metered.slices)
    if not load:
        return _nothing_metered(metered.job, terms, now)
    alternatives = _alternatives(metered, run_now_start, terms)
    loads = [load, *(other for other in alternatives if other is not None)]
    queue_is_open = terms.claims_savings and not start_settled
    is_final = metered.job.ended and not queue_is_open and all(each.coverage(history.final) == 1 for each in loads)
    intensity = history.final if is_final else history.known
    run_now, at_submission = (_emissions(other, intensity, terms.pue) for other in alternatives)
    emissions = load.emissions(intensity, terms.pue)
    return EmissionsStatement(
        job=metered.job.id,
        settlement=Settlement.FINAL if is_final else Settlement.PROVISIONAL,
        method=statement_method([energy for _, energy in metered.slices]),
        energy=load.energy,
        pue=terms.pue,
        coverage=load.coverage(intensity),
        emissions=emissions,
        run_now_emissions=run_now,
        at_submission_emissions=at_submission,
        key=terms.key,
        computed_at=now,
        note=_note(load, emissions, run_now, intensity, terms)
        or (QUEUE_OPEN if metered.job.ended and queue_is_open else None),
        run_now_start=run_now_start if terms.claims_savings else None,
        switch=terms.switch,
    )


def restated(previous: EmissionsStatement | None, new: EmissionsStatement) -> EmissionsStatement:
    """`new`, saying so where it changes a final figure; the same figures again keep the words they had."""
    if previous is None or previous.settlement is not Settlement.FINAL:
        return new
    if replace(new, computed_at=previous.computed_at, note=previous.note) == previous:
        return replace(new, note=previous.note)
    changed = "; ".join(_changes(previous, new)) or "its settlement changed"
    day = f"{previous.computed_at:%Y-%m-%d %H:%M} UTC"
    note = f"restated: {changed}; the statement of {day} no longer holds, its intensity or energy was revised"
    return replace(new, note=note if new.note is None else f"{note}. {new.note}")


def statement_method(slices: Sequence[EnergySlice]) -> StatementMethod:
    """How much of the energy came from counters; parts that drew nothing do not count."""
    parts = [part for energy in slices for part in energy.parts]
    methods = {part.method in COUNTED for part in parts if part.energy.joules > 0} or {
        part.method in COUNTED for part in parts
    }
    if not methods:
        return StatementMethod.NONE
    if methods == {True}:
        return StatementMethod.MEASURED
    return StatementMethod.PARTLY_MEASURED if True in methods else StatementMethod.ESTIMATED


def _nothing_metered(job: Job, terms: Terms, now: datetime) -> EmissionsStatement:
    return EmissionsStatement(
        job=job.id,
        settlement=Settlement.NONE,
        method=StatementMethod.NONE,
        energy=None,
        pue=terms.pue,
        coverage=0.0,
        emissions=None,
        run_now_emissions=None,
        at_submission_emissions=None,
        key=terms.key,
        computed_at=now,
        note=NOTHING_METERED if job.started_at else None,
    )


def _alternatives(metered: Metered, run_now_start: datetime | None, terms: Terms) -> tuple[Load | None, Load | None]:
    """The job begun when first-come-first-served would have, and begun at submission; None where nothing is claimed."""
    if not terms.claims_savings:
        return None, None
    in_one_go = uninterrupted_load(metered.job, metered.segments, metered.slices, terms.switch)
    if not in_one_go:
        return None, None
    at_submission = in_one_go.begun_at(metered.job.submitted_at)
    return (in_one_go.begun_at(run_now_start) if run_now_start else None), at_submission


def _emissions(load: Load | None, intensity: StepSeries, pue: float) -> Emissions | None:
    return None if load is None else load.emissions(intensity, pue)


def _note(
    load: Load, emissions: Emissions | None, run_now: Emissions | None, intensity: StepSeries, terms: Terms
) -> str | None:
    if emissions is None:
        missing = 100 * (1 - load.coverage(intensity))
        return f"no intensity is known yet for {missing:.0f} % of the energy"
    if not terms.claims_savings:
        return NOTHING_CLAIMED
    return "the intensity that running at once would have met is not known" if run_now is None else None


def _changes(previous: EmissionsStatement, new: EmissionsStatement) -> list[str]:
    figures = {
        "emissions": (previous.emissions, new.emissions),
        "run-now emissions": (previous.run_now_emissions, new.run_now_emissions),
        "emissions at submission": (previous.at_submission_emissions, new.at_submission_emissions),
    }
    return [f"{name} {_grams(old)} -> {_grams(now)}" for name, (old, now) in figures.items() if old != now]


def _grams(emissions: Emissions | None) -> str:
    return "unknown" if emissions is None else f"{emissions.grams:.4g} g"
