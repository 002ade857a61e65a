"""Scripts, their `#CARBONQ` lines, and commands that cannot run."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.cli.command_line import runnable, usable_workdir
from scheduler.cli.directives import directives, script_of
from scheduler.cli.failures import Failure

ENV = {"PATH": "/usr/bin:/bin"}


def script(folder: Path, text: str, name: str = "train.sh", mode: int = 0o644) -> Path:
    path = folder / name
    path.write_text(text)
    path.chmod(mode)
    return path


def test_options_are_read_from_the_head_of_the_script_only(tmp_path: Path) -> None:
    """As sbatch does: after the first command nothing counts."""
    path = script(
        tmp_path,
        '#!/bin/sh\n\n# words\n#CARBONQ --gpus 2 --name "two words" # why\n#CARBONQ\t--tag a\n'
        "echo\n#CARBONQ --gpus 9\n",
    )
    found = directives(path)
    assert [(d.line, d.words) for d in found] == [(4, ("--gpus", "2", "--name", "two words")), (5, ("--tag", "a"))]


def test_a_word_that_only_begins_like_the_mark_is_a_comment(tmp_path: Path) -> None:
    assert directives(script(tmp_path, "#CARBONQUE --gpus 2\n# CARBONQ --gpus 2\n")) == ()


def test_an_open_quote_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"line 2.*quotes"):
        directives(script(tmp_path, '#!/bin/sh\n#CARBONQ --name "x\n'))


@pytest.mark.parametrize("argv", [["train.sh", "data.csv"], ["./train.sh"], ["bash", "-x", "train.sh"]])
def test_the_script_is_the_first_word_that_names_a_text_file(tmp_path: Path, argv: list[str]) -> None:
    script(tmp_path, "#CARBONQ --gpus 2\n")
    script(tmp_path, "x", name="data.csv")
    found = script_of(argv, tmp_path)
    assert found is not None and found.name == "train.sh"


def test_a_binary_is_no_script(tmp_path: Path) -> None:
    (tmp_path / "tool").write_bytes(b"\x7fELF\0\0#CARBONQ --gpus 2\n")
    assert script_of(["./tool"], tmp_path) is None


def test_a_command_on_the_path_runs_as_it_is(tmp_path: Path) -> None:
    assert runnable(["sh", "-c", "true"], tmp_path, ENV) == ["sh", "-c", "true"]


def test_a_script_without_execute_permission_runs_by_its_first_line(tmp_path: Path) -> None:
    path = script(tmp_path, "#!/usr/bin/env python3\n")
    assert runnable(["train.sh", "1"], tmp_path, ENV) == ["/usr/bin/env", "python3", str(path), "1"]


def test_an_executable_in_the_workdir_needs_no_dot_slash(tmp_path: Path) -> None:
    path = script(tmp_path, "#!/bin/sh\n", mode=0o755)
    assert runnable(["train.sh"], tmp_path, ENV) == [str(path)]
    assert runnable(["./train.sh"], tmp_path, ENV) == ["./train.sh"]


def test_a_misspelt_command_is_found_out_at_once(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="no command 'pyhton'"):
        runnable(["pyhton", "train.py"], tmp_path, ENV)


def test_a_text_that_names_no_interpreter_is_refused_with_the_way_to_run_it(tmp_path: Path) -> None:
    script(tmp_path, "print(1)\n", name="train.py")
    with pytest.raises(Failure, match=r"python train\.py"):
        runnable(["train.py"], tmp_path, ENV)


def test_a_word_that_is_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="not UTF-8"):
        runnable(["echo", "\udcff"], tmp_path, ENV)


def test_a_workdir_must_be_a_directory(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="not a directory"):
        usable_workdir(str(tmp_path / "nowhere"))
    with pytest.raises(Failure, match="not a directory"):
        usable_workdir(str(script(tmp_path, "")))
