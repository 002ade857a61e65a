"""Orders through the real agent: a segment starts once and its truth is on disk, whoever is killed when."""

from __future__ import annotations

import asyncio
import base64
import os
import resource
import signal
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.queue import a_segment
from fakes.worker_processes import Agent, agent_at, is_alive, run_spec, wait_until

from scheduler.daemon.log_reading import read_log
from scheduler.domain.errors import ExecutorError
from scheduler.domain.lifecycle import SegmentState, StopReason
from scheduler.domain.runs import Segment, SegmentId
from scheduler.executors.agent_socket import AgentExecutor
from scheduler.protocol import RunSpec, SegmentReport, StartOrder
from scheduler.service_views.jobs import LogPart
from scheduler.service_views.requests import LogStream
from scheduler.steps import AGENT_STEPS, ENV_KILL_AT, ENV_KILL_MARKER, Step

SEGMENT = SegmentId(1, 1, 1)


class Scheduler:
    """The daemon's side of one agent, one question at a time."""

    def __init__(self, agent: Agent, root: Path) -> None:
        self.executor = AgentExecutor(agent.socket, root / "locks")

    def start(self, spec: RunSpec, uid: int | None = None) -> None:
        lock = self.executor.lock(SegmentId.parse(spec.segment))
        try:
            asyncio.run(self.executor.start(StartOrder(spec, os.geteuid() if uid is None else uid), lock))
        finally:
            os.close(lock)

    def stop(self, reason: StopReason, segment: SegmentId = SEGMENT) -> None:
        asyncio.run(self.executor.stop(segment, reason))

    def report(self, segment: SegmentId = SEGMENT) -> SegmentReport:
        return asyncio.run(self.executor.reports({segment: 0}))[segment]

    def log(self, segments: list[Segment], cursor: str = "") -> LogPart:
        """What the daemon reads of a job that has ended."""
        return asyncio.run(read_log(self.executor, segments, True, LogStream.STDOUT, cursor))

    def is_over(self, segment: SegmentId = SEGMENT) -> bool:
        return self.executor.lock_is_free(segment)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    with agent_at(tmp_path) as running:
        yield running


@pytest.fixture
def scheduler(agent: Agent, tmp_path: Path) -> Scheduler:
    return Scheduler(agent, tmp_path)


def test_a_run_outlives_its_agent_and_the_next_agent_reports_it(
    agent: Agent, scheduler: Scheduler, tmp_path: Path
) -> None:
    scheduler.start(run_spec(tmp_path, "sh", "-c", "echo begun; read x < go; exit 9"))
    os.mkfifo(tmp_path / "go")
    wait_until(lambda: scheduler.report().run)
    agent.kill()
    (tmp_path / "go").write_text("x\n")
    wait_until(scheduler.is_over)
    agent.start()
    ended = scheduler.report().exit
    assert ended is not None and ended.code == 9


def test_a_restarted_agent_stops_what_another_agent_started(agent: Agent, scheduler: Scheduler, tmp_path: Path) -> None:
    scheduler.start(run_spec(tmp_path, "sleep", "600"))
    wait_until(lambda: scheduler.report().run)
    agent.kill()
    agent.start()
    scheduler.stop(StopReason.CANCEL)
    wait_until(scheduler.is_over)
    assert scheduler.report().stop_reason == "cancel"


def test_a_supervisor_that_was_killed_leaves_a_run_without_an_end_and_nothing_running(
    scheduler: Scheduler, tmp_path: Path
) -> None:
    """Its job dies with it, and what the job had started dies before the report that says so."""
    scheduler.start(run_spec(tmp_path, "sh", "-c", "setsid sleep 600 & echo $! > child; exec sleep 600"))
    run = wait_until(lambda: scheduler.report().run)
    wait_until(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text().strip())
    child = int((tmp_path / "child").read_text())
    os.kill(run.supervisor_pid, signal.SIGKILL)
    wait_until(scheduler.is_over)
    report = scheduler.report()
    assert report.run is not None and report.exit is None
    wait_until(lambda: not is_alive(child))


def test_logs_go_on_behind_a_start_whose_supervisor_was_killed_and_come_to_an_end(
    scheduler: Scheduler, tmp_path: Path
) -> None:
    """As `carbonq logs --follow` reads a job that was lost, run again, and lost again."""
    segments = [a_segment(1, attempt, 1, SegmentState.LOST) for attempt in (1, 2)]
    for segment in segments:
        spec = run_spec(tmp_path, "sh", "-c", f"echo {segment.id}; exec sleep 600", segment=str(segment.id))
        scheduler.start(spec)
        run = wait_until(lambda segment=segment: scheduler.report(segment.id).run)
        wait_until(lambda segment=segment: scheduler.log([segment]).data_base64)
        os.kill(run.supervisor_pid, signal.SIGKILL)
        wait_until(lambda segment=segment: scheduler.is_over(segment.id))
    parts = [scheduler.log(segments)]
    while not parts[-1].ended:
        parts.append(scheduler.log(segments, parts[-1].cursor))
        assert len(parts) < 10
    assert b"".join(base64.b64decode(part.data_base64) for part in parts) == b"1-1-1\n1-2-1\n"


def test_the_spec_is_0600_before_the_supervisor_reads_it(tmp_path: Path) -> None:
    """Killed right after it was written, the agent leaves it behind for inspection."""
    with agent_at(tmp_path, {ENV_KILL_AT: Step.SPEC_WRITTEN}) as agent:
        with pytest.raises(ExecutorError):
            Scheduler(agent, tmp_path).start(run_spec(tmp_path, "true"))
        directory = agent.runs / "1-1-1"
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700
        assert stat.S_IMODE((directory / "spec.json").stat().st_mode) == 0o600


@pytest.mark.parametrize("step", AGENT_STEPS[:3])
def test_an_agent_killed_in_the_middle_of_an_order_starts_it_once_or_never(tmp_path: Path, step: Step) -> None:
    """The lock tells which: still held, or ended with a run.json, it started; free without one, it never will."""
    env = {ENV_KILL_AT: step, ENV_KILL_MARKER: str(tmp_path / "killed")}
    spec = run_spec(tmp_path, "sh", "-c", "echo x >> marks; sleep 0.2")
    with agent_at(tmp_path, env) as agent:
        scheduler = Scheduler(agent, tmp_path)
        with pytest.raises(ExecutorError, match="cannot be reached"):
            scheduler.start(spec)
        wait_until(agent.has_died)
        agent.start()
        wait_until(scheduler.is_over)
        started = scheduler.report().run is not None
        assert started == (step is Step.SUPERVISOR_FORKED)
        assert (tmp_path / "marks").exists() == started


def test_an_agent_killed_with_a_stop_in_hand_is_asked_again(tmp_path: Path) -> None:
    env = {ENV_KILL_AT: Step.STOP_RECEIVED, ENV_KILL_MARKER: str(tmp_path / "killed")}
    with agent_at(tmp_path, env) as agent:
        scheduler = Scheduler(agent, tmp_path)
        scheduler.start(run_spec(tmp_path, "sleep", "600"))
        wait_until(lambda: scheduler.report().run)
        with pytest.raises(ExecutorError):
            scheduler.stop(StopReason.CANCEL)
        agent.start()
        scheduler.stop(StopReason.CANCEL)
        wait_until(scheduler.is_over)


def test_a_stop_before_the_supervisor_listens_is_refused_rather_than_lost(agent: Agent, scheduler: Scheduler) -> None:
    (agent.runs / "1-1-1").mkdir()
    with pytest.raises(ExecutorError, match="only just being started; ask again"):
        scheduler.stop(StopReason.CANCEL)


@pytest.mark.parametrize("name", ["../escape", "1-1-1/../../escape", "/tmp/x", ""])
def test_no_name_leads_out_of_the_runs(agent: Agent, scheduler: Scheduler, tmp_path: Path, name: str) -> None:
    lock = scheduler.executor.lock(SEGMENT)
    with pytest.raises(ExecutorError, match="is not a segment"):
        order = StartOrder(run_spec(tmp_path, "true", segment=name), os.geteuid())
        asyncio.run(scheduler.executor.start(order, lock))
    os.close(lock)
    assert list(agent.runs.iterdir()) == []


def test_jobs_of_another_user_are_refused_before_anything_is_written(
    agent: Agent, scheduler: Scheduler, tmp_path: Path
) -> None:
    with pytest.raises(ExecutorError, match="submit as that user"):
        scheduler.start(run_spec(tmp_path, "true"), uid=os.geteuid() + 1)
    assert list(agent.runs.iterdir()) == []


def test_a_disk_that_does_not_take_the_spec_refuses_the_start_and_leaves_no_trace(
    agent: Agent, scheduler: Scheduler, tmp_path: Path
) -> None:
    """The kernel refuses the agent any file beyond 10 bytes; later there is room and the segment starts."""
    before = resource.prlimit(agent.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (10, before[1]))
    with pytest.raises(ExecutorError, match="the worker's system refused"):
        scheduler.start(run_spec(tmp_path, "true"))
    assert list(agent.runs.iterdir()) == []
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, before)
    scheduler.start(run_spec(tmp_path, "true"))
    wait_until(scheduler.is_over)
    assert scheduler.report().exit is not None


def test_one_damaged_segment_does_not_hide_the_others(agent: Agent, scheduler: Scheduler, tmp_path: Path) -> None:
    scheduler.start(run_spec(tmp_path, "true"))
    wait_until(scheduler.is_over)
    other = SegmentId(2, 1, 1)
    (agent.runs / str(other)).mkdir()
    (agent.runs / str(other) / "exit.json").write_text("garbage")
    (agent.runs / str(other) / "readings.jsonl").write_text("garbage\n")
    reports = asyncio.run(scheduler.executor.reports({SEGMENT: 0, other: 0}))
    assert reports[SEGMENT].exit is not None
    assert reports[other] == SegmentReport(str(other))


def test_a_segment_that_cannot_be_looked_at_is_left_out_and_hides_no_other(
    agent: Agent, scheduler: Scheduler, tmp_path: Path
) -> None:
    """Left out, not empty: beside a free lock an empty report says that it never started. The log says so once."""
    scheduler.start(run_spec(tmp_path, "true"))
    wait_until(scheduler.is_over)
    other = SegmentId(2, 1, 1)
    (agent.runs / str(other) / "readings.jsonl").mkdir(parents=True)
    for _ in range(2):
        reports = asyncio.run(scheduler.executor.reports({other: 0, SEGMENT: 0}))
        assert reports.keys() == {SEGMENT}
        assert reports[SEGMENT].exit is not None
    assert agent.log().count("segment 2-1-1 is not reported") == 1


def test_nonsense_in_one_jobs_channel_hides_neither_its_run_nor_the_others(
    agent: Agent, scheduler: Scheduler, tmp_path: Path
) -> None:
    """It would stall every job of the machine, and go on to do so after a restart."""
    other = SegmentId(2, 1, 1)
    scheduler.start(run_spec(tmp_path, "sleep", "600"))
    scheduler.start(run_spec(tmp_path, "sleep", "600", segment=str(other)))
    wait_until(lambda: scheduler.report().run and scheduler.report(other).run)
    wait_until((agent.runs / "1-1-1" / "channel").exists)
    for nonsense in (b'{"step":1,"x":' + b"[" * 3000 + b"]" * 3000 + b"}", b'{"step":1,"t":1e300}'):
        (agent.runs / "1-1-1" / "channel" / "progress.json").write_bytes(nonsense)
        reports = asyncio.run(scheduler.executor.reports({SEGMENT: 0, other: 0}))
        assert all(reports[segment].run and reports[segment].progress is None for segment in (SEGMENT, other))


def test_progress_is_passed_on_while_the_job_runs(scheduler: Scheduler, tmp_path: Path) -> None:
    script = 'echo \'{"step": 4, "total": 9, "loss": 0.5}\' > $CARBONQ_CHANNEL_DIR/progress.json; exec sleep 600'
    scheduler.start(run_spec(tmp_path, "sh", "-c", script))
    progress = wait_until(lambda: scheduler.report().progress)
    assert (progress.step, progress.total, progress.loss) == (4, 9, 0.5)


def test_what_is_forgotten_goes_with_its_environment_and_its_lock(
    agent: Agent, scheduler: Scheduler, tmp_path: Path
) -> None:
    scheduler.start(run_spec(tmp_path, "true"))
    wait_until(scheduler.is_over)
    (agent.runs / "1-1-1" / "spec.json").write_text("left by a crash")
    asyncio.run(scheduler.executor.forget(SEGMENT))
    assert not (agent.runs / "1-1-1" / "spec.json").exists()
    assert (agent.runs / "1-1-1" / "stdout.log").exists()
    assert not (tmp_path / "locks" / "1-1-1.lock").exists()


def test_what_is_cleaned_is_gone_from_the_disk_and_no_other_job_is_touched(
    agent: Agent, scheduler: Scheduler, tmp_path: Path
) -> None:
    """Logs, records and the checkpoints that the job's segments shared; a link is removed, not what it leads to."""
    scheduler.start(run_spec(tmp_path, "true"))
    wait_until(scheduler.is_over)
    theirs = agent.runs / "checkpoints" / "11" / "model.pt"
    own = agent.runs / "checkpoints" / "1"
    elsewhere = tmp_path / "elsewhere"
    for place in (theirs.parent, own / "step-4", elsewhere):
        place.mkdir(parents=True, exist_ok=True)
        (place / "model.pt").write_bytes(b"w" * 5000)
    (own / "link").symlink_to(elsewhere)
    cleaned = asyncio.run(scheduler.executor.clean([SEGMENT], dry_run=False))
    assert cleaned.bytes >= 5000 and cleaned.left == []
    assert not own.exists() and not (agent.runs / "1-1-1").exists()
    assert theirs.exists() and (elsewhere / "model.pt").exists()


@pytest.mark.parametrize("segments", [[], ["1-1-1", "2-1-1"]])
def test_a_clean_order_is_for_one_job(scheduler: Scheduler, segments: list[str]) -> None:
    with pytest.raises(ExecutorError, match="the segments of one job"):
        asyncio.run(scheduler.executor.clean([SegmentId.parse(name) for name in segments], dry_run=False))
