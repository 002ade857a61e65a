"""What the daemon answers to why a job is where it is, from its store, its plan and the clock."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from fakes.carbon_source import hourly
from fakes.clock import NOON, FakeClock
from fakes.whole_daemon import ANNA, WholeDaemon

from scheduler import service
from scheduler.config import PlanningSettings, Settings
from scheduler.ports import JobQuery
from scheduler.service_views.requests import JobRequest
from scheduler.service_views.submission import Explanation, Submission

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


def a_daemon(settings: Settings | None = None) -> WholeDaemon:
    """A dirty hour, then a day that is cleaner bit by bit."""
    daemon = WholeDaemon(FakeClock(), hourly(NOON, [400.0 - 5 * n for n in range(48)]), settings=settings)
    daemon.pass_time(timedelta(0))
    return daemon


def explained(daemon: WholeDaemon, job_id: int) -> Explanation:
    return asyncio.run(daemon.service.explain(ANNA, job_id))


def submitted(daemon: WholeDaemon, dry_run: bool = False, **fields: object) -> Submission:
    asked = {"argv": ("python", "train.py"), "workdir": "/home/anna", "env": {}, "gpus": 1, **fields}
    return asyncio.run(daemon.service.submit(ANNA, JobRequest(**asked), dry_run))  # type: ignore[arg-type]


def test_what_is_left_of_a_running_job_shrinks_as_it_runs_and_its_slack_does_not() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, run_now=True, within=5 * HOUR)
    daemon.pass_time(20 * MINUTE)
    figures = {figure.name: figure.value for figure in explained(daemon, job.id).figures}
    assert figures["expected running time left"] == (40 * MINUTE).total_seconds()
    assert figures["slack"] == (4 * HOUR).total_seconds()


def test_a_job_is_said_to_run_from_its_start_on() -> None:
    """The plan that began it speaks of its start; the next one may be an hour away."""
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, run_now=True)
    assert explained(daemon, job.id).sentences[0].startswith(f"Job {job.id} is ")
    assert "starts at once" not in " ".join(explained(daemon, job.id).sentences)


def test_of_a_list_only_the_newest_so_many_are_shown_whether_they_have_ended_or_not() -> None:
    daemon = a_daemon()
    for _ in range(4):
        daemon.submit(duration=HOUR)
    for ended in (2, 4):
        service.cancel(daemon.store, ended, NOON)
    assert newest(daemon, 2) == [3, 4]
    assert newest(daemon, 3) == [2, 3, 4]
    assert newest(daemon, 9) == [1, 2, 3, 4]


def test_a_job_that_ended_today_is_among_the_newest_before_later_ones_that_ended_long_ago() -> None:
    daemon = a_daemon()
    for _ in range(3):
        daemon.submit(duration=HOUR)
    daemon.clock.advance(30 * HOUR)
    for ended, at in ((1, NOON + 29 * HOUR), (2, NOON), (3, NOON)):
        service.cancel(daemon.store, ended, at)
    assert newest(daemon, 1) == [1]


def newest(daemon: WholeDaemon, limit: int) -> list[int | None]:
    return [row.id for row in asyncio.run(daemon.service.jobs(ANNA, JobQuery(limit=limit), everything=False))]


def test_a_job_submitted_again_under_its_key_is_told_as_it_is_by_now() -> None:
    """Also where it could no longer be granted anew: its deadline is near, or it has ended."""
    daemon = a_daemon()
    asked = {"idempotency_key": "night-1", "duration": HOUR, "run_now": True, "deadline": NOON + 2 * HOUR}
    first = submitted(daemon, **asked)
    again = submitted(daemon, **asked)
    assert (first.repeated, again.repeated, again.id) == (False, True, first.id)
    daemon.pass_time(90 * MINUTE)
    ended = submitted(daemon, **asked)
    assert (ended.id, ended.state, ended.repeated) == (first.id, "completed", True)
    assert ended.words == (
        f"Job {first.id} is completed (exited-zero); `carbonq show {first.id}` shows what it used and emitted.",
    )
    assert len(daemon.store.jobs(JobQuery())) == 1


def test_behind_a_held_job_it_is_told_which_one_is_held() -> None:
    daemon = a_daemon()
    held = submitted(daemon, hold=True, duration=HOUR)
    assert held.words[0] == f"Job {held.id} is held; `carbonq release {held.id}` lets it be planned."
    behind = submitted(daemon, after=(held.id,), duration=HOUR)
    how = f"job {held.id} is held, and `carbonq release {held.id}` lets it be planned."
    said = f"waits for job {held.id} to complete; {how}"
    assert behind.words[0] == f"Job {behind.id} {said}"
    assert explained(daemon, behind.id or 0).sentences == (f"Job {behind.id} {said}",)
    assert submitted(daemon, dry_run=True, after=(held.id,), duration=HOUR).words[0] == f"This job {said}"


def test_an_ended_job_is_told_where_its_figures_are_and_nothing_is_expected_of_it() -> None:
    daemon = a_daemon()
    job = daemon.submit(duration=HOUR, run_now=True)
    daemon.until_all_ended()
    told = explained(daemon, job.id)
    assert told.sentences == (
        f"Job {job.id} is completed (exited-zero); `carbonq show {job.id}` shows what it used and emitted.",
    )
    assert (told.figures, told.kind, told.forecast_by) == ((), None, None)


def test_a_price_file_that_cannot_be_read_is_a_note_of_the_plan(tmp_path: Path) -> None:
    """Costs are missing there, and whoever looks wonders why."""
    daemon = a_daemon(Settings(planning=PlanningSettings(price_file=tmp_path / "price.csv")))
    notes = asyncio.run(daemon.service.plan(ANNA)).notes
    assert any(note.startswith("planning without the price of power: ") for note in notes)
