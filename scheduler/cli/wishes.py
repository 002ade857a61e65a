"""The options of one submission: the script's `#CARBONQ` lines, then the command line's over them."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import typer

from scheduler.cli.directives import Directive, directives, script_of
from scheduler.cli.failures import Failure
from scheduler.cli.options import UsageError

MOMENTS = ("within", "by", "now")
"""Three ways to say when; a way given on the command line replaces whichever the script gives."""
REPEATABLE = ("tag", "after", "env")
"""Those of the script and those of the command line count together."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """The options of one submission, script and command line taken together."""

    name: str | None
    gpus: int | None
    within: str | None
    by: str | None
    now: bool
    duration: str | None
    time_limit: str | None
    power: str | None
    interruptible: bool
    checkpoint_signal: str | None
    grace: str
    retries: int
    patience: str | None
    hold: bool
    env: list[str]
    idempotency_key: str | None
    workdir: str | None
    zone: str | None
    project: str | None
    tag: list[str]
    after: list[int]
    dry_run: bool
    wait: bool
    parsable: bool
    as_json: bool


def with_directives(context: typer.Context, command: list[str], workdir: Path) -> Wishes:
    """The options of the script's lines, then the command line's over them."""
    merged: dict[str, Any] = {field.name: context.params[field.name] for field in fields(Wishes)}
    merged.update({name: list(merged[name] or ()) for name in REPEATABLE})
    script = script_of(command, workdir)
    given = _given(context)
    for directive in directives(script) if script else ():
        said = _parsed(context, directive)
        for name in _given(said):
            if name in REPEATABLE:
                merged[name] = [*said.params[name], *merged[name]]
            elif name not in given and not (name in MOMENTS and given & set(MOMENTS)):
                merged[name] = said.params[name]
    return Wishes(**merged)


def _parsed(context: typer.Context, directive: Directive) -> typer.Context:
    """A directive read by the parser of the command itself."""
    mark = "the-command"
    try:
        said = context.command.make_context("submit", [*directive.words, mark], parent=context.parent)
    except UsageError as error:
        raise Failure(f"{directive.where}: {error.format_message()}") from None  # type: ignore[attr-defined]
    if list(said.params["command"]) != [mark]:
        raise Failure(
            f"{directive.where}: '{said.params['command'][0]}' is not an option; only options may stand there"
        )
    return said  # type: ignore[return-value]


def _given(context: typer.Context) -> set[str]:
    names = (field.name for field in fields(Wishes))
    return {name for name in names if getattr(context.get_parameter_source(name), "name", "") == "COMMANDLINE"}
