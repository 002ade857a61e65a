"""`carbonq doctor`: is everything as it should be, from the settings file to the worker agent."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scheduler.cli import figures, options, times
from scheduler.cli.client import DaemonClient
from scheduler.cli.failures import EXIT_FAULT, EXIT_OK, Failure
from scheduler.cli.output import paint, say, say_json
from scheduler.cli.waiting import Pause
from scheduler.domain.intervals import from_epoch
from scheduler.paths import Paths, default_paths

app = options.command_app()

LEAST_FREE_BYTES = 1024**3
LONGEST_START_S = 10.0
"""From the start of a daemon until its agent, a process of its own, has answered."""
NOT_YET_KNOWN = "not known until the worker agent has answered"


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "red"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; a warning or a problem names the next step."""

    check: str
    verdict: Verdict
    text: str


@app.command()
def doctor(as_json: options.Json = False) -> int:
    """Look whether everything is as it should be.

    Settings, files, daemon, database, grid provider, worker agent and meters. Exit status: 0 when there is no problem
    (warnings are none), 69 when the daemon cannot be reached, else 1.
    """
    status, failure = asked(DaemonClient())
    findings = list(local_findings(default_paths(), Path(status["settings_file"]) if status else None))
    if status is not None:
        findings += daemon_findings(status)
    else:
        findings.append(Finding("daemon", Verdict.PROBLEM, str(failure)))
    if as_json:
        say_json(_value(findings, status, failure))
    else:
        say("\n".join(_line(finding) for finding in findings))
    if failure is not None:
        return failure.exit_code
    return EXIT_FAULT if any(f.verdict is Verdict.PROBLEM for f in findings) else EXIT_OK


def asked(client: DaemonClient) -> tuple[dict[str, Any] | None, Failure | None]:
    """What the daemon says of itself, or why it says nothing."""
    try:
        return _settled_status(client), None
    except Failure as failure:
        return None, _hangs(failure) if failure.code == "timeout" else failure


def _settled_status(client: DaemonClient) -> dict[str, Any]:
    """The daemon's status, of one that has only just started once its worker agent has had time to answer."""
    pause, waited_s = Pause(), 0.0
    status: dict[str, Any] = client.get("/v1/status")
    while _is_starting(status) and waited_s < LONGEST_START_S:
        waited_s += pause()
        status = client.get("/v1/status")
    return status


def _is_starting(status: dict[str, Any]) -> bool:
    age = times.parse_stamp(status["now"]) - times.parse_stamp(status["started_at"])
    return status["gpus"] is None and age.total_seconds() < LONGEST_START_S


def _hangs(failure: Failure) -> Failure:
    text = (
        "it listens and does not answer: it hangs, or has more to do than it can; its log says with what. "
        "Restart it, jobs go on meanwhile"
    )
    return Failure(text, failure.code, failure.exit_code)


def local_findings(paths: Paths, daemons_file: Path | None) -> Iterator[Finding]:
    """What can be seen from here; `daemons_file`: the settings that a running daemon reads."""
    usual = paths.settings_file.absolute()
    yield _settings(daemons_file or usual, usual)
    yield from _private(paths)
    yield _disk(paths)


def daemon_findings(status: dict[str, Any]) -> Iterator[Finding]:
    """What the daemon says of itself and of what it depends on."""
    yield _version(status)
    yield from _changed_since(status)
    yield _database(status["database"])
    yield _grid(status["grid"])
    yield _agent(status)
    yield _places(status)
    yield _meters(status["meters"])
    away = status["agent"]["error"]
    for warning in status["warnings"]:
        if away is None or away not in warning:
            yield Finding("notice", Verdict.WARNING, warning)


def _settings(file: Path, usual: Path) -> Finding:
    """`usual`: where they are looked for unless somebody says otherwise."""
    from scheduler.config import load_settings
    from scheduler.domain.errors import SettingsError

    elsewhere = "" if file == usual else f", which the running daemon reads, and not {usual}"
    if elsewhere and _is_closed(file):
        # That of the machine's daemon need not be everybody's to read.
        return Finding("settings", Verdict.OK, f"{file}{elsewhere}; you may not look into it")
    try:
        load_settings(file, os.environ)
    except SettingsError as error:
        return Finding("settings", Verdict.PROBLEM, "; ".join(error.mistakes))
    text = f"{file}{elsewhere}"
    return Finding("settings", Verdict.OK, text if file.exists() else f"defaults; there is no {text}")


def _is_closed(file: Path) -> bool:
    try:
        file.open("rb").close()
    except PermissionError:
        return True
    except OSError:
        return False
    return False


def _private(paths: Paths) -> Iterator[Finding]:
    """Directories and socket that only their owner may use."""
    for name, path in (("state", paths.state), ("runtime", paths.runtime), ("socket", paths.api_socket)):
        if not path.exists():
            continue
        found = path.stat()
        if found.st_uid != os.getuid():
            yield Finding(name, Verdict.PROBLEM, f"{path} belongs to uid {found.st_uid}; remove it or set CARBONQ_HOME")
        elif stat.S_IMODE(found.st_mode) & 0o077:
            yield Finding(name, Verdict.PROBLEM, f"others can reach {path}; run `chmod go= {path}`")
        else:
            yield Finding(name, Verdict.OK, str(path))


def _disk(paths: Paths) -> Finding:
    existing = next(p for p in (paths.state, *paths.state.parents) if p.exists())
    free = shutil.disk_usage(existing).free
    text = f"{figures.size(free)} free for the database and logs in {paths.state}"
    if free < LEAST_FREE_BYTES:
        return Finding("disk", Verdict.WARNING, f"only {text}; make room before long jobs run")
    return Finding("disk", Verdict.OK, text)


def _version(status: dict[str, Any]) -> Finding:
    running, ours = status["version"], version("carbonq")
    if running != ours:
        text = f"the daemon is carbonq {running}, this command {ours}; restart the daemon, jobs go on meanwhile"
        return Finding("daemon", Verdict.WARNING, text)
    return Finding("daemon", Verdict.OK, f"carbonq {running}, pid {status['pid']}, {_jobs(status['jobs'])}")


def _changed_since(status: dict[str, Any]) -> Iterator[Finding]:
    """Settings are read once, when the daemon starts."""
    file = Path(status["settings_file"])
    try:
        changed = from_epoch(file.stat().st_mtime)
    except OSError:
        return
    if changed > times.parse_stamp(status["started_at"]):
        when = times.shown(changed.isoformat(), times.now())
        text = f"{file} was changed at {when}, after the daemon had read it; restart the daemon, jobs go on meanwhile"
        yield Finding("changed", Verdict.WARNING, text)


def _jobs(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {state}" for state, number in counts.items()) or "no jobs"


def _database(database: dict[str, Any]) -> Finding:
    if database["problems"]:
        return Finding("database", Verdict.PROBLEM, "; ".join(database["problems"]))
    return Finding("database", Verdict.OK, f"{database['url']}, {figures.size(database['size_bytes'])}")


def _grid(grid: dict[str, Any]) -> Finding:
    """What is planned with, and why not with something better."""
    where = f"{grid['source']} for {grid['zone']}"
    how_old = f"forecast {figures.duration(grid['forecast_age_s'])} old"
    if grid["link"] == "built-in":
        last = times.shown(grid["observed_until"], times.now())
        how_old = f"{grid['forecast_by']}, which reaches until {last}"
    better = "".join(f"; {sentence}" for sentence in grid["because"])
    if grid["freshness"] == "fresh":
        return Finding("grid", Verdict.OK, f"{where}, {how_old}{better}")
    if grid["freshness"] == "stale":
        why = better or f"; {grid['last_error'] or 'it has not been renewed'}"
        return Finding("grid", Verdict.WARNING, f"{where}: stale, {how_old}{why}")
    text = f"{where}: {grid['forecast_by']}{better}"
    if grid["last_error"]:
        return Finding("grid", Verdict.WARNING, f"{text}; {grid['last_error']}; it is asked again")
    # A provider that never has one is as it should be; one that has lost it is not.
    return Finding("grid", Verdict.WARNING if better and grid["link"] == "static" else Verdict.OK, text)


def _agent(status: dict[str, Any]) -> Finding:
    agent = status["agent"]
    if agent["reachable"]:
        kept = f"pid {agent['pid']}, starts runs by {agent['launcher']}" if agent["pid"] else "kept by its own service"
        text = f"on {agent['host']}, {kept}"
        return Finding("agent", Verdict.OK, text)
    if _is_starting(status):
        text = "the daemon has only just started and its worker agent has not answered yet; look again in some seconds"
        return Finding("agent", Verdict.WARNING, text)
    return Finding("agent", Verdict.PROBLEM, f"{agent['error']}; nothing starts meanwhile")


def _places(status: dict[str, Any]) -> Finding:
    gpus, slots = status["gpus"], status["cpu_slots"]
    if gpus is None:
        return Finding("places", Verdict.WARNING, NOT_YET_KNOWN)
    if not gpus and not slots:
        return Finding("places", Verdict.PROBLEM, "neither GPUs nor CPU slots: nothing can run; see worker.cpu_slots")
    return Finding("places", Verdict.OK, f"{figures.count(gpus, 'GPU')}, {figures.count(slots, 'CPU slot')}")


def _meters(meters: list[str] | None) -> Finding:
    if meters is None:
        return Finding("meters", Verdict.WARNING, NOT_YET_KNOWN)
    counted = [meter for meter in meters if meter in ("nvml-counter", "rapl")]
    if counted:
        return Finding("meters", Verdict.OK, ", ".join(meters))
    text = f"no energy counter can be read; energy is an estimate ({', '.join(meters) or 'none'})"
    return Finding("meters", Verdict.WARNING, text)


def _line(finding: Finding) -> str:
    verdict = paint(f"{finding.verdict:<8}", _STYLES[finding.verdict])
    return f"{verdict} {finding.check:<9} {finding.text}"


def _value(findings: list[Finding], status: Any, failure: Failure | None) -> dict[str, Any]:
    value: dict[str, Any] = {
        "ok": not any(f.verdict is Verdict.PROBLEM for f in findings),
        "findings": [asdict(finding) for finding in findings],
        "daemon": status,
    }
    return value if failure is None else {**value, "error": {"code": failure.code, "message": str(failure)}}
