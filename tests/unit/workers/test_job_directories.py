"""The directories that are given to a job, and what root refuses to be led to."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from workers.identity import Identity
from workers.job_directories import make_job_directories

ALICE = Identity(4001, 4001, (4001,))
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_users_own_supervisor_makes_both_private(tmp_path: Path) -> None:
    channel, checkpoints = tmp_path / "channel", tmp_path / "checkpoints" / "7"
    make_job_directories(channel, checkpoints, None)
    make_job_directories(channel, checkpoints, None)
    assert (mode(channel), mode(checkpoints)) == (0o700, 0o700)


@needs_root
def test_another_users_job_owns_both_and_its_channel_stays_readable_to_us(tmp_path: Path) -> None:
    channel, checkpoints = tmp_path / "channel", tmp_path / "checkpoints" / "7"
    make_job_directories(channel, checkpoints, ALICE)
    make_job_directories(channel, checkpoints, ALICE)
    assert [path.stat().st_uid for path in (channel, checkpoints)] == [4001, 4001]
    assert (mode(channel), channel.stat().st_gid) == (0o2770, os.getegid())
    assert (mode(checkpoints), mode(checkpoints.parent)) == (0o700, 0o711)


@needs_root
def test_what_lies_in_the_place_of_checkpoints_and_is_not_the_users_is_refused(tmp_path: Path) -> None:
    """Neither another's directory nor a link is given away."""
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "7").symlink_to("/etc")
    with pytest.raises(PermissionError, match="not a directory of uid 4001"):
        make_job_directories(tmp_path / "channel", tmp_path / "checkpoints" / "7", ALICE)
    assert Path("/etc").stat().st_uid == 0
