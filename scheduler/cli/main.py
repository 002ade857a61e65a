"""Entry: finds the command's file, runs it, and turns every failure into a sentence and an exit status."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup
from typer.main import get_command

from scheduler.cli import output
from scheduler.cli.failures import EXIT_CLOSED_PIPE, EXIT_FAULT, Failure
from scheduler.cli.options import UsageError

COMMANDS = {
    "submit": "jobs_submit",
    "list": "jobs_list",
    "show": "jobs_show",
    "logs": "jobs_logs",
    "wait": "jobs_wait",
    "explain": "jobs_explain",
    "cancel": "jobs_change",
    "hold": "jobs_change",
    "release": "jobs_change",
    "run-now": "jobs_change",
    "update": "jobs_change",
    "history": "history",
    "recompute": "recompute",
    "clean": "clean",
    "plan": "plan",
    "grid": "grid",
    "gpus": "gpus",
    "simulate": "simulate",
    "daemon": "daemon",
    "doctor": "doctor",
    "service": "service",
    "demo": "demo",
    "completion": "completion",
}
"""Command to its file in this package. A file with several commands names them in its own Typer app."""

LONGEST_REASON = 500
"""Characters that are shown of an error nobody foresaw."""


class _Commands(MutableMapping[str, Any]):
    """The commands by name, each imported when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        loaded = get_command(import_module(f"scheduler.cli.{COMMANDS[name]}").app)
        several = COMMANDS[name] != name and list(COMMANDS.values()).count(COMMANDS[name]) > 1
        command = loaded.commands[name] if several else loaded  # type: ignore[attr-defined]
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(COMMANDS)

    def __len__(self) -> int:
        return len(COMMANDS)

    def __setitem__(self, name: str, command: Any) -> NoReturn:
        raise TypeError("the commands are listed in COMMANDS")

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError("the commands are listed in COMMANDS")


class _LazyGroup(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = _Commands()


app = typer.Typer(
    cls=_LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        output.say(f"carbonq {version('carbonq')}")
        raise typer.Exit


@app.callback()
def carbonq(
    _: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and leave.")
    ] = False,
) -> None:
    """Run training jobs when the grid is clean, and say what they emitted.

    Times are shown in your zone (TZ). Exit status: 0 fine, 1 a fault, 2 usage or request error, 69 the daemon cannot be
    reached, 75 timeout, 77 not permitted; wait, logs -f and submit --wait return the job's own.
    """


def run() -> NoReturn:
    """What the `carbonq` script calls."""
    _fill_closed_descriptors()
    sys.exit(main(sys.argv[1:]))


def _fill_closed_descriptors() -> None:
    """A file or a socket that was opened in the place of a closed stream would be taken for that stream."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def main(argv: list[str]) -> int:
    """The exit status of `carbonq argv...`; no traceback reaches the user unless CARBONQ_TRACEBACK is set."""
    try:
        status = _invoke(argv)
        output.flush()
        return status
    except output.ClosedPipe:
        output.drop(sys.stdout)
        return EXIT_CLOSED_PIPE
    except output.Unwritable as unwritable:
        output.drop(sys.stdout)
        lost = f"the answer is lost, for stdout cannot be written: {unwritable}; send it elsewhere, or make room there"
        _complain(argv, lost)
        return EXIT_FAULT
    except KeyboardInterrupt:
        return 130


def _invoke(argv: list[str]) -> int:
    try:
        status = get_command(app).main(args=argv, prog_name="carbonq", standalone_mode=False)
        return status if isinstance(status, int) else 0
    except Failure as failure:
        _report(argv, failure.code, str(failure))
        return failure.exit_code
    except (output.ClosedPipe, output.Unwritable, KeyboardInterrupt):
        raise
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else EXIT_FAULT
    except Exception as error:
        if isinstance(error, UsageError):
            return _usage(argv, error)
        return _unforeseen(argv, error)


def _usage(argv: list[str], error: Any) -> int:
    message = error.format_message().replace("is not a valid integer range", "is not a whole number")
    if argv:
        context = f"{error.ctx.command_path} --help" if error.ctx else "carbonq --help"
        message = f"{message.rstrip('.')}{'' if message.endswith('?') else '.'} `{context}` shows how it is used."
    _report(argv, "usage", message)
    return int(error.exit_code)


def _unforeseen(argv: list[str], error: Exception) -> int:
    if (unwritable := output.as_unwritable(error)) is not None:
        raise unwritable
    if os.environ.get("CARBONQ_TRACEBACK"):
        raise error
    where = "set CARBONQ_TRACEBACK=1 to see where, and please report it"
    what = f"{type(error).__name__}: {str(error)[:LONGEST_REASON]}"
    _report(argv, "internal", f"carbonq failed in an unforeseen way: {what}; {where}")
    return EXIT_FAULT


def _report(argv: list[str], code: str, message: str) -> None:
    if not wants_json(argv):
        _complain(argv, message)
        return
    try:
        output.say_json({"error": {"code": code, "message": message}})
        output.flush()
    except output.Unwritable:
        output.drop(sys.stdout)
        _complain(argv, message)


def _complain(argv: list[str], message: str) -> None:
    prefix = "" if not argv else output.paint("carbonq: ", "red", sys.stderr)
    output.tell(f"{prefix}{message}\n")


def wants_json(argv: list[str]) -> bool:
    """Whether `--json` is ours: not after `--`, where the job's own command line begins."""
    ours = argv[: argv.index("--")] if "--" in argv else argv
    return "--json" in ours
