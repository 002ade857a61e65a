"""`carbonq submit`: queue a command."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scheduler.cli import options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.command_line import usable_workdir
from scheduler.cli.failures import Failure
from scheduler.cli.output import ClosedPipe, Unwritable, flush, notice, say, say_json
from scheduler.cli.submission import in_options, request_body
from scheduler.cli.submission_text import submission_text
from scheduler.cli.wishes import Wishes, with_directives

app = options.command_app()


@app.command(context_settings={"allow_interspersed_args": False})
def submit(
    context: typer.Context,
    command: Annotated[
        list[str],
        typer.Argument(metavar="[--] COMMAND [ARGUMENT]...", help="What to run; a script's #CARBONQ lines are read."),
    ],
    name: Annotated[str | None, typer.Option("--name", "-J", help="Name of the job; else the script's.")] = None,
    gpus: Annotated[
        int | None, typer.Option("--gpus", min=0, help="GPUs to hold. [default: 1, or 0 (a CPU slot) without any GPU]")
    ] = None,
    within: Annotated[str | None, typer.Option("--within", help="Finished within this long: 8h, 1d12h.")] = None,
    by: Annotated[str | None, typer.Option("--by", help=f"Finished by then: {times.FORMS}.")] = None,
    patience: Annotated[
        str | None,
        typer.Option("--patience", help="What an hour less of waiting is worth: 50g/h. [default: the daemon's]"),
    ] = None,
    now: Annotated[bool, typer.Option("--now", help="Do not wait for cleaner power.")] = False,
    duration: Annotated[
        str | None,
        typer.Option("--duration", help="Estimated running time: 2h. Not a limit. [default: like jobs, or 4 h]"),
    ] = None,
    time_limit: Annotated[
        str | None, typer.Option("--time-limit", "-t", help="Stop the job after this running time: 12h.")
    ] = None,
    power: Annotated[
        str | None, typer.Option("--power", help="Estimated power of the whole job, at the board: 300W, 1.2kW.")
    ] = None,
    interruptible: Annotated[
        bool, typer.Option("--interruptible/--no-interruptible", help="It may be suspended, and resumes by itself.")
    ] = False,
    checkpoint_signal: Annotated[
        str | None, typer.Option("--checkpoint-signal", help="Signal that makes the job write a checkpoint: SIGUSR1.")
    ] = None,
    grace: Annotated[str, typer.Option("--grace", help="Time to write a checkpoint, and again to end.")] = "30s",
    retries: Annotated[int, typer.Option("--retries", min=0, help="Further attempts after a failure.")] = 0,
    hold: Annotated[bool, typer.Option("--hold", help="Queue it held; `carbonq release` lets it go.")] = False,
    env: Annotated[
        list[str] | None,
        typer.Option("--env", help="Pass on a variable: NAME, NAME=VALUE, or ALL; may be repeated."),
    ] = None,
    idempotency_key: Annotated[
        str | None,
        typer.Option("--idempotency-key", help="Your name of this submission: asked for again, it is still one job."),
    ] = None,
    workdir: Annotated[str | None, typer.Option("--workdir", help="Run there. [default: here]")] = None,
    zone: Annotated[str | None, typer.Option("--zone", help="Grid zone. [default: the daemon's]")] = None,
    project: Annotated[str | None, typer.Option("--project", help="Project to account it to.")] = None,
    tag: Annotated[list[str] | None, typer.Option("--tag", help="Label; may be repeated.")] = None,
    after: Annotated[
        list[int] | None,
        typer.Option(
            "--after",
            min=1,
            autocompletion=options.complete_job,
            help="Only after this job has completed; may be repeated.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and queue nothing.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Wait for the end and leave with the job's exit status.")
    ] = False,
    parsable: Annotated[
        bool, typer.Option("--parsable", "-p", help="Print the job's number and nothing else.")
    ] = False,
    as_json: options.Json = False,
) -> int:
    """Queue a command for a clean hour before its deadline.

    --within and --by mean finished by then. Without a deadline a job waits for at most a day.
    """
    wishes = with_directives(context, command, usable_workdir(workdir))
    client = DaemonClient()
    answer = _submitted(client, request_body(command, wishes, times.now()))
    if wishes.wait and not wishes.dry_run:
        return _wait(client, answer, wishes)
    _answer(answer, wishes)
    return 0


def _submitted(client: DaemonClient, body: dict[str, Any]) -> Any:
    try:
        return client.post("/v1/jobs", body)
    except Failure as failure:
        raise Failure(in_options(str(failure)), failure.code, failure.exit_code) from None


def _answer(answer: dict[str, Any], wishes: Wishes) -> None:
    try:
        if wishes.as_json:
            say_json(answer)
        elif wishes.parsable:
            say("" if answer["id"] is None else str(answer["id"]))
        else:
            say(submission_text(answer, times.now()))
        flush()
    except (ClosedPipe, Unwritable):
        if answer["id"] is not None:
            # A script that takes this for a failure would submit the job twice.
            notice(
                f"job {answer['id']} is {answer['state']}, only its number could not be printed; do not submit it again"
            )
        raise


def _wait(client: DaemonClient, answer: dict[str, Any], wishes: Wishes) -> int:
    from scheduler.cli.waiting import exit_code, leaving_alone, tell_ending, until_ended

    if not wishes.as_json:
        _answer(answer, wishes)
    with leaving_alone(answer["id"]):
        detail = until_ended(client, answer["id"])
    if wishes.as_json:
        say_json(detail)
    else:
        tell_ending(detail)
    return exit_code(detail)
