"""What can befall the database for real: a full disk, a second process, a newer schema, damage, SIGKILL."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fakes.clock import NOON
from fakes.queue import a_spec
from fakes.records import a_draft, a_segment, a_slice

from scheduler.domain.changes import JobChanges
from scheduler.domain.errors import DatabaseLocked, DatabaseTooNew, DiskFull, StorageError
from scheduler.domain.lifecycle import JobEvent, JobState
from scheduler.ports import JobQuery
from scheduler.storage import engine, open_store

TESTS = Path(__file__).resolve().parent.parent
HEAVY = a_spec(argv=("python", "x" * 20_000))


@contextmanager
def child(program: str, *arguments: Path | str) -> Iterator[subprocess.Popen[str]]:
    """Another process that may use the tests' fakes; whatever happens, it ends with the block."""
    command = [sys.executable, "-c", program, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.kill()


# --- a full disk
@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small tmpfs")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def test_on_a_full_disk_nothing_is_half_written_and_the_store_goes_on_once_there_is_room(small_disk: Path) -> None:
    """A real file system without a free byte."""
    store = open_store(small_disk / "carbonq.db")
    first = store.add_job(a_draft())
    ballast = small_disk / "ballast"
    with pytest.raises(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    with pytest.raises(DiskFull, match="make room there"):
        for _ in range(50):
            store.add_job(a_draft(HEAVY))
    before = store.jobs(JobQuery())
    with pytest.raises(DiskFull), store.transaction():
        store.advance_job(first.id, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
        for _ in range(50):
            store.add_job(a_draft(HEAVY))
    assert store.jobs(JobQuery()) == before
    assert all(len(store.job_events(job.id)) == 1 for job in before)
    ballast.unlink()
    store.advance_job(first.id, JobEvent.LAUNCH, NOON, JobChanges(), JobState.QUEUED)
    assert [sentence for sentence in store.check() if "damaged" in sentence] == []
    assert any("MB are free" in sentence for sentence in store.check())
    store.close()


def test_a_backup_that_does_not_fit_leaves_nothing_behind_and_the_earlier_one_in_place(
    small_disk: Path, tmp_path: Path
) -> None:
    a_filled_database(tmp_path / "carbonq.db", jobs=10)
    store = open_store(tmp_path / "carbonq.db")
    store.backup(str(small_disk / "daily.db"))
    earlier = (small_disk / "daily.db").read_bytes()
    with store.transaction():
        for _ in range(250):
            store.add_job(a_draft(HEAVY))
    with pytest.raises(DiskFull, match=str(small_disk / "daily.db")):
        store.backup(str(small_disk / "daily.db"))
    assert [file.name for file in small_disk.iterdir()] == ["daily.db"]
    assert (small_disk / "daily.db").read_bytes() == earlier
    store.close()


def test_a_transaction_whose_step_failed_writes_nothing_even_if_the_failure_was_swallowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite rolls back by itself when it is full; what follows must not be committed without what went before."""
    monkeypatch.setattr(engine, "PRAGMAS", (*engine.PRAGMAS, "PRAGMA max_page_count = 60"))
    store = open_store(tmp_path / "carbonq.db")
    with pytest.raises(StorageError, match="a step before failed: the disk"), store.transaction():
        store.add_job(a_draft())
        with pytest.raises(DiskFull):
            store.add_job(a_draft(a_spec(argv=("x" * 400_000,))))
        with pytest.raises(StorageError, match="nothing was written"):
            store.add_job(a_draft())
    assert store.jobs(JobQuery()) == ()
    assert store.add_job(a_draft()).id == 1
    store.close()


# --- a second process
OPEN_AND_WAIT = """
import sys; from scheduler.storage import open_store
store = open_store(sys.argv[1]); print("open", flush=True); sys.stdin.read()
"""


def test_a_second_process_is_told_who_holds_the_database_until_that_one_is_gone(tmp_path: Path) -> None:
    """The kernel frees the lock even of a process that was killed."""
    with child(OPEN_AND_WAIT, tmp_path / "carbonq.db") as holder:
        assert holder.stdout is not None and holder.stdout.readline() == "open\n"
        with pytest.raises(
            DatabaseLocked, match=rf"in use by process {holder.pid}; stop it first \(`kill {holder.pid}`"
        ):
            open_store(tmp_path / "carbonq.db")
    open_store(tmp_path / "carbonq.db").close()


def test_a_foreign_writer_is_waited_for_and_then_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody's sqlite3 shell, in the middle of a transaction; reading goes on meanwhile."""
    monkeypatch.setattr(engine, "PRAGMAS", (*engine.PRAGMAS, "PRAGMA busy_timeout = 50"))
    store = open_store(tmp_path / "carbonq.db")
    foreign = sqlite3.connect(tmp_path / "carbonq.db", isolation_level=None)
    foreign.execute("BEGIN IMMEDIATE")
    with pytest.raises(DatabaseLocked, match="fuser"):
        store.add_job(a_draft())
    assert store.jobs(JobQuery()) == ()
    foreign.execute("ROLLBACK")
    assert store.add_job(a_draft()).id == 1
    foreign.close()
    store.close()


# --- a newer schema
def test_a_database_of_a_newer_carbonq_is_refused_untouched(tmp_path: Path) -> None:
    path = tmp_path / "carbonq.db"
    open_store(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(DatabaseTooNew, match=r"has schema 9999, .* up to \d{4}: install the newer carbonq again"):
        open_store(path)
    assert path.read_bytes() == before
    assert list(tmp_path.glob("backups/*")) == []


# --- damage
def a_filled_database(path: Path, jobs: int = 20) -> None:
    store = open_store(path)
    with store.transaction():
        for _ in range(jobs):
            store.add_job(a_draft(HEAVY))
    store.close()


@pytest.mark.parametrize("keep", [0.5, 0.9], ids=["half", "most"])
def test_a_truncated_database_is_refused_with_the_way_back(tmp_path: Path, keep: float) -> None:
    path = tmp_path / "carbonq.db"
    a_filled_database(path)
    os.truncate(path, int(path.stat().st_size * keep) // 4096 * 4096)
    with pytest.raises(StorageError, match=r"carbonq\.db is damaged.*put a backup in its place"):
        open_store(path)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "carbonq.db"
    path.write_text("dear diary, " * 1000)
    with pytest.raises(StorageError, match="is not a carbonq database"):
        open_store(path)
    assert path.read_text().startswith("dear diary")


def test_somebody_elses_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "photos.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE photo (id INTEGER)")
    connection.close()
    with pytest.raises(StorageError, match="not one of carbonq's"):
        open_store(path)


def test_after_a_crash_the_whole_file_is_looked_through(tmp_path: Path) -> None:
    """The -wal that a clean end would have removed is the sign."""
    a_filled_database(tmp_path / "carbonq.db", jobs=200)
    store = open_store(tmp_path / "carbonq.db")
    store.add_job(a_draft())
    for name in ("after-crash.db", "after-crash.db-wal"):
        shutil.copy(tmp_path / name.replace("after-crash", "carbonq"), tmp_path / name)
    store.close()
    with (tmp_path / "after-crash.db").open("r+b") as file:
        file.seek(1_000_000)
        file.write(os.urandom(2_000_000))
    with pytest.raises(StorageError, match=r"after-crash\.db is damaged.*put a backup in its place"):
        open_store(tmp_path / "after-crash.db")


def test_damage_that_appears_later_is_found_by_the_check(tmp_path: Path) -> None:
    """More than SQLite keeps in memory, or it would not look at the file again."""
    path = tmp_path / "carbonq.db"
    a_filled_database(path, jobs=200)
    store = open_store(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 4)
        file.write(os.urandom(path.stat().st_size // 2))
    assert any("is damaged" in sentence and "put a backup" in sentence for sentence in store.check())
    store.close()


def test_rows_whose_job_somebody_deleted_are_found_by_the_check(tmp_path: Path) -> None:
    path = tmp_path / "carbonq.db"
    a_filled_database(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DELETE FROM job WHERE id = 3")
    connection.close()
    store = open_store(path)
    assert [sentence for sentence in store.check() if "job_event names a missing job" in sentence]
    store.close()


# --- SIGKILL
WRITE_FOR_EVER = """
import sys
from fakes.clock import NOON
from fakes.records import a_draft, a_segment, a_slice
from scheduler.domain.changes import JobChanges
from scheduler.domain.lifecycle import JobEvent, JobState
from scheduler.storage import open_store
store = open_store(sys.argv[1])
while True:
    job = store.add_job(a_draft())
    with store.transaction():
        store.advance_job(job.id, JobEvent.LAUNCH, NOON, JobChanges(attempts=1), JobState.QUEUED)
        store.add_segment(a_segment(job.id))
    store.add_slices(a_segment(job.id).id, [a_slice(seq) for seq in range(1, 40)])
    print(job.id, flush=True)
"""


@pytest.mark.parametrize("after", [3, 8, 17])
def test_a_process_killed_while_it_writes_leaves_whole_transactions_only(tmp_path: Path, after: int) -> None:
    """What it said was stored is stored; of what it was doing, each transaction is there wholly or not at all."""
    path = tmp_path / "carbonq.db"
    with child(WRITE_FOR_EVER, path) as writer:
        assert writer.stdout is not None
        said = [int(writer.stdout.readline()) for _ in range(after)]
    store = open_store(path)
    assert store.check() == ()
    jobs = store.jobs(JobQuery())
    assert {job.id for job in jobs} >= set(said)
    for job in jobs:
        launched = job.state is JobState.STARTING
        assert len(store.job_events(job.id)) == 1 + launched
        assert [s.id for s in store.segments(job.id)] == [a_segment(job.id).id] * launched
        slices = len(store.slices(job.id))
        assert slices in ({39} if job.id in said else {0, 39})
        assert all(s.readings_upto == slices for s in store.segments(job.id))
    expected = a_slice(1)
    assert store.slices(said[0])[0] == (a_segment(said[0]).id, expected)
    store.close()
