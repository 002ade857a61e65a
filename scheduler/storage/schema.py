"""Bringing a database to the schema of this carbonq, and refusing one that is ahead of it."""

from __future__ import annotations

import os
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

from scheduler.domain.errors import DatabaseTooNew, StorageError
from scheduler.storage.copying import copy_whole
from scheduler.storage.database import Database
from scheduler.storage.failures import restore_advice

MIGRATIONS = Path(__file__).with_name("migrations")


def upgrade(database: Database, backup_dir: Path) -> None:
    """Apply what is missing, all of it or nothing; a database that holds something is copied to `backup_dir` first."""
    config = _config()
    script = ScriptDirectory.from_config(config)
    with database.reading() as connection:
        found = _revision(connection, database.path)
    if found == script.get_current_head():
        return
    if found is not None:
        _refuse_newer(found, script, database.path, backup_dir)
        copy_whole(database, backup_dir / f"{database.path.stem}-schema-{found}.db")
    with database.rebuilding() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", os.fspath(MIGRATIONS).replace("%", "%%"))
    return config


def _revision(connection: Connection, path: Path) -> str | None:
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is None and inspect(connection).get_table_names():
        raise StorageError(f"{path} is a database, but not one of carbonq's; name another file")
    return revision


def _refuse_newer(found: str, script: ScriptDirectory, path: Path, backup_dir: Path) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if found not in known:
        raise DatabaseTooNew(
            f"{path} has schema {found}, and this carbonq knows schemas up to {script.get_current_head()}: "
            f"install the newer carbonq again, or {restore_advice(path)} (copies made before upgrades: {backup_dir})"
        )
