"""`carbonq completion`: the script that teaches a shell to complete carbonq."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.completion import get_completion_script  # type: ignore[attr-defined]

from scheduler.cli import options
from scheduler.cli.failures import Failure
from scheduler.cli.output import say, say_json

app = options.command_app()

SHELLS = ("bash", "zsh", "fish")


@app.command()
def completion(
    shell: Annotated[str, typer.Argument(help="bash, zsh or fish.", autocompletion=lambda: list(SHELLS))],
    as_json: options.Json = False,
) -> None:
    """Print a shell's completion script: `source <(carbonq completion bash)`."""
    if shell not in SHELLS:
        raise Failure(f"there is no completion for '{shell}'; choose {', '.join(SHELLS)}")
    script = get_completion_script(prog_name="carbonq", complete_var="_CARBONQ_COMPLETE", shell=shell)
    if as_json:
        say_json({"shell": shell, "script": script})
    else:
        say(script)
