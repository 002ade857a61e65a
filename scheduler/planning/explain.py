"""A plan in words: what a job waits for, what that saves, what would change it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from scheduler.domain.gpus import Pool
from scheduler.domain.plans import Placement, Plan, PlannableJob, PlanningProblem
from scheduler.domain.printing import print_emissions, print_money
from scheduler.planning.feasibility import latest_safe_start
from scheduler.planning.unpriced import without_its_price

NOT_WORTH_A_WORD = 0.005
"""Share of the emissions below which a difference is rounding."""


def explain(
    problem: PlanningProblem, plan: Plan, job_id: int, zone: tzinfo = UTC, pue: float = 1.0, rehearsed: bool = False
) -> tuple[str, ...]:
    """Two or three sentences; times in `zone`, emissions with `pue`. A job that is only rehearsed has no number."""
    job, placement = problem.job(job_id), plan.placement(job_id)
    name = "This job" if rehearsed else f"Job {job_id}"
    if placement is None:
        notes = (note for note in plan.notes if note.startswith(f"job {job_id} "))
        return (next(notes, f"job {job_id} is not planned.").replace(f"job {job_id}", name, 1),)
    worth = _worth(placement, pue) + _sought(job, placement, pue)
    worth += _waiting(problem, plan, job, placement, zone, pue) + _cost(problem, placement, pue)
    return (_when(name, job, placement, zone), worth, _change(job, placement, zone, rehearsed))


def _when(name: str, job: PlannableJob, placement: Placement, zone: tzinfo) -> str:
    stretch = f"{_time(placement.start, zone, placement.busy)} to {_time(placement.end, zone, placement.busy)}"
    if placement.switches:
        stretch += f" in {len(placement.intervals)} stretches"
    return {
        "running": f"{name} is running and is to end at {_time(placement.end, zone, placement.busy)}.",
        "run-now": f"{name} starts at once: {stretch}.",
        "resources": f"{name} waits for free places: {stretch}.",
        "dependency": f"{name} waits for {_jobs(job.after)} to complete: {stretch}.",
        "due": f"{name} has no time to wait before its deadline: {stretch}.",
        "no-forecast": f"{name} runs in its turn, for no forecast is known: {stretch}.",
    }.get(placement.reason, f"{name} waits for low-carbon power: {stretch}.")


def _worth(placement: Placement, pue: float) -> str:
    if placement.emissions is None or placement.run_now_emissions is None:
        return "Without a forecast its emissions are unknown and no saving is claimed."
    expected, usual = placement.emissions * pue, placement.run_now_emissions * pue
    against = f"{print_emissions(usual.grams)} first come, first served"
    saved = usual.grams - expected.grams
    if abs(saved) < NOT_WORTH_A_WORD * usual.grams or not usual.grams:
        return f"It is expected to emit {print_emissions(expected.grams)}, as much as {against}."
    word = "less" if saved > 0 else "more"
    much = f"{print_emissions(abs(saved))} ({abs(saved) / usual.grams:.0%}) {word}"
    return f"It is expected to emit {print_emissions(expected.grams)}, {much} than {against}."


def _sought(job: PlannableJob, placement: Placement, pue: float) -> str:
    """How contended its hours are, as far as the plan has a price for them."""
    if placement.place_price_g_per_h is None or placement.emissions is None or placement.reason == "running":
        return ""
    place = "GPU" if job.pool is Pool.GPU else "CPU slot"
    price, own = placement.place_price_g_per_h * pue, placement.emissions.grams * pue
    worth = price * job.width * (placement.busy / timedelta(hours=1))
    if worth < NOT_WORTH_A_WORD * own or not own:
        return " Nobody else is after its hours."
    return f" Its hours are sought after: other jobs would save {print_emissions(price)} with each {place} for an hour."


def _waiting(
    problem: PlanningProblem, plan: Plan, job: PlannableJob, placement: Placement, zone: tzinfo, pue: float
) -> str:  # fmt: skip
    """What its waiting is priced at, and what that changed where it is known."""
    if not job.patience_g_per_h or placement.emissions is None:
        return ""
    priced = f" An hour of waiting is priced at {print_emissions(job.patience_g_per_h * pue)}"
    free = without_its_price(problem, plan, job.id)
    if free is None:
        return f"{priced}."
    end, emissions = free
    less = print_emissions((placement.emissions.grams - emissions.grams) * pue)
    return f"{priced}; without that it would end at {_time(end, zone, placement.busy)} and emit {less} less."


def _cost(problem: PlanningProblem, placement: Placement, pue: float) -> str:
    if placement.energy_cost is None or placement.run_now_energy_cost is None or problem.price is None:
        return ""
    cost, usual = placement.energy_cost * pue, placement.run_now_energy_cost * pue
    told = f" Its power is expected to cost {print_money(cost, problem.price.currency)}"
    if abs(usual - cost) < NOT_WORTH_A_WORD * abs(usual):
        return f"{told}, as much as first come, first served."
    word = "less" if usual > cost else "more"
    return f"{told}, {print_money(abs(usual - cost), problem.price.currency)} {word} than first come, first served."


def _change(job: PlannableJob, placement: Placement, zone: tzinfo, rehearsed: bool) -> str:
    if placement.late:
        missed = f"It is expected to miss its deadline of {_time(job.finish_by, zone, placement.busy)}"
        return f"{missed}; " + (
            "give a later one." if rehearsed else f"`carbonq update {job.id} --by TIME` gives it a later one."
        )
    if placement.reason == "running" and not job.interruptible:
        return "It keeps its places until it ends."
    if job.run_now or placement.reason in ("run-now", "running"):
        return (
            "A new forecast or another job can change when it pauses."
            if job.interruptible
            else "Nothing holds it back."
        )
    if placement.reason == "due" and job.margin and latest_safe_start(job) > placement.start:
        return "Begun later, it would meet its deadline with less confidence."
    safe = f"It can start as late as {_time(latest_safe_start(job), zone, placement.busy)}"
    start = "--now" if rehearsed else f"carbonq run-now {job.id}"
    return f"{safe}; a new forecast or another job can move it, and `{start}` starts it."


def _jobs(ids: tuple[int, ...]) -> str:
    return ("job " if len(ids) == 1 else "jobs ") + ", ".join(str(i) for i in ids)


def _time(moment: datetime, zone: tzinfo, near: timedelta) -> str:
    """With seconds where what is told of takes only minutes."""
    clock = "%H:%M:%S" if near < timedelta(minutes=10) else "%H:%M"
    return f"{moment.astimezone(zone):%a %d %b {clock} %Z}"
