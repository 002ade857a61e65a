"""The two directories a job may write to: its channel, and the checkpoints that all its segments share.

Where the supervisor is root's and the job another user's, both are made in a directory of root's and given away empty;
root writes nothing into them and follows no link below them.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from workers.identity import Identity

PRIVATE = 0o700
PASSED_THROUGH = 0o711
"""Of a directory of root's on the way to one of the job's: it can be entered, and neither listed nor changed."""
READ_BY_US = 0o2770
"""What the job leaves in its channel belongs to our group, so that reading it needs no privilege."""


def make_job_directories(channel: Path, checkpoints: Path, owner: Identity | None) -> None:
    """OSError where one of them cannot be made, or belongs to somebody else already."""
    if owner is None:
        channel.mkdir(mode=PRIVATE, exist_ok=True)
        checkpoints.mkdir(mode=PRIVATE, parents=True, exist_ok=True)
        return
    checkpoints.parent.mkdir(mode=PASSED_THROUGH, parents=True, exist_ok=True)
    _give(channel, READ_BY_US, owner.uid, os.getegid())
    _give(checkpoints, PRIVATE, owner.uid, owner.gid)


def _give(path: Path, mode: int, uid: int, gid: int) -> None:
    try:
        path.mkdir(mode=PRIVATE)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != uid:
            raise PermissionError(f"{path} is not a directory of uid {uid}") from None
        return
    # The mode first: once it is given away, it is no longer ours to change.
    path.chmod(mode)
    os.chown(path, uid, gid, follow_symlinks=False)
