"""Environments of jobs, one file each, readable by the daemon's user alone, outside the database and its backups."""

from __future__ import annotations

import errno
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from scheduler.domain.errors import DiskFull, NotFound, StorageError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK a FIFO in the file's place would hold the daemon for ever.
READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC

_ENVIRONMENT = re.compile(r"([0-9]+)\.json|\.([0-9]+)\.json\.new")


class FileSecretSpool:
    """Satisfies scheduler.ports.SecretSpool in one directory (0700, ours, no link), made when it is first needed."""

    def __init__(self, folder: Path) -> None:
        self._path = folder

    def put(self, job_id: int, env: Mapping[str, str]) -> None:
        """On disk, whole, when this returns; an earlier environment of the job is replaced."""
        # ASCII with escapes: an environment may hold bytes that are not text, and they come back as they were.
        document = json.dumps(dict(env)).encode()
        with self._folder() as folder:
            _unlink(_unfinished(job_id), folder)
            try:
                _write(_unfinished(job_id), folder, document)
                os.rename(_unfinished(job_id), _name(job_id), src_dir_fd=folder, dst_dir_fd=folder)
            except OSError:
                _unlink(_unfinished(job_id), folder)
                raise
            os.fsync(folder)

    def get(self, job_id: int) -> dict[str, str]:
        with self._folder() as folder:
            try:
                document = _read(_name(job_id), folder)
            except FileNotFoundError as error:
                raise NotFound(f"the environment of job {job_id} is gone; submit the job again") from error
        try:
            return dict(json.loads(document))
        except (TypeError, ValueError) as error:
            raise StorageError(f"{self._path / _name(job_id)} is damaged; submit job {job_id} again") from error

    def drop(self, job_id: int) -> None:
        """Dropping what is gone already is no mistake."""
        with self._folder() as folder:
            _unlink(_unfinished(job_id), folder)
            _unlink(_name(job_id), folder)

    def jobs(self) -> frozenset[int]:
        with self._folder() as folder, os.scandir(folder) as files:
            found = [_ENVIRONMENT.fullmatch(file.name) for file in files]
        return frozenset(int(match[1] or match[2]) for match in found if match)

    @contextmanager
    def _folder(self) -> Iterator[int]:
        """Its descriptor, so that nothing is followed or exchanged on the way to a file; failures said in our words."""
        try:
            self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
            folder = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                _refuse_unless_private(folder)
                yield folder
            finally:
                os.close(folder)
        except OSError as error:
            if error.errno in NO_ROOM:
                raise DiskFull(
                    f"the disk that holds {self._path} is full; make room there, then do it again"
                ) from error
            raise StorageError(
                f"the secrets in {self._path} cannot be used ({error.strerror}): it must be a directory of yours, "
                f"no link, with plain files, open to nobody else (`chmod -R go= {self._path}`)"
            ) from error


def _name(job_id: int) -> str:
    return f"{job_id}.json"


def _unfinished(job_id: int) -> str:
    return f".{job_id}.json.new"


def _write(name: str, folder: int, document: bytes) -> None:
    with os.fdopen(os.open(name, CREATE, 0o600, dir_fd=folder), "wb") as file:
        file.write(document)
        file.flush()
        os.fsync(file.fileno())


def _read(name: str, folder: int) -> bytes:
    with os.fdopen(os.open(name, READ, dir_fd=folder), "rb") as file:
        _refuse_unless_private(file.fileno())
        return file.read()


def _refuse_unless_private(descriptor: int) -> None:
    found = os.fstat(descriptor)
    plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    if not plain or found.st_uid != os.geteuid() or found.st_mode & 0o077:
        raise PermissionError(errno.EPERM, "open to others, or not ours")


def _unlink(name: str, folder: int) -> None:
    with suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
