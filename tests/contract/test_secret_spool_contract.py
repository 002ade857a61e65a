"""What every secret spool does, and what the one on disk does besides."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from fakes.secrets import FakeSecretSpool
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.errors import NotFound, StorageError
from scheduler.ports import SecretSpool
from scheduler.storage import FileSecretSpool

ENV = {"API_TOKEN": "s3cret", "EMPTY": "", "LINES": "a\nb", "WORD": "größe"}


@pytest.fixture(params=["fake", "file"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> SecretSpool:
    return FakeSecretSpool() if request.param == "fake" else FileSecretSpool(tmp_path / "secrets")


def test_an_environment_comes_back_as_it_was(spool: SecretSpool) -> None:
    spool.put(1, ENV)
    spool.put(2, {})
    assert spool.get(1) == ENV
    assert spool.get(2) == {}


def test_what_is_handed_out_is_the_callers_own(spool: SecretSpool) -> None:
    spool.put(1, ENV)
    spool.get(1)["API_TOKEN"] = "changed"
    assert spool.get(1) == ENV


def test_putting_again_replaces(spool: SecretSpool) -> None:
    spool.put(1, ENV)
    spool.put(1, {"ONLY": "this"})
    assert spool.get(1) == {"ONLY": "this"}


def test_what_was_dropped_is_gone_and_may_be_dropped_again(spool: SecretSpool) -> None:
    spool.put(1, ENV)
    spool.drop(1)
    spool.drop(1)
    with pytest.raises(NotFound, match="job 1 is gone; submit"):
        spool.get(1)


def test_it_names_the_jobs_that_something_is_kept_of(spool: SecretSpool) -> None:
    assert spool.jobs() == frozenset()
    for job_id in (1, 20, 3):
        spool.put(job_id, ENV)
    spool.drop(3)
    assert spool.jobs() == {1, 20}


@given(env=st.dictionaries(st.text(st.characters(exclude_characters="\0")), st.text()))
def test_any_environment_survives_the_disk(env: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Save and load are inverse."""
    spool = FileSecretSpool(tmp_path_factory.getbasetemp() / "any")
    spool.put(1, env)
    assert FileSecretSpool(tmp_path_factory.getbasetemp() / "any").get(1) == env


def test_bytes_that_are_no_text_survive_the_disk(tmp_path: Path) -> None:
    """`os.environ` holds them as lone surrogates."""
    env = {"LEGACY": os.fsdecode(b"caf\xe9")}
    FileSecretSpool(tmp_path / "s").put(1, env)
    assert FileSecretSpool(tmp_path / "s").get(1) == env


def test_only_the_owner_can_read_even_under_a_generous_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        FileSecretSpool(tmp_path / "s").put(1, ENV)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "s").stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "s").iterdir()] == [0o600]


@pytest.mark.parametrize("replacement", ["link", "fifo", "others"])
def test_a_file_that_is_not_ours_alone_is_not_read(tmp_path: Path, replacement: str) -> None:
    """Neither a link to somewhere, nor a pipe that would hold us for ever, nor a file that others could have read."""
    spool, file = FileSecretSpool(tmp_path / "s"), tmp_path / "s" / "1.json"
    spool.put(1, ENV)
    if replacement == "others":
        file.chmod(0o644)
    else:
        file.rename(tmp_path / "elsewhere")
        file.symlink_to(tmp_path / "elsewhere") if replacement == "link" else os.mkfifo(file, 0o600)
    with pytest.raises(StorageError, match="chmod -R go="):
        spool.get(1)


def test_a_directory_that_is_open_to_others_or_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    for name in ("open", "link"):
        with pytest.raises(StorageError, match=str(tmp_path / name)):
            FileSecretSpool(tmp_path / name).put(1, ENV)


def test_a_link_laid_in_the_way_of_a_new_file_is_not_followed(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    spool = FileSecretSpool(tmp_path / "s")
    spool.put(2, {})
    (tmp_path / "s" / ".1.json.new").symlink_to(victim)
    (tmp_path / "s" / "1.json").symlink_to(victim)
    spool.put(1, ENV)
    assert spool.get(1) == ENV
    assert victim.read_text() == "untouched"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    spool = FileSecretSpool(tmp_path / "s")
    spool.put(7, ENV)
    (tmp_path / "s" / "7.json").write_text('{"API_TOK')
    with pytest.raises(StorageError, match=r"7\.json is damaged; submit job 7 again") as caught:
        spool.get(7)
    assert "API" not in str(caught.value)


def test_nothing_is_left_over_when_an_environment_is_dropped(tmp_path: Path) -> None:
    """Not even what a crash in the middle of writing left."""
    spool = FileSecretSpool(tmp_path / "s")
    spool.put(1, ENV)
    (tmp_path / "s" / ".1.json.new").write_text("half")
    (tmp_path / "s" / ".2.json.new").write_text("half")
    (tmp_path / "s" / "notes.txt").touch()
    assert spool.jobs() == {1, 2}
    spool.drop(1)
    spool.drop(2)
    (tmp_path / "s" / "notes.txt").unlink()
    assert list((tmp_path / "s").iterdir()) == []
