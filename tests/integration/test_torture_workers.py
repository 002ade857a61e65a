"""`kill -9`, at every named step and at random: each job starts once, ends once, and all its energy is stored."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fakes import mini_daemon
from fakes.mini_daemon import make_jobs, open_database
from fakes.worker_processes import DEADLINE_S, WATTS, Agent, agent_at

from scheduler.steps import AGENT_STEPS, DAEMON_STEPS, ENV_KILL_AT, ENV_KILL_MARKER, SUPERVISOR_STEPS, Step

pytestmark = pytest.mark.long

SEEDS = (1, 2, 3)
NEVER_STARTED = {Step.LOCK_INHERITED}
"""The supervisor dies before run.json: the job is queued again under a new number."""
LOST = {Step.RUN_RECORDED, Step.PROCESS_STARTED, Step.SLICE_JOURNALED, Step.PROCESS_ENDED}
"""It dies between run.json and exit.json: nobody knows how far the job came, so it is never run again."""


@dataclass(frozen=True)
class Ended:
    """What the database says of one job in the end, and how often it really ran."""

    id: int
    state: str
    code: int | None
    runs: int
    joules_missing: float


class Stage:
    """An agent, and a daemon that is started again whenever it dies."""

    def __init__(self, root: Path, agent: Agent, env: dict[str, str]) -> None:
        self._root = root
        self.agent = agent
        self._env = {**os.environ, **env, "PYTHONPATH": str(Path(mini_daemon.__file__).parents[1])}
        self.daemon = self._start_daemon()

    @property
    def is_done(self) -> bool:
        return self.daemon.poll() == 0

    def revive(self) -> None:
        """Start again whatever was killed."""
        if self.daemon.poll() not in (None, 0):
            self.daemon = self._start_daemon()
        if self.agent.has_died():
            self.agent.start()

    def kill_daemon(self) -> None:
        if self.daemon.poll() is None:
            self.daemon.kill()
            self.daemon.wait()

    def _start_daemon(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, mini_daemon.__file__, self._root], env=self._env)


@contextmanager
def staged(root: Path, jobs: int, chance: random.Random, env: dict[str, str] | None = None) -> Iterator[Stage]:
    """`jobs` queued; job N leaves one mark a run, takes up to 0.4 s and exits with N % 7."""
    (root / "marks").mkdir()
    lengths = [chance.uniform(0, 0.4) for _ in range(jobs)]
    make_jobs(root, [f"echo x >> marks/{n}; sleep {length}; exit {n % 7}" for n, length in enumerate(lengths, start=1)])
    with agent_at(root, env) as agent:
        stage = Stage(root, agent, env or {})
        try:
            yield stage
        finally:
            stage.kill_daemon()


def run_to_the_end(stage: Stage) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not stage.is_done:
        assert time.monotonic() < deadline, "the jobs did not all end"
        stage.revive()
        time.sleep(0.02)


def all_ended(root: Path) -> list[Ended]:
    database = open_database(root)
    rows = database.execute("select id, state, code, segment, started_t, ended_t from job").fetchall()
    return [
        Ended(job, state, code, _marks(root, job), _joules_missing(database, job, segment, start_t, end_t))
        for job, state, code, segment, start_t, end_t in rows
    ]


def _marks(root: Path, job: int) -> int:
    path = root / "marks" / str(job)
    return len(path.read_text().split()) if path.exists() else 0


def _joules_missing(
    database: sqlite3.Connection, job: int, segment: int, start_t: float | None, end_t: float | None
) -> float:
    """What the slices of an ended job leave uncovered of its time, at the constant power of the test's meter."""
    if start_t is None or end_t is None:
        return 0.0
    query = "select coalesce(sum(end_t - start_t), 0) from slice where job = ? and segment = ?"
    (covered_s,) = database.execute(query, (job, segment)).fetchone()
    return WATTS * (end_t - start_t - float(covered_s))


def assert_ran_once(job: Ended) -> None:
    assert (job.state, job.code, job.runs) == ("done", job.id % 7, 1), job
    assert job.joules_missing == pytest.approx(0, abs=1e-3), job


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step", [*DAEMON_STEPS, *AGENT_STEPS[:3]])
def test_daemon_or_agent_killed_at_a_step_costs_nothing(tmp_path: Path, step: Step, seed: int) -> None:
    env = {ENV_KILL_AT: step, ENV_KILL_MARKER: str(tmp_path / "killed")}
    with staged(tmp_path, 3, random.Random(seed), env) as stage:
        run_to_the_end(stage)
    assert (tmp_path / "killed").exists()
    for job in all_ended(tmp_path):
        assert_ran_once(job)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("step", SUPERVISOR_STEPS)
def test_a_supervisor_killed_at_a_step_loses_its_own_job_at_most_and_says_so(
    tmp_path: Path, step: Step, seed: int
) -> None:
    env = {ENV_KILL_AT: step, ENV_KILL_MARKER: str(tmp_path / "killed")}
    with staged(tmp_path, 3, random.Random(seed), env) as stage:
        run_to_the_end(stage)
    assert (tmp_path / "killed").exists()
    jobs = all_ended(tmp_path)
    lost = [job for job in jobs if job.state == "lost"]
    assert len(lost) == (1 if step in LOST else 0)
    assert all(job.runs <= 1 for job in lost)
    for job in jobs:
        if job not in lost:
            assert_ran_once(job)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", SEEDS)
def test_daemon_and_agent_killed_at_random_moments_cost_nothing(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    kills = 0
    with staged(tmp_path, 40, chance) as stage:
        deadline = time.monotonic() + 200
        while not stage.is_done:
            assert time.monotonic() < deadline, "the jobs did not all end"
            time.sleep(chance.uniform(0.05, 0.3))
            if chance.random() < 0.7:
                stage.kill_daemon()
                kills += 1
            if chance.random() < 0.5:
                stage.agent.kill()
                kills += 1
            stage.revive()
    assert kills >= 5
    for job in all_ended(tmp_path):
        assert_ran_once(job)
