"""What a supervisor writes while the job runs: energy slices without a gap, rotated logs; and what a fault costs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from fakes.worker_processes import ENV_METER, WATTS, Start, kill_supervisors, run_spec, wait_until

from scheduler.protocol import LiveReading, SliceRecord
from workers.journal import read_record, slices_after
from workers.logs import read_log


@pytest.fixture(autouse=True)
def nothing_outlives_its_test(tmp_path: Path) -> Iterator[None]:
    yield
    kill_supervisors(tmp_path)


def start(root: Path, *argv: str, env: dict[str, str] | None = None, **changes: object) -> Start:
    return Start(root / "1-1-1", run_spec(root, *argv, **changes), env)


def slices(started: Start) -> list[SliceRecord]:
    return slices_after(started.directory / "readings.jsonl", 0, 1000)


def joules(pieces: list[SliceRecord]) -> float:
    return sum(part.joules for piece in pieces for part in piece.parts)


def test_slices_cover_the_run_from_start_to_end_without_a_gap(tmp_path: Path) -> None:
    started = start(tmp_path, "sleep", "0.7")
    ended = started.exit()
    pieces = slices(started)
    assert len(pieces) >= 3
    assert [piece.seq for piece in pieces] == list(range(1, ended.last_seq + 1))
    assert (pieces[0].start_t, pieces[-1].end_t) == (ended.started_t, ended.ended_t)
    assert all(before.end_t == after.start_t for before, after in pairwise(pieces))
    assert joules(pieces) == pytest.approx(WATTS * (ended.ended_t - ended.started_t), rel=0.05)


def test_even_the_shortest_run_has_a_slice(tmp_path: Path) -> None:
    started = start(tmp_path, "true")
    assert started.exit().last_seq == len(slices(started)) == 1


def test_a_slice_is_on_disk_while_the_job_still_runs(tmp_path: Path) -> None:
    started = start(tmp_path, "sleep", "600")
    wait_until(lambda: len(slices(started)) >= 2)
    started.kill()
    assert len(slices(started)) >= 2


def test_the_last_sample_is_there_for_people_watching(tmp_path: Path) -> None:
    started = start(tmp_path, "sleep", "600")
    live = wait_until(lambda: read_record(started.directory / "live.json", LiveReading))
    assert live.watts == WATTS
    started.kill()


def test_a_job_whose_name_the_kernel_cuts_in_the_middle_of_a_letter_is_metered_to_its_end(tmp_path: Path) -> None:
    """A process's name is the first 15 bytes of its script's; this one ends in half an `é`."""
    script = tmp_path / "entrainements-é.sh"
    script.write_text("#!/bin/sh\nread x < go\n")
    script.chmod(0o700)
    os.mkfifo(tmp_path / "go")
    started = start(tmp_path, str(script), env={ENV_METER: "real"})
    wait_until(lambda: len(slices(started)) >= 3)
    (tmp_path / "go").write_text("x\n")
    started.exit()
    pieces = slices(started)
    assert {flag for piece in pieces for part in piece.parts for flag in part.flags} == set()
    assert all(joules([piece]) > 0 for piece in pieces)


@pytest.mark.parametrize("fault", ["broken", "breaks"])
def test_a_meter_that_fails_costs_the_job_nothing_and_is_said(tmp_path: Path, fault: str) -> None:
    """Unknown is not zero: the part carries the flag."""
    started = start(tmp_path, "sh", "-c", "sleep 0.5; exit 6", env={ENV_METER: fault})
    ended = started.exit()
    pieces = slices(started)
    assert ended.code == 6
    assert ended.last_seq == len(pieces) >= 2
    assert {flag for piece in pieces for part in piece.parts for flag in part.flags} == {"meter-lost"}
    assert "the job goes on" in started.supervisor_log()


def test_slices_that_a_full_disk_refused_are_written_at_the_next_cut(tmp_path: Path) -> None:
    directory = tmp_path / "1-1-1"
    spec = run_spec(tmp_path, "sh", "-c", "ln -s /dev/full $CARBONQ_CHANNEL_DIR/../readings.jsonl; sleep 600")
    started = Start(directory, spec)
    wait_until(lambda: "the disk refused" in started.supervisor_log())
    (directory / "readings.jsonl").unlink()
    wait_until(lambda: len(slices(started)) >= 2)
    pieces = slices(started)
    assert [piece.seq for piece in pieces] == list(range(1, len(pieces) + 1))
    started.kill()


def test_an_exit_that_a_full_disk_refused_is_written_when_there_is_room(tmp_path: Path) -> None:
    """Until then the lock is held, so that nobody takes the segment for lost."""
    directory = tmp_path / "1-1-1"
    spec = run_spec(tmp_path, "sh", "-c", "ln -s /dev/full $CARBONQ_CHANNEL_DIR/../.exit.json.aside; exit 8")
    started = Start(directory, spec)
    wait_until(lambda: "is not written yet" in started.supervisor_log())
    assert started.process.poll() is None
    (directory / ".exit.json.aside").unlink()
    assert started.exit().code == 8


def test_a_supervisor_told_to_go_before_it_could_write_the_exit_lets_the_lock_go(tmp_path: Path) -> None:
    """Then run.json alone is there, and the segment is lost, as it would be after a power cut."""
    script = "ln -s /dev/full $CARBONQ_CHANNEL_DIR/../.exit.json.aside; exit 8"
    started = start(tmp_path, "sh", "-c", script)
    wait_until(lambda: "is not written yet" in started.supervisor_log())
    started.process.terminate()
    assert started.process.wait(30) == 1
    assert not (started.directory / "exit.json").exists()


def test_output_that_a_full_disk_refuses_is_lost_and_the_job_goes_on(tmp_path: Path) -> None:
    directory = tmp_path / "1-1-1"
    spec = run_spec(tmp_path, "sh", "-c", "head -c 3000000 /dev/zero; exit 4")
    directory.mkdir()
    (directory / "stdout.log").symlink_to("/dev/full")
    assert Start(directory, spec).exit().code == 4


def test_a_log_is_rotated_at_its_limit_and_read_on_across_it(tmp_path: Path) -> None:
    """The newest output is always there; what was rotated away is counted as lost."""
    script = "for i in $(seq 1 1000); do printf '%07d\\n' $i; done; printf err >&2"
    started = start(tmp_path, "sh", "-c", script, log_limit_bytes=1000)
    started.exit()
    path = started.directory / "stdout.log"
    assert path.stat().st_size <= 1000
    assert path.with_name("stdout.log.1").stat().st_size == 1000
    chunk = read_log(path, 0, 10_000, no_more_comes=True)
    assert chunk.next_offset == 8000
    assert chunk.lost == 8000 - 1000 - path.stat().st_size
    assert read_log(started.directory / "stderr.log", 0, 10, no_more_comes=True).next_offset == 3


def test_all_output_up_to_the_end_is_taken_in(tmp_path: Path) -> None:
    """More than the pipe holds, written just before the exit."""
    started = start(tmp_path, "sh", "-c", "head -c 5000000 /dev/zero")
    started.exit()
    assert (started.directory / "stdout.log").stat().st_size == 5_000_000
