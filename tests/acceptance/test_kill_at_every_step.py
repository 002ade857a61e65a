"""`kill -9` of the daemon, the agent or a supervisor at each named step of a start: one start, one end, all energy."""

from __future__ import annotations

import contextlib
import itertools
import random
import time
from pathlib import Path
from typing import Any

import pytest
from fakes.real_daemon import RealDaemon, real_daemon

from scheduler.cli.failures import Failure
from scheduler.cli.waiting import ENDED
from scheduler.steps import AGENT_STEPS, DAEMON_STEPS, ENV_KILL_AT, ENV_KILL_MARKER, SUPERVISOR_STEPS, Step
from scheduler.storage import open_store

SEEDS = (1, 2, 3)
SCRIPT = "printf x >> {mark}; sleep {seconds}; exit {code}"
MAY_BE_LOST = frozenset(SUPERVISOR_STEPS) - {Step.LOCK_INHERITED, Step.EXIT_RECORDED}
"""Where a supervisor that dies leaves a process of which nobody knows the end: said to be lost, never run again."""


class Fleet:
    """A few jobs that leave a mark at each start, and one that is cancelled while it runs."""

    def __init__(self, daemon: RealDaemon, seed: int) -> None:
        self._random = random.Random(seed)
        self._daemon = daemon
        self.codes: dict[int, int] = {}
        self.marks: dict[int, Path] = {}
        self.cancelled: int | None = None

    def submit_all(self) -> None:
        """Each is submitted once the daemon answers, so that a daemon killed meanwhile loses no request."""
        for number in range(3):
            code = self._random.randrange(7)
            self._submit(number, seconds=self._random.uniform(0.2, 0.9), code=code)
        self.cancelled = self._submit(3, seconds=60, code=0)

    def _submit(self, number: int, seconds: float, code: int) -> int:
        mark = self._daemon.home / f"mark-{number}"
        script = SCRIPT.format(mark=mark, seconds=f"{seconds:.2f}", code=code)
        job = self._find(number) or self._try_to_submit(number, script)
        self.codes[job], self.marks[job] = code, mark
        return job

    def _try_to_submit(self, number: int, script: str) -> int:
        """The answer may be lost with the daemon, and then the job is there all the same, or is not."""
        while True:
            try:
                return self._daemon.submit("/bin/sh", "-c", script, name=f"job-{number}")
            except Failure:
                if (job := self._find(number)) is not None:
                    return job

    def _find(self, number: int) -> int | None:
        rows = answered(self._daemon, "/v1/jobs", all=True)
        return next((row["id"] for row in rows if row["name"] == f"job-{number}"), None)

    def cancel(self) -> None:
        assert self.cancelled is not None
        job = self.cancelled
        self._daemon.until(lambda: revived(self._daemon) and self._daemon.job(job)["state"] == "running", "it runs")
        self._daemon.until(lambda: self._cancelled(job), "the cancel is taken")

    def _cancelled(self, job: int) -> bool:
        if not revived(self._daemon):
            return False
        row = self._daemon.job(job)
        if row["state"] not in ENDED and row["reason"] != "cancelling":
            self._daemon.client.post(f"/v1/jobs/{job}/cancel")
        return True


def revived(daemon: RealDaemon) -> bool:
    revive(daemon)
    return True


def answered(daemon: RealDaemon, path: str, **query: object) -> Any:
    """The answer to a question, asked again of the next daemon where one dies over it."""
    for _ in range(100):
        revive(daemon)
        with contextlib.suppress(Failure):
            return daemon.client.get(path, **query)
        time.sleep(0.05)
    raise AssertionError(f"no daemon answers {path}:\n{daemon.log[-4000:]}")


def revive(daemon: RealDaemon) -> None:
    """What systemd does: start the daemon again when it has died; one kill costs one start, or two if it came early."""
    for _ in range(3):
        if daemon.alive:
            return
        daemon.start(wait=False)
        daemon.until(lambda: daemon.answers() or not daemon.alive, "the daemon answers, or dies again")
    assert daemon.alive, f"the daemon does not stay up:\n{daemon.log[-4000:]}"


def starts(mark: Path) -> int:
    return len(mark.read_bytes()) if mark.exists() else 0


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step", [*DAEMON_STEPS, *AGENT_STEPS, *SUPERVISOR_STEPS])
def test_a_kill_at_any_step_loses_no_job_doubles_no_start_and_keeps_every_joule(step: Step, seed: int) -> None:
    """Whoever dies where, each job is started once, its own exit status arrives, and so does its energy."""
    with real_daemon() as daemon:
        marker = daemon.home / "killed"
        daemon.environ |= {ENV_KILL_AT: step.value, ENV_KILL_MARKER: str(marker)}
        revive(daemon)
        fleet = Fleet(daemon, seed)
        fleet.submit_all()
        if step is Step.STOP_RECEIVED or seed == 1:
            fleet.cancel()
        else:
            daemon.until(lambda: revived(daemon) and fleet._cancelled(fleet.cancelled or 0), "the cancel is taken")
        for job in fleet.codes:
            daemon.until(lambda job=job: revived(daemon) and daemon.job(job)["state"] in ENDED, f"job {job} ends")  # type: ignore[misc]
        assert marker.exists(), f"nobody passed {step}"
        verdicts = {job: answered(daemon, f"/v1/jobs/{job}") for job in fleet.codes}
        secrets = daemon.paths.state / "secrets"
        daemon.until(lambda: revived(daemon) and not list(secrets.iterdir()), "no environment is left of ended jobs")
        daemon.stop()
        check_each_job(fleet, verdicts, step)
        check_all_energy_is_there(daemon, fleet)


def check_each_job(fleet: Fleet, verdicts: dict[int, dict[str, object]], step: Step) -> None:
    lost = [job for job, row in verdicts.items() if row["state"] == "lost"]
    assert len(lost) <= (1 if step in MAY_BE_LOST else 0)
    for job, row in verdicts.items():
        assert starts(fleet.marks[job]) <= 1, f"job {job} was started twice"
        if job in lost:
            continue
        if job == fleet.cancelled:
            assert row["state"] == "cancelled"
            continue
        assert starts(fleet.marks[job]) == 1
        assert row["exit_code"] == fleet.codes[job]
        assert row["state"] == ("completed" if fleet.codes[job] == 0 else "failed")


def check_all_energy_is_there(daemon: RealDaemon, fleet: Fleet) -> None:
    """The slices of each ended start follow one another from its first moment to its last, without hole or double."""
    store = open_store(daemon.paths.database)
    try:
        for job in fleet.codes:
            ran = {s.id: s for s in store.segments(job) if s.state.value == "ended" and s.started_at is not None}
            for segment in ran.values():
                slices = [piece for owner, piece in store.slices(job) if owner == segment.id]
                assert [piece.seq for piece in slices] == list(range(1, len(slices) + 1))
                assert slices, f"no energy of {segment.id}"
                for before, after in itertools.pairwise(slices):
                    assert before.interval.end == after.interval.start
                covered = slices[-1].interval.end - slices[0].interval.start
                assert segment.ended_at is not None and segment.started_at is not None
                assert abs((covered - segment.held).total_seconds()) < 0.3
    finally:
        store.close()
