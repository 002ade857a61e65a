"""The daemon's part in a start, and nothing else: lock, commit, order, look, store. Made to be killed.

Run as a script, `python mini_daemon.py ROOT`, it works until every job in ROOT/jobs.db has ended.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from dataclasses import dataclass
from pathlib import Path

from fakes.worker_processes import run_spec

from scheduler.domain.errors import ExecutorError
from scheduler.domain.runs import SegmentId
from scheduler.executors.agent_socket import AgentExecutor
from scheduler.protocol import SegmentReport, StartOrder
from scheduler.steps import Step, reached

AT_ONCE = 4
SCHEMA = """
create table job(id integer primary key, script text, state text default 'queued', segment int default 1, code int,
                 started_t real, ended_t real, last_seq int);
create table slice(job int, segment int, seq int, start_t real, end_t real, joules real,
                   primary key(job, segment, seq));
"""


def open_database(root: Path) -> sqlite3.Connection:
    database = sqlite3.connect(root / "jobs.db", isolation_level=None, timeout=10)
    database.execute("pragma journal_mode=wal")
    database.execute("pragma synchronous=full")
    return database


def make_jobs(root: Path, scripts: list[str]) -> None:
    database = open_database(root)
    database.executescript(SCHEMA)
    database.executemany("insert into job(script) values (?)", [(script,) for script in scripts])
    database.close()


@dataclass(frozen=True)
class MiniDaemon:
    root: Path
    database: sqlite3.Connection
    executor: AgentExecutor

    async def run(self) -> None:
        while self._count("state in ('queued', 'starting', 'running')"):
            try:
                await self._look()
                await self._dispatch()
            except ExecutorError:
                pass  # The agent is being killed, too.
            await asyncio.sleep(0.02)

    async def _dispatch(self) -> None:
        free = AT_ONCE - self._count("state in ('starting', 'running')")
        queued = self.database.execute("select id, segment, script from job where state = 'queued' order by id")
        for job, number, script in queued.fetchmany(free):
            await self._start(SegmentId(job, 1, number), script)

    async def _start(self, segment: SegmentId, script: str) -> None:
        lock = self.executor.lock(segment)
        try:
            reached(Step.LOCKED)
            self._set(segment, "state = 'starting'")
            reached(Step.COMMITTED_STARTING)
            spec = run_spec(self.root, "sh", "-c", script, segment=str(segment))
            await self.executor.start(StartOrder(spec, os.geteuid()), lock)
            reached(Step.ORDER_SENT)
        finally:
            os.close(lock)

    async def _look(self) -> None:
        rows = self.database.execute("select id, segment from job where state in ('starting', 'running')").fetchall()
        segments = [SegmentId(job, 1, number) for job, number in rows]
        # The lock before the report: a free lock means that what is on disk is all there will ever be.
        free = {segment: self.executor.lock_is_free(segment) for segment in segments}
        reports = await self.executor.reports({segment: self._cursor(segment) for segment in segments})
        for segment, report in reports.items():
            self._note(segment, report, free[segment])

    def _note(self, segment: SegmentId, report: SegmentReport, free: bool) -> None:
        self._store_slices(segment, report)
        if not free:
            if report.run is not None:
                self._set(segment, "state = 'running'")
                reached(Step.STARTED_RECORDED)
        elif report.exit is not None:
            told = (report.exit.code, report.exit.started_t, report.exit.ended_t, report.exit.last_seq)
            self._set(segment, "state = 'done', code = ?, started_t = ?, ended_t = ?, last_seq = ?", *told)
            reached(Step.EXIT_STORED)
        elif report.run is not None:
            self._set(segment, "state = 'lost'")
        else:
            self._set(segment, "state = 'queued', segment = segment + 1")

    def _store_slices(self, segment: SegmentId, report: SegmentReport) -> None:
        rows = [
            (segment.job, segment.segment, each.seq, each.start_t, each.end_t, sum(part.joules for part in each.parts))
            for each in report.slices
        ]
        if rows:
            self.database.executemany("insert into slice values (?, ?, ?, ?, ?, ?)", rows)
            reached(Step.SLICES_STORED)

    def _set(self, segment: SegmentId, changes: str, *values: object) -> None:
        guard = (segment.job, segment.segment)
        self.database.execute(f"update job set {changes} where id = ? and segment = ?", (*values, *guard))

    def _cursor(self, segment: SegmentId) -> int:
        query = "select coalesce(max(seq), 0) from slice where job = ? and segment = ?"
        return int(self.database.execute(query, (segment.job, segment.segment)).fetchone()[0])

    def _count(self, condition: str) -> int:
        return int(self.database.execute(f"select count(*) from job where {condition}").fetchone()[0])


if __name__ == "__main__":
    place = Path(sys.argv[1])
    asyncio.run(MiniDaemon(place, open_database(place), AgentExecutor(place / "agent.sock", place / "locks")).run())
