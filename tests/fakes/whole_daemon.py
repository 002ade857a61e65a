"""The whole daemon on a clock that only tests move: real loops and real pure rooms, faked store, worker and grid."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from fakes.carbon_source import FakeCarbonSource
from fakes.clock import FakeClock
from fakes.executor import FakeExecutor, Outcome
from fakes.store import FakeStore

from scheduler.config import Settings
from scheduler.daemon.cleaning import Cleaner
from scheduler.daemon.dispatcher import Dispatcher
from scheduler.daemon.grid_desk import GridDesk
from scheduler.daemon.grid_poller import GridPoller
from scheduler.daemon.live import Live
from scheduler.daemon.local_service import LocalService
from scheduler.daemon.parts import Parts
from scheduler.daemon.price_desk import PriceDesk
from scheduler.daemon.review import Reviewer
from scheduler.daemon.settlement import Settler
from scheduler.daemon.writer import Writer
from scheduler.dispatch.replanning import Trigger
from scheduler.domain.errors import NotFound
from scheduler.domain.gpus import Gpu
from scheduler.domain.jobs import Job
from scheduler.domain.lifecycle import TERMINAL
from scheduler.domain.series import StepSeries
from scheduler.domain.statements import EmissionsStatement
from scheduler.grid.chain import Chain
from scheduler.grid.series_file import read_prices
from scheduler.paths import Paths
from scheduler.service_views.requests import Caller, JobRequest

P = ParamSpec("P")
R = TypeVar("R")
ANNA = Caller(1000, "anna")


class InlineWriter(Writer):
    """Runs the work where it is asked for, so that a test needs no thread."""

    def __init__(self) -> None: ...

    async def __call__(self, work: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return work(*args, **kwargs)

    def close(self) -> None: ...


@dataclass
class FakeSpool:
    environments: dict[int, dict[str, str]] = field(default_factory=dict)

    def put(self, job_id: int, env: Mapping[str, str]) -> None:
        self.environments[job_id] = dict(env)

    def get(self, job_id: int) -> dict[str, str]:
        if job_id not in self.environments:
            raise NotFound(f"the environment of job {job_id} is gone")
        return self.environments[job_id]

    def drop(self, job_id: int) -> None:
        self.environments.pop(job_id, None)

    def jobs(self) -> frozenset[int]:
        return frozenset(self.environments)


class WholeDaemon:
    """A machine of `gpus` GPUs, a grid that forecasts `ahead`, and the daemon between them."""

    def __init__(
        self,
        clock: FakeClock,
        ahead: StepSeries | None,
        script: Mapping[int, Sequence[Outcome]] | None = None,
        gpus: int = 1,
        settings: Settings | None = None,
        store: FakeStore | None = None,
        chain: Chain | None = None,
    ) -> None:
        """`store` and `chain`: real ones in place of the fakes."""
        self.clock = clock
        self.source = FakeCarbonSource(clock, ahead)
        self.chain = chain
        self.settle_every, self.settled_at = timedelta(0), None
        boards = tuple(Gpu(f"GPU-{n}", "Fake A100") for n in range(gpus))
        self.executor = FakeExecutor(clock, script or {}, gpus=boards)
        self.store, self.spool = store or FakeStore(), FakeSpool()
        nowhere = Path("/nonexistent")
        self.parts = Parts(
            settings or Settings(),
            Paths(nowhere, nowhere, nowhere),
            clock,
            self.store,
            self.spool,
            InlineWriter(),
            self.executor,
            Live(started_at=clock.now()),
            nowhere / "config.toml",
        )
        self._wire()

    def _wire(self) -> None:
        settings = self.parts.settings
        self.poller = GridPoller(
            self.chain or self.source,
            self.store,
            self.parts.writer,
            self.clock,
            settings.grid.poll,
            lambda: self.dispatcher.wake(Trigger.FORECAST),
            members=self.chain.members if self.chain else (),
        )
        self.desk = GridDesk(self.poller, self.store, self.clock, settings.planning.stale_after, ())
        if self.chain is not None:
            self.chain.fall_back_on_history(lambda said: self.parts.writer(self.desk.sees_ahead, said))
        self.settler = Settler(self.parts, self.desk)
        self.reviewer = Reviewer(self.parts, self.desk, self.settler)
        prices = PriceDesk(settings.planning, read_prices)
        # A plan takes no time here: how busy the machine is that runs the tests must not decide when plans are made.
        self.dispatcher = Dispatcher(self.parts, self.desk.forecast, lambda: None, prices, self._clock_s)
        self.cleaner = Cleaner(self.parts)
        self.service = LocalService(
            self.parts,
            self.dispatcher,
            self.desk,
            self.settler,
            self.reviewer,
            self.cleaner,
            lambda now: (),
            lambda: None,
            UTC,
        )

    def _clock_s(self) -> float:
        return self.clock.now().timestamp()

    def restart(self) -> None:
        """The daemon is killed and started again: what it knew is gone, store, worker and grid are as they were."""
        self.parts = Parts(
            self.parts.settings,
            self.parts.paths,
            self.clock,
            self.store,
            self.spool,
            self.parts.writer,
            self.executor,
            Live(started_at=self.clock.now()),
            self.parts.settings_file,
        )
        self._wire()

    def submit(self, caller: Caller = ANNA, **fields: Any) -> Job:
        ordinary = {"argv": ("python", "train.py"), "workdir": "/home/anna", "env": {}, "gpus": 1}
        request = JobRequest(**{**ordinary, **fields})
        return self.job(asyncio.run(self.submitted(request, caller)))

    async def submitted(self, request: JobRequest, caller: Caller = ANNA) -> int:
        """The number of the job; for a test with a loop of its own."""
        await self._beat()
        row = await self.service.submit(caller, request, dry_run=False)
        assert row.id is not None
        return row.id

    def job(self, job_id: int) -> Job:
        job = self.store.job(job_id)
        assert job is not None
        return job

    def statement(self, job_id: int) -> EmissionsStatement:
        statement = self.store.statement(job_id)
        assert statement is not None
        return statement

    def pass_time(self, length: timedelta, step: timedelta = timedelta(minutes=5)) -> None:
        """Beat after beat, as its timers would have it."""
        end = self.clock.now() + length
        asyncio.run(self.until(end, step))

    def until_all_ended(self, within: timedelta = timedelta(days=10)) -> None:
        last = self.clock.now() + within
        while any(job.state not in TERMINAL for job in self._all_jobs()):
            assert self.clock.now() < last, [f"{j.id}: {j.state} ({j.reason})" for j in self._all_jobs()]
            self.pass_time(timedelta(minutes=30))

    def _all_jobs(self) -> tuple[Job, ...]:
        from scheduler.ports import JobQuery

        return self.store.jobs(JobQuery())

    async def until(self, end: datetime, step: timedelta = timedelta(minutes=5)) -> None:
        """For a test with a loop of its own."""
        while self.clock.now() < end:
            await self._beat()
            self.clock.advance(min(step, end - self.clock.now()))
        await self._beat()

    async def _beat(self) -> None:
        await self.poller.poll_if_due()
        await self.dispatcher.beat()
        await self.dispatcher.beat()
        if self.settled_at is None or self.clock.now() - self.settled_at >= self.settle_every:
            self.settled_at = self.clock.now()
            await self.settler.settle_due()
            await self.reviewer.review_due()
