"""What holds for every command: one JSON value, an exit status, a sentence and never a traceback."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest
from fakes.views import COMPLETED

from scheduler.domain.errors import NotPermitted, StorageError
from scheduler.service_views.requests import LogStream

if TYPE_CHECKING:
    from conftest import CommandLine

ASKING = [
    ["submit", "--json", "--", "true"],
    ["submit", "--json", "--dry-run", "--", "true"],
    ["list", "--json"],
    ["show", "1", "--json"],
    ["logs", "1", "--json"],
    ["wait", "2", "--json"],
    ["explain", "1", "--json"],
    ["cancel", "1", "--json"],
    ["hold", "1", "--json"],
    ["release", "1", "--json"],
    ["run-now", "1", "--json"],
    ["update", "1", "--by", "18:00", "--json"],
    ["history", "--json"],
    ["history", "--by", "day", "--json"],
    ["recompute", "2", "--json"],
    ["clean", "2", "--json"],
    ["plan", "--json"],
    ["grid", "now", "--json"],
    ["grid", "forecast", "--json"],
    ["grid", "providers", "--json"],
    ["grid", "history", "--json"],
    ["grid", "history", "--list", "--json"],
    ["gpus", "--json"],
    ["doctor", "--json"],
]
OFFLINE = [["completion", "bash", "--json"]]


def name(argv: list[str]) -> str:
    return " ".join(argv)


@pytest.mark.parametrize("argv", ASKING + OFFLINE, ids=name)
def test_json_is_exactly_one_value(carbonq: CommandLine, argv: list[str]) -> None:
    carbonq.service.add()
    carbonq.service.add(**COMPLETED)
    answer = carbonq(*argv)
    assert answer.json is not None
    assert answer.status == 0 or (argv[0] == "doctor" and answer.status == 1)


@pytest.mark.parametrize("argv", [["list"], ["history"], ["history", "--by", "project"]], ids=name)
def test_json_of_nothing_is_an_empty_list(carbonq: CommandLine, argv: list[str]) -> None:
    assert carbonq(*argv, "--json").json == []


@pytest.mark.parametrize("argv", ASKING, ids=name)
def test_json_of_an_error_is_one_value_too(carbonq: CommandLine, argv: list[str]) -> None:
    carbonq.service.error = NotPermitted("not yours")
    answer = carbonq(*argv)
    assert answer.json["error"] == {"code": "not-permitted", "message": "not yours"}
    assert answer.status == 77


@pytest.mark.parametrize("argv", ASKING, ids=name)
def test_without_a_daemon_every_command_says_how_to_start_it(lonely: CommandLine, argv: list[str]) -> None:
    answer = lonely(*argv)
    assert answer.status == 69
    assert answer.json["error"]["code"] == "unreachable"
    assert "carbonq daemon" in answer.json["error"]["message"]


@pytest.mark.parametrize("argv", [[word for word in argv if word != "--json"] for argv in ASKING], ids=name)
def test_the_text_of_every_command_has_no_traceback_and_no_null(carbonq: CommandLine, argv: list[str]) -> None:
    """Unknown figures are shown as unknown."""
    carbonq.service.add()
    carbonq.service.add(**COMPLETED)
    answer = carbonq(*argv)
    assert answer.status in (0, 1)
    assert not {"None", "Traceback", "nan"} & set((answer.out + answer.err).split())


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["lst"], "Did you mean 'list'"),
        (["list", "--colour"], "No such option"),
        (["show"], "Missing argument"),
        (["show", "x"], "not a whole number"),
        (["show", "0"], "not in the range"),
        (["list", "--state", "sleeping"], "the states are queued"),
        (["history", "--by", "week"], "choose day"),
        (["history", "--csv", "--json"], "give one"),
        (["history", "--since", "whenever"], "--since"),
        (["history", "--since", "0001-01-01T00:00+14:00"], "--since"),
        (["submit", "--by", "9999-12-31T23:59-14:00", "true"], "--by"),
        (["grid", "forecast", "--hours", "nan"], "nan is not a number"),
        (["grid", "forecast", "--hours", "inf"], "not in the range"),
        (["list", "--limit", "9" * 23], "not in the range"),
        (["logs", "1", "--tail", "9" * 23], "not in the range"),
        (["wait", "1", "--timeout", "5"], "--timeout"),
        (["update", "1"], "--by"),
        (["completion", "tcsh"], "choose bash"),
        (["daemon", "--config", "/nowhere"], "no file"),
    ],
    ids=lambda value: name(value) if isinstance(value, list) else "",
)
def test_a_wrong_command_line_is_refused_with_the_way_out(carbonq: CommandLine, argv: list[str], said: str) -> None:
    answer = carbonq(*argv)
    assert answer.status == 2
    assert said in answer.err + answer.out
    assert "Traceback" not in answer.err


def test_a_usage_error_under_json_is_json(carbonq: CommandLine) -> None:
    answer = carbonq("list", "--json", "--colour")
    assert (answer.json["error"]["code"], answer.status) == ("usage", 2)


def test_json_after_the_double_dash_belongs_to_the_job(carbonq: CommandLine) -> None:
    carbonq("submit", "--", "echo", "--json")
    assert carbonq.service.requests[0].argv == ("echo", "--json")


def test_a_fault_of_the_daemon_has_its_own_status(carbonq: CommandLine) -> None:
    carbonq.service.error = StorageError("the disk is full")
    assert carbonq("list").status == 1


def test_a_fault_of_the_command_shows_a_sentence_and_how_to_see_more(
    carbonq: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No traceback ever reaches the user who has not asked for it."""
    import scheduler.cli.jobs_list

    monkeypatch.setattr(scheduler.cli.jobs_list, "table_by_intensity", lambda *_: 1 / 0)
    carbonq.service.add()
    answer = carbonq("list")
    assert answer.status == 1
    assert "Traceback" not in answer.err and "CARBONQ_TRACEBACK" in answer.err
    monkeypatch.setenv("CARBONQ_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        carbonq("list")


def test_a_daemon_where_another_runs_may_be_tried_again(carbonq: CommandLine) -> None:
    """Not 2, with which systemd would give up for good: the other one may end."""
    process = carbonq.process("daemon", "--json", "--zone", "GB", "--provider", "static")
    out, _ = process.communicate(timeout=60)
    error = json.loads(out)["error"]
    assert (process.returncode, error["code"]) == (1, "daemon")
    assert "a daemon already listens on" in error["message"]


def test_a_daemon_whose_socket_has_too_long_a_name_has_wrong_settings(lonely: CommandLine) -> None:
    """It does not mend itself."""
    home = lonely.home / ("x" * 120)
    process = lonely.process(
        "daemon", "--json", "--zone", "GB", "--provider", "static", env={"CARBONQ_HOME": str(home)}
    )
    out, _ = process.communicate(timeout=60)
    error = json.loads(out)["error"]
    assert (process.returncode, error["code"]) == (2, "settings")
    assert "set CARBONQ_HOME to a shorter directory" in error["message"]


def test_something_else_on_the_socket_is_not_taken_for_a_daemon(lonely: CommandLine) -> None:
    import socket
    import threading

    path = lonely.home / "run" / "api.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def answer_once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n<b/>")

        thread = threading.Thread(target=answer_once)
        thread.start()
        answer = lonely("list")
        thread.join()
    assert answer.status == 69 and "not carbonq's API" in answer.err


@pytest.mark.parametrize("argv", [["list"], ["list", "--json"], ["logs", "1"], ["plan"]], ids=name)
def test_output_into_a_closed_pipe_is_quiet(carbonq: CommandLine, argv: list[str]) -> None:
    """`carbonq list | true`."""
    carbonq.service.add(**COMPLETED)
    carbonq.service.logs[1, LogStream.STDOUT] = [b"line\n"]
    read, write = os.pipe()
    os.close(read)
    process = carbonq.process(*argv, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=30)
    assert err == b""
    assert process.returncode == 141


def on_a_terminal(carbonq: CommandLine, *argv: str, **env: str) -> str:
    """Output of a command that believes that somebody looks."""
    ours, theirs = pty.openpty()
    process = carbonq.process(*argv, stdout=theirs, stderr=subprocess.DEVNULL, env={"TERM": "xterm", **env})
    os.close(theirs)
    text = b""
    while True:
        try:
            text += os.read(ours, 65536)
        except OSError:
            break
    process.wait(timeout=30)
    os.close(ours)
    return text.decode()


def test_colour_is_for_terminals_that_want_it(carbonq: CommandLine) -> None:
    """Neither into a pipe, nor with NO_COLOR, nor on a dumb terminal."""
    carbonq.service.add(**COMPLETED)
    assert "\x1b[" in on_a_terminal(carbonq, "list")
    assert "\x1b[" not in on_a_terminal(carbonq, "list", NO_COLOR="1")
    assert "\x1b[" not in on_a_terminal(carbonq, "list", TERM="dumb")
    assert "\x1b[" not in carbonq("list").out


def test_a_table_fits_the_terminal(carbonq: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    carbonq.service.add(name="a-name-that-is-much-longer-than-there-is-room-for-it")
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, carbonq("list").out.splitlines())) <= 60
    monkeypatch.delenv("COLUMNS")
    assert "there-is-room-for-it" in carbonq("list").out


def test_times_are_in_the_users_zone(carbonq: CommandLine) -> None:
    carbonq.service.add(**COMPLETED)
    process = carbonq.process("show", "1", env={"TZ": "Asia/Tokyo"})
    out, _ = process.communicate(timeout=30)
    assert "21:00:00 JST" in out.decode()


def test_help_lists_every_command_and_names_the_exit_statuses(carbonq: CommandLine) -> None:
    from scheduler.cli.main import COMMANDS

    answer = carbonq("--help")
    assert answer.status == 0
    assert all(f"  {command} " in answer.out for command in COMMANDS)
    assert "69" in answer.out and "75" in answer.out and "77" in answer.out


def test_the_version_is_printed(carbonq: CommandLine) -> None:
    assert carbonq("--version").out.startswith("carbonq ")


def completed(carbonq: CommandLine, words: str, index: int) -> list[str]:
    env = {"COMP_WORDS": words, "COMP_CWORD": str(index), "_CARBONQ_COMPLETE": "complete_bash"}
    out, _ = carbonq.process(env=env).communicate(timeout=30)
    return out.decode().split()


def test_the_shell_completes_commands_states_and_job_numbers(carbonq: CommandLine) -> None:
    carbonq.service.add()
    carbonq.service.add()
    assert completed(carbonq, "carbonq gr", 1) == ["grid"]
    assert completed(carbonq, "carbonq grid f", 2) == ["forecast"]
    assert completed(carbonq, "carbonq list --state qu", 3) == ["queued"]
    assert completed(carbonq, "carbonq show ", 2) == ["1", "2"]


def test_completion_is_quiet_without_a_daemon(lonely: CommandLine) -> None:
    assert completed(lonely, "carbonq show ", 2) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_completion_script_names_the_command(lonely: CommandLine, shell: str) -> None:
    script = lonely("completion", shell).out
    assert "_CARBONQ_COMPLETE" in script and "carbonq" in script
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script.encode(), check=True)


def test_json_keeps_to_ascii_free_text_as_it_is(carbonq: CommandLine) -> None:
    carbonq.service.add(name="训练-é")
    assert json.loads(carbonq("list", "--json").out)[0]["name"] == "训练-é"
