"""Environments kept in memory."""

from __future__ import annotations

from collections.abc import Mapping

from scheduler.domain.errors import NotFound


class FakeSecretSpool:
    """Satisfies scheduler.ports.SecretSpool; `kept` is what a test may look into."""

    def __init__(self) -> None:
        self.kept: dict[int, dict[str, str]] = {}

    def put(self, job_id: int, env: Mapping[str, str]) -> None:
        self.kept[job_id] = dict(env)

    def get(self, job_id: int) -> dict[str, str]:
        if job_id not in self.kept:
            raise NotFound(f"the environment of job {job_id} is gone; submit the job again")
        return dict(self.kept[job_id])

    def drop(self, job_id: int) -> None:
        self.kept.pop(job_id, None)

    def jobs(self) -> frozenset[int]:
        return frozenset(self.kept)
