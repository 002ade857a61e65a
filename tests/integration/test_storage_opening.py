"""Opening, upgrading and copying the database."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import stat
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from fakes.queue import a_spec
from fakes.records import a_draft, a_segment
from sqlalchemy import create_engine

from scheduler.domain.errors import DatabaseTooNew, StorageError
from scheduler.ports import JobQuery
from scheduler.storage import open_store, schema
from scheduler.storage.tables import OPEN_SEGMENT, Row

ADD_A_COLUMN = """
import sqlalchemy as sa
from alembic import op
revision, down_revision = "9999", "0002"
def upgrade():
    with op.batch_alter_table("job", recreate="always") as job:
        job.add_column(sa.Column("colour", sa.Text(), nullable=True))
"""
FAIL_HALFWAY = ADD_A_COLUMN + "    raise RuntimeError('the power failed')\n"


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def a_newer_carbonq(folder: Path, monkeypatch: pytest.MonkeyPatch, migration: str) -> None:
    """The same migrations and one more."""
    shutil.copytree(schema.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "versions" / "schema_9999.py").write_text(migration)
    monkeypatch.setattr(schema, "MIGRATIONS", folder)


def test_what_was_recorded_is_there_when_the_store_is_opened_again(tmp_path: Path) -> None:
    store = open_store(tmp_path / "carbonq.db")
    job = store.add_job(a_draft())
    store.close()
    again = open_store(f"sqlite:///{tmp_path}/carbonq.db")
    assert again.jobs(JobQuery()) == (job,)
    again.close()


def test_every_file_of_the_database_is_its_owners_alone_even_under_a_generous_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        store = open_store(tmp_path / "new" / "carbonq.db")
        store.add_job(a_draft())
    finally:
        os.umask(before)
    assert mode(tmp_path / "new") == 0o700
    assert {file.name: mode(file) for file in (tmp_path / "new").iterdir()} == {
        "carbonq.db": 0o600,
        "carbonq.db-wal": 0o600,
        "carbonq.db-shm": 0o600,
        "carbonq.db.lock": 0o600,
    }
    store.close()


def test_a_database_that_others_may_read_is_reported(tmp_path: Path) -> None:
    store = open_store(tmp_path / "carbonq.db")
    (tmp_path / "carbonq.db").chmod(0o644)
    assert [sentence for sentence in store.check() if "chmod 600" in sentence]
    store.close()


@pytest.mark.parametrize("url", ["postgresql://db/carbonq", "mysql://db/carbonq"])
def test_a_database_of_a_kind_we_do_not_know_is_refused_by_name(url: str) -> None:
    with pytest.raises(StorageError, match=rf"'{url}' is no database"):
        open_store(url)


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"file/carbonq\.db cannot be opened"):
        open_store(tmp_path / "file" / "carbonq.db")


def test_the_migrations_make_exactly_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    """A column added to one and forgotten in the other is found here."""
    open_store(tmp_path / "carbonq.db").close()
    with create_engine(f"sqlite:///{tmp_path}/carbonq.db").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Row.metadata) == []


def test_an_upgrade_copies_the_database_first_and_keeps_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where a table that others refer to is rebuilt; the copy can be opened by the older carbonq."""
    path, copies = tmp_path / "carbonq.db", tmp_path / "copies"
    store = open_store(path)
    job = store.add_job(a_draft())
    store.close()
    with monkeypatch.context() as newer:
        a_newer_carbonq(tmp_path / "migrations", newer, ADD_A_COLUMN)
        store = open_store(path, backup_dir=copies)
        assert store.jobs(JobQuery()) == (job,)
        assert len(store.job_events(job.id)) == 1
        assert store.check() == ()
        store.close()
    with pytest.raises(DatabaseTooNew, match=r"schema 9999.* up to 0002"):
        open_store(path, backup_dir=copies)
    (copy,) = copies.iterdir()
    assert (copy.name, mode(copy)) == ("carbonq-schema-0002.db", 0o600)
    shutil.copy(copy, tmp_path / "restored.db")
    restored = open_store(tmp_path / "restored.db")
    assert restored.jobs(JobQuery()) == (job,)
    restored.close()


def test_a_database_of_before_the_idempotency_keys_is_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its jobs have none; new ones may."""
    store = open_store(tmp_path / "new.db")
    job = store.add_job(a_draft())
    store.close()
    with monkeypatch.context() as older:
        only_first = shutil.ignore_patterns("__pycache__", "schema_0002.py")
        shutil.copytree(schema.MIGRATIONS, tmp_path / "migrations", ignore=only_first)
        older.setattr(schema, "MIGRATIONS", tmp_path / "migrations")
        open_store(tmp_path / "old.db").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "old.db")) as old:
        columns = ", ".join(column for _, column, *_ in old.execute("PRAGMA table_info(job)"))
        old.execute("ATTACH ? AS new", [str(tmp_path / "new.db")])
        old.execute(f"INSERT INTO job ({columns}) SELECT {columns} FROM new.job")
        old.commit()
    store = open_store(tmp_path / "old.db")
    assert store.jobs(JobQuery()) == (job,)
    keyed = store.add_job(a_draft(a_spec(idempotency_key="night-1")))
    assert store.job_under("night-1", keyed.owner) == keyed
    assert store.check() == ()
    store.close()


def test_an_upgrade_that_fails_halfway_leaves_the_database_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "carbonq.db"
    open_store(path).close()
    with monkeypatch.context() as newer:
        a_newer_carbonq(tmp_path / "migrations", newer, FAIL_HALFWAY)
        with pytest.raises(RuntimeError, match="power failed"):
            open_store(path)
    store = open_store(path)
    assert store.add_job(a_draft()).id == 1
    store.close()


def test_a_new_database_needs_no_copy(tmp_path: Path) -> None:
    open_store(tmp_path / "carbonq.db").close()
    assert not (tmp_path / "backups").exists()


def test_a_backup_is_a_whole_database_of_its_own(tmp_path: Path) -> None:
    """Taken while the store is in use; it replaces an earlier one."""
    store = open_store(tmp_path / "carbonq.db")
    first = store.add_job(a_draft())
    store.backup(str(tmp_path / "daily.db"))
    second = store.add_job(a_draft())
    store.backup(str(tmp_path / "daily.db"))
    store.add_job(a_draft())
    assert mode(tmp_path / "daily.db") == 0o600
    assert sorted(file.name for file in tmp_path.glob("daily*")) == ["daily.db"]
    copy = open_store(tmp_path / "daily.db")
    assert copy.jobs(JobQuery()) == (first, second)
    copy.close()
    store.close()


def test_a_backup_over_the_database_itself_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path / "carbonq.db")
    with pytest.raises(StorageError, match="is the database itself"):
        store.backup(str(tmp_path / "carbonq.db"))
    with pytest.raises(StorageError, match=r"no copy .* could be made"):
        store.backup(str(tmp_path / "carbonq.db" / "below.db"))
    store.close()


def test_a_backup_inside_a_transaction_is_refused_and_does_not_hang(tmp_path: Path) -> None:
    store = open_store(tmp_path / "carbonq.db")
    with pytest.raises(RuntimeError, match="between transactions"), store.transaction():
        store.backup(str(tmp_path / "copy.db"))
    store.close()


def test_a_store_belongs_to_the_thread_that_opened_it(tmp_path: Path) -> None:
    """SQLite's own word for this would be less clear, and come later."""
    store = open_store(tmp_path / "carbonq.db")
    raised: list[Exception] = []

    def use() -> None:
        try:
            store.jobs(JobQuery())
        except Exception as error:
            raised.append(error)

    thread = threading.Thread(target=use)
    thread.start()
    thread.join()
    assert "by the thread that opened it" in str(raised[0])
    store.close()


def test_open_segments_are_found_without_looking_at_all_the_others(tmp_path: Path) -> None:
    """The daemon asks several times a minute, for years."""
    open_store(tmp_path / "carbonq.db").close()
    connection = sqlite3.connect(tmp_path / "carbonq.db")
    steps = connection.execute(f"EXPLAIN QUERY PLAN SELECT * FROM segment WHERE {OPEN_SEGMENT}").fetchall()
    connection.close()
    assert any("ix_segment_open" in step[3] for step in steps)


def test_a_commit_that_fails_leaves_no_transaction_open(tmp_path: Path) -> None:
    """SQLite keeps the transaction after a refused COMMIT; the next one must not find it there."""
    store = open_store(tmp_path / "carbonq.db")
    with pytest.raises(StorageError, match="FOREIGN KEY"), store._database.writing() as connection:
        connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
        store.add_segment(a_segment(99))
    assert store.add_job(a_draft()).id == 1
    assert store.open_segments() == ()
    store.close()


def test_every_commit_is_on_disk_before_it_is_said(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: a lost STARTING row would be a job started twice."""
    store = open_store(tmp_path / "carbonq.db")
    with store._database.reading() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    store.close()
