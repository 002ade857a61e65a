"""Who may see, change and submit."""

from __future__ import annotations

import pytest
from fakes.queue import a_job

from scheduler.daemon.access import may_see, may_submit, may_touch
from scheduler.domain.errors import NotPermitted
from scheduler.service_views.requests import Caller

ROOT, OWNER, OTHER = Caller(0, "root"), Caller(1000, "anna"), Caller(1001, "bob")


def test_a_job_is_its_owners_and_roots_to_see_and_change() -> None:
    job = a_job()
    assert [may_see(caller, job) for caller in (ROOT, OWNER, OTHER)] == [True, True, False]
    may_touch(ROOT, job)
    may_touch(OWNER, job)
    with pytest.raises(NotPermitted, match="belongs to"):
        may_touch(OTHER, job)


def test_root_submits_to_a_daemon_of_its_own_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """No worker of another's daemon would run the job: better said at once than never started."""
    monkeypatch.setattr("os.getuid", lambda: 0)
    may_submit(ROOT)
    monkeypatch.setattr("os.getuid", lambda: 997)
    may_submit(OWNER)
    with pytest.raises(NotPermitted, match="ordinary user"):
        may_submit(ROOT)
