"""A plan in words: what a job waits for, what that saves, what would change it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property

from scheduler.domain.durations import format_duration
from scheduler.domain.gpus import Pool
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import HOLDING_GPUS, JobState, StopReason
from scheduler.domain.plans import Placement, Plan, PlannableJob, PlanningProblem
from scheduler.domain.printing import print_comparison, print_emissions, print_money
from scheduler.domain.units import Emissions
from scheduler.planning.feasibility import latest_safe_start
from scheduler.planning.policies import HEED_PRICES
from scheduler.planning.unpriced import without_its_price
from scheduler.presenting.moments import print_moment
from scheduler.presenting.state_words import print_jobs

NOT_WORTH_A_WORD = 0.005
"""Share of the emissions below which a difference is rounding."""
_AND_THEN = {
    "dependency": "",
    "resources": " and for free places",
    "due": " and has no time to wait longer",
    "no-forecast": " and runs in its turn, for no forecast is known",
}
"""What a job that waits for others waits for beside them, by the word of its placement."""


@dataclass(frozen=True)
class _Told:
    """One job of one plan, and to whom it is told: times in `zone`, emissions with `pue`."""

    problem: PlanningProblem
    plan: Plan
    job: Job
    """As it is by now: it may have begun since the plan was made."""
    planned: PlannableJob
    placement: Placement
    zone: tzinfo
    pue: float
    rehearsed: bool

    @property
    def name(self) -> str:
        return _name(self.job, self.rehearsed)

    @property
    def runs(self) -> bool:
        begun = self.job.state in HOLDING_GPUS and self.job.stop_requested != StopReason.SUSPEND
        return self.placement.reason == "running" or (begun and not self.planned.running)

    @property
    def has_run(self) -> bool:
        """Before the plan was made, so that only the rest is planned."""
        return self.planned.running or self.job.work_done > timedelta(0)

    @property
    def stretch(self) -> str:
        told = f"{self.at(self.placement.start)} to {self.at(self.placement.end)}"
        return f"{told} in {len(self.placement.intervals)} stretches" if self.placement.switches else told

    @property
    def patience_g_per_h(self) -> float:
        """Where its policy heeds it."""
        return self.planned.patience_g_per_h if self.plan.policy in HEED_PRICES else 0.0

    @property
    def weight_g_per_unit(self) -> float:
        """What a unit of money weighs, where its policy heeds that."""
        price = self.problem.price
        return price.weight_g_per_unit if price is not None and self.plan.policy in HEED_PRICES else 0.0

    @cached_property
    def unweighed(self) -> tuple[datetime, Emissions] | None:
        """When it would end and what it would emit if only emissions counted; None where nothing better is found."""
        emitted = self.placement.emissions
        if emitted is None or not (self.patience_g_per_h or self.weight_g_per_unit):
            return None
        found = without_its_price(self.problem, self.plan, self.job.id)
        hardly = found is not None and emitted.grams - found[1].grams < NOT_WORTH_A_WORD * emitted.grams
        return None if hardly else found

    @property
    def awaited(self) -> str:
        """The jobs that it waits for; nothing where there are none."""
        return print_jobs(self.planned.after) if self.planned.after and not self.runs else ""

    @property
    def deadline(self) -> str:
        """What it is to end by, in words."""
        kind = "its deadline of" if self.job.spec.deadline is not None else "the longest wait, until"
        return f"{kind} {self.at(self.planned.finish_by)}"

    def at(self, moment: datetime) -> str:
        return print_moment(moment, self.zone, self.problem.now, self.placement.busy)


def plan_words(
    problem: PlanningProblem, plan: Plan, job: Job, zone: tzinfo = UTC, pue: float = 1.0, rehearsed: bool = False
) -> tuple[str, ...]:
    """Two or three sentences. A job that is only rehearsed has no number; one without a placement has a note."""
    placement = plan.placement(job.id)
    if placement is None:
        notes = (note for note in plan.notes if note.startswith(f"job {job.id} "))
        return (next(notes, f"job {job.id} is not planned.").replace(f"job {job.id}", _name(job, rehearsed), 1),)
    told = _Told(problem, plan, job, problem.job(job.id), placement, zone, pue, rehearsed)
    return (_when(told), _worth(told) + _sought(told) + _weighed(told) + _cost(told), _change(told))


def _name(job: Job, rehearsed: bool) -> str:
    return "This job" if rehearsed else f"Job {job.id}"


def _when(told: _Told) -> str:
    name, placement, stretch = told.name, told.placement, told.stretch
    if told.runs:
        doing = "starting" if told.job.state is JobState.STARTING else "running"
        late = f", after {told.deadline}" if placement.late else ""
        return f"{name} is {doing} and is to end at {told.at(placement.end)}{late}."
    if placement.late:
        over = format_duration(placement.end - told.planned.finish_by)
        missed = "meet" if told.job.spec.deadline is not None else "end within"
        which = f", which waits for {told.awaited} to complete," if told.awaited else ""
        return f"{name}{which} cannot {missed} {told.deadline}: it is planned from {stretch} and so ends {over} late."
    limit = "its deadline" if told.job.spec.deadline is not None else "the longest wait is over"
    if told.awaited:
        then = _AND_THEN.get(placement.reason, f" and for {_power(told)}")
        return f"{name} waits for {told.awaited} to complete{then}: {stretch}."
    return {
        "run-now": f"{name} starts at once: {stretch}.",
        "resources": f"{name} waits for free places: {stretch}.",
        "due": f"{name} has no time to wait before {limit}: {stretch}.",
        "no-forecast": f"{name} runs in its turn, for no forecast is known: {stretch}.",
    }.get(placement.reason, f"{name} waits for {_power(told)}: {stretch}.")


def _power(told: _Told) -> str:
    """Which power a job waits for that could begin sooner."""
    placement = told.placement
    if not told.weight_g_per_unit or placement.emissions is None or placement.run_now_emissions is None:
        return "low-carbon power"
    expected_g, usual_g = placement.emissions.grams, placement.run_now_emissions.grams
    if placement.run_now_start < placement.start and expected_g - usual_g >= NOT_WORTH_A_WORD * usual_g:
        return "cheaper power"
    return "low-carbon power" if told.unweighed is None else "cheaper and low-carbon power"


def _worth(told: _Told) -> str:
    placement = told.placement
    if placement.emissions is None or placement.run_now_emissions is None:
        return "Without a forecast its emissions are unknown and no saving is claimed."
    expected_g, usual_g = placement.emissions.grams * told.pue, placement.run_now_emissions.grams * told.pue
    rest = " for the rest" if told.has_run else ""
    if told.planned.fixed:
        return f"It is expected to emit {print_emissions(expected_g)}{rest}."
    saved_g = usual_g - expected_g
    if abs(saved_g) < NOT_WORTH_A_WORD * usual_g or not usual_g:
        expected, usual = print_emissions(expected_g), print_emissions(usual_g)
        about = "as much as" if expected_g == usual_g else "about as much as"
        return f"It is expected to emit {expected}{rest}, {about} {usual} {_first_come(told)}."
    expected, usual, less = print_comparison(expected_g, usual_g)
    word = "less" if saved_g > 0 else "more"
    much = f"{less.removeprefix('-')} ({abs(saved_g) / usual_g:.0%}) {word}"
    return f"It is expected to emit {expected}{rest}, {much} than {usual} {_first_come(told)}."


def _first_come(told: _Told) -> str:
    """What a plan is compared with, and that it would be too late where the plan is not."""
    placement, planned = told.placement, told.planned
    if placement.late or placement.run_now_start + planned.remaining <= planned.finish_by:
        return "first come, first served"
    limit = "its deadline" if told.job.spec.deadline is not None else "the longest wait"
    return f"first come, first served, which would end it after {limit}"


def _sought(told: _Told) -> str:
    """How contended its hours are, as far as the plan has a price for them."""
    placement, planned = told.placement, told.planned
    if placement.place_price_g_per_h is None or placement.emissions is None or told.runs:
        return ""
    place = "GPU" if planned.pool is Pool.GPU else "CPU slot"
    price_g, own_g = placement.place_price_g_per_h * told.pue, placement.emissions.grams * told.pue
    worth_g = price_g * planned.width * (placement.busy / timedelta(hours=1))
    if worth_g < NOT_WORTH_A_WORD * own_g or not own_g:
        return " No other job would gain by having its places."
    gain = print_emissions(price_g)
    return f" Its hours are sought after: other jobs would save {gain} with one more {place} for an hour."


def _weighed(told: _Told) -> str:
    """What is weighed beside its emissions, and what that changed where it is known."""
    weighed = []
    if told.patience_g_per_h:
        weighed.append(f"an hour of waiting is priced at {print_emissions(told.patience_g_per_h * told.pue)}")
    if told.weight_g_per_unit and told.problem.price is not None:
        unit = told.problem.price.currency or "unit of money"
        weighed.append(f"1 {unit} is weighed as {print_emissions(told.weight_g_per_unit)}")
    if not weighed or told.placement.emissions is None:
        return ""
    said = " and ".join(weighed)
    said = f" {said[0].upper()}{said[1:]}"
    if told.unweighed is None:
        return f"{said}."
    end, emissions = told.unweighed
    less = print_emissions((told.placement.emissions.grams - emissions.grams) * told.pue)
    them = "that" if len(weighed) == 1 else "both"
    return f"{said}; without {them} it would end at {told.at(end)} and emit {less} less."


def _cost(told: _Told) -> str:
    placement, price = told.placement, told.problem.price
    if placement.energy_cost is None or placement.run_now_energy_cost is None or price is None:
        return ""
    cost, usual = placement.energy_cost * told.pue, placement.run_now_energy_cost * told.pue
    said = f" Its power is expected to cost {print_money(cost, price.currency)}"
    if abs(usual - cost) < NOT_WORTH_A_WORD * abs(usual):
        return f"{said}, as much as first come, first served."
    word = "less" if usual > cost else "more"
    return f"{said}, {print_money(abs(usual - cost), price.currency)} {word} than first come, first served."


def _change(told: _Told) -> str:
    planned, placement, number = told.planned, told.placement, told.job.id
    if placement.late and told.job.spec.deadline is not None:
        later = "Give a later one with --by or --within."
        return later if told.rehearsed else f"`carbonq update {number} --by TIME` gives it a later one."
    if told.runs and not planned.may_pause:
        return "It keeps its places until it ends."
    if told.runs:
        return "A new forecast or another job can change when it pauses."
    if placement.late:
        return "It runs as early as the jobs before it let it."
    if planned.run_now or placement.reason == "run-now":
        if planned.may_pause:
            return "A new forecast or another job can change when it pauses."
        return "Nothing holds it back."
    if placement.reason == "due" and planned.margin and latest_safe_start(planned) > placement.start:
        return "Begun later, it would meet its deadline with less confidence."
    safe = f"It can start as late as {told.at(latest_safe_start(planned))}"
    start = "--now" if told.rehearsed else f"carbonq run-now {number}"
    once = f" once {told.awaited} {'has' if len(planned.after) == 1 else 'have'} completed" if told.awaited else ""
    return f"{safe}; a new forecast or another job can move it, and `{start}` starts it{once}."
