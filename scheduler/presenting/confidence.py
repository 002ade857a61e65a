"""How sure a job's running time is, and its deadline with it: in figures and in sentences."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from fractions import Fraction

from scheduler.domain.durations import format_duration
from scheduler.domain.jobs import Basis, Job
from scheduler.domain.plans import Placement
from scheduler.domain.printing import print_percent
from scheduler.domain.running_time import Learnt, RunningTime
from scheduler.presenting.moments import print_moment
from scheduler.service_views.jobs import ConfidenceView


def confidence_view(
    job: Job, likely: RunningTime, left: timedelta, placement: Placement | None, confidence: float
) -> ConfidenceView:
    """`likely` is given what the job has run, `left` the running time that is expected yet."""
    planned = placement.end if placement else None
    deadline, in_time = job.spec.deadline, None
    if planned is not None and deadline is not None:
        in_time = likely.chance(likely.ran + left + (deadline - planned))
    return ConfidenceView(
        confidence=confidence,
        running_time_s=likely.quantile(confidence).total_seconds(),
        learnt_from=likely.spread.learnt,
        learnt_jobs=likely.spread.jobs,
        ends_by=None if planned is None else planned + likely.margin(confidence, left),
        in_time=in_time,
    )


def running_time_words(job: Job, view: ConfidenceView | None) -> tuple[str, ...]:
    """What the expected running time rests on, and how far it may be off; of an estimate only where that matters."""
    expected = f"Running time {format_duration(job.expected_duration)}"
    if view is None or (job.duration_basis is Basis.USER and job.spec.deadline is None):
        return () if job.duration_basis is Basis.USER else (f"{expected}: {_source(job.duration_basis, None)}.",)
    odds = f"{print_odds(view.confidence)} end within {format_duration(timedelta(seconds=view.running_time_s))}"
    if job.duration_basis is Basis.HISTORY:
        return (f"{expected}: {_source(job.duration_basis, view.learnt_jobs)}; {odds}.",)
    if job.duration_basis is Basis.ASSUMED:
        return (f"{expected}: {_source(job.duration_basis, None)}. {odds}, for all that is known of such jobs.",)
    better = "; a shorter --duration plans it better" if seldom_so_long(job, view) else ""
    return (f"{expected}, as you say; {_record(view)} {odds}{better}.",)


def deadline_words(job: Job, view: ConfidenceView | None, zone: tzinfo, now: datetime) -> tuple[str, ...]:
    """With which confidence the deadline is met, times in `zone`; none for a job without one, or in no plan."""
    deadline = job.spec.deadline
    if view is None or deadline is None or view.ends_by is None or view.in_time is None:
        return ()
    asked, ends_by = print_share(view.confidence), print_moment(view.ends_by, zone, now, job.expected_duration)
    if seldom_so_long(job, view):
        return (_whole_length(job, view, view.in_time, ends_by, view.ends_by <= deadline),)
    if view.ends_by <= deadline:
        return (f"It ends by {ends_by} with {asked} confidence.",)
    return (f"Its deadline is met with {print_share(view.in_time)} confidence; with {asked} it ends by {ends_by}.",)


def seldom_so_long(job: Job, view: ConfidenceView) -> bool:
    """Whether the length that is planned with is longer than what is sure by the record of such jobs."""
    return timedelta(seconds=view.running_time_s) < job.expected_duration


def _whole_length(job: Job, view: ConfidenceView, in_time: float, ends_by: str, met: bool) -> str:
    """Of a job that is planned for longer than such jobs run: its end is that of all that is planned."""
    length, longest = format_duration(job.expected_duration), format_duration(timedelta(seconds=view.running_time_s))
    odds = print_odds(view.confidence)
    if met:
        return f"Even if it runs for the whole {length} it ends by {ends_by}; {odds} such jobs end within {longest}."
    sure = f"but {odds} such jobs end within {longest}, and by them it is met with {print_share(in_time)} confidence"
    return f"If it runs for the whole {length} it misses its deadline, and ends by {ends_by}; {sure}."


def print_share(share: float) -> str:
    return f"{print_percent(share)}%"


def print_odds(share: float) -> str:
    """As people say it: `9 of 10`."""
    odds = Fraction(share).limit_denominator(1000)
    return f"{odds.numerator} of {odds.denominator}"


def _source(basis: Basis, jobs: int | None) -> str:
    if basis is Basis.ASSUMED:
        return "assumed; --duration says it better"
    if not jobs:
        return "the median of like jobs before it"
    return f"the median of {jobs} like jobs before it" if jobs > 1 else "that of the like job before it"


def _record(view: ConfidenceView) -> str:
    """Whose estimates it was learnt from how such an estimate holds."""
    if view.learnt_from is Learnt.NOTHING:
        return "with no job of yours to learn from it is taken that"
    several = view.learnt_jobs > 1
    if view.learnt_from is Learnt.OWN_JOBS:
        return f"by your last {f'{view.learnt_jobs} jobs' if several else 'job'} with an estimate"
    return f"by {view.learnt_jobs} job{'s' if several else ''} like it"
