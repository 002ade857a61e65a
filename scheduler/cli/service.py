"""`carbonq service`: install carbonq as a systemd service, for yourself or for the whole machine."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import typer

from scheduler.cli import options
from scheduler.cli.failures import EXIT_FAULT, Failure
from scheduler.cli.output import say, say_json
from scheduler.cli.output_files import write_whole

app = options.command_app("Install carbonq as a systemd service, for yourself or for the whole machine.")

HIDDEN_FROM_SERVICES = (Path("/home"), Path("/root"), Path("/run/user"))
"""What ProtectHome= hides: a service cannot be started from there."""
_PROGRAM = re.compile(r"(?m)^ExecStart=\S+/(carbonq|python3 -P -m workers\.agent)(?= |$)")
_MODULES = {"carbonq": "scheduler.cli", "python3 -P -m workers.agent": "workers.agent"}
_SYSTEM_PLACES = {
    ".service": "systemd/system/{}",
    ".socket": "systemd/system/{}",
    ".sysusers.conf": "sysusers.d/{}",
    ".tmpfiles.conf": "tmpfiles.d/{}",
}

System = Annotated[bool, typer.Option("--system", help="For the whole machine and all its users; needs root.")]


@app.command("print")
def print_(system: System = False, as_json: options.Json = False) -> None:
    """Print what `install` would write, and where."""
    texts = unit_files(system, os.environ)
    if as_json:
        say_json({str(path): text for path, text in texts.items()})
        return
    say("\n".join(f"# {path}\n{text}" for path, text in texts.items()).rstrip())


@app.command()
def install(system: System = False, as_json: options.Json = False) -> None:
    """Write the unit files for this very installation and have systemd read them.

    Nothing is started or enabled: what to do next is printed. Doing it again after an upgrade or a move is fine.
    """
    if system:
        _check_system()
    texts = unit_files(system, os.environ)
    for path, text in texts.items():
        _write(path, text)
    _tell_systemd(system)
    if as_json:
        say_json({"written": [str(path) for path in texts], "next": _next_steps(system)})
        return
    say("\n".join(f"wrote {path}" for path in texts))
    say("\n".join(["next:", *(f"  {step}" for step in _next_steps(system))]))


def unit_files(system: bool, environ: Mapping[str, str]) -> dict[Path, str]:
    """Every file by its place, with the path of this installation's Python in it."""
    folder = _units() / ("system" if system else "user")
    texts = {}
    for source in sorted(folder.iterdir()):
        text = _PROGRAM.sub(_this_program, source.read_text(encoding="utf-8"))
        texts[_place(source.name, system, environ)] = text
    return texts


def _units() -> Path:
    """Beside this file where carbonq is installed; at the top of the project where it is worked on."""
    shipped = Path(str(files("scheduler.cli") / "units"))
    return shipped if shipped.is_dir() else Path(__file__).parents[2] / "systemd"


def _this_program(found: re.Match[str]) -> str:
    # By the interpreter rather than by a script, which may lie anywhere or be gone after a move.
    return f"ExecStart={sys.executable} -P -m {_MODULES[found[1]]}"


def _place(name: str, system: bool, environ: Mapping[str, str]) -> Path:
    if not system:
        home = Path(environ.get("HOME") or "~").expanduser()
        return Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "systemd/user" / name
    ending = next(ending for ending in _SYSTEM_PLACES if name.endswith(ending))
    stem = name.removesuffix(ending)
    return Path("/etc") / _SYSTEM_PLACES[ending].format(f"{stem}.conf" if ending.endswith(".conf") else name)


def _check_system() -> None:
    if os.getuid() != 0:
        raise Failure("--system writes below /etc; run it as root, or leave --system out for a service of your own")
    for path in (sys.executable, sys.base_prefix, __file__):
        if any(Path(path).resolve().is_relative_to(hidden) for hidden in HIDDEN_FROM_SERVICES):
            raise Failure(
                f"{path} is hidden from system services; install carbonq where they can reach it: "
                "python3 -m venv /opt/carbonq && /opt/carbonq/bin/pip install carbonq"
            )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text.encode())
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}; check who owns it", "disk", EXIT_FAULT) from None


def _tell_systemd(system: bool) -> None:
    """Read the new units, and make the account, group and directories that they name."""
    commands = [["systemctl", "daemon-reload"]] if system else [["systemctl", "--user", "daemon-reload"]]
    if system:
        commands = [["systemd-sysusers", "carbonq.conf"], ["systemd-tmpfiles", "--create", "carbonq.conf"], *commands]
    for command in commands:
        if shutil.which(command[0]) is None:
            raise Failure(f"{command[0]} is not there; this machine has no systemd, run `carbonq daemon` by hand")
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            said = done.stderr.strip() or f"exit status {done.returncode}"
            raise Failure(f"the files are written, but `{' '.join(command)}` failed: {said}", "systemd", EXIT_FAULT)


def _next_steps(system: bool) -> list[str]:
    if system:
        return [
            "edit /etc/carbonq/config.toml             (at least grid.zone)",
            "systemctl enable --now carbonq-scheduler",
            "usermod --append --groups carbonq-users USER",
        ]
    return [
        "systemctl --user enable --now carbonq",
        "loginctl enable-linger                    (to go on after you log out)",
    ]
