"""Typed settings of the daemon: flag > environment > TOML file > default, every mistake reported at once."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from scheduler.domain.carbon import Accounting, Basis, SignalKind
from scheduler.domain.durations import parse_duration
from scheduler.domain.errors import SettingsError

ENVIRONMENT_PREFIX = "CARBONQ_"


def _duration(value: object) -> object:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        # A ValueError, for pydantic collects those with every other mistake.
        raise ValueError(f"write {value} with its unit, like '{value}s' or '{value}h'")  # noqa: TRY004
    return value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Positive = Annotated[Duration, Field(gt=timedelta(0))]

PolicyName = Literal["carbonq", "run-now", "lowest-window", "suspend-resume"]
"""Those that never do worse than first come, first served (scheduler.planning.policies.OURS; a test compares)."""
LauncherName = Literal["auto", "fork", "systemd-user", "systemd-system"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class GridSettings(_Section):
    """Where the power comes from and who says how clean it is."""

    zone: str | None = None
    """`GB`, `GB-13`, `DE`, ...; without one it is guessed from the machine's time zone, and the guess is shown."""
    provider: str = "auto"
    base_url: str | None = None
    poll: Positive = timedelta(minutes=15)
    timeout: Positive = timedelta(seconds=10)
    file: Path | None = None
    """`recorded`: the series to replay."""
    forecast_file: Path | None = None
    origin: AwareDatetime | None = None
    """`recorded`: the moment of the series that is shown at `anchor`; without both, the series keeps its own time."""
    anchor: AwareDatetime | None = None
    speed: Annotated[float, Field(gt=0, le=1e6)] = 1.0
    """`recorded`: seconds of the series in one second of the clock."""
    g_per_kwh: Annotated[float | None, Field(ge=0, le=2000)] = None
    """`static`: the factor, where the built-in table has none or a better one is known."""
    lag: Duration = timedelta(0)
    """`recorded`: how long after its end a value is published, in the time of the series."""
    kind: SignalKind | None = None
    accounting: Accounting | None = None
    basis: Basis | None = None
    """What the values are, where the provider leaves the choice or, `recorded`, cannot know."""
    credentials_file: Path | None = None
    """TOML, mode 0600, keys of providers that need one."""


class SiteSettings(_Section):
    pue: Annotated[float, Field(ge=1, le=5)] = 1.0
    """Power usage effectiveness: facility energy over IT energy. 1.0 counts the machine alone."""


class QueueSettings(_Section):
    longest_wait: Duration = timedelta(hours=24)
    """How long a job without a deadline may be kept waiting."""
    assumed_duration: Positive = timedelta(hours=4)
    assumed_gpu_w: Annotated[float, Field(gt=0)] = 300.0
    """Assumed draw of one GPU where neither the user nor history says."""
    assumed_cpu_w: Annotated[float, Field(gt=0)] = 30.0
    switch_cost: Duration = timedelta(seconds=120)
    """Running time that one suspend with its resume costs."""
    shortest_run: Duration = timedelta(minutes=5)
    """Shortest stretch worth starting."""
    most_queued: Annotated[int, Field(ge=1)] = 10_000


class PlanningSettings(_Section):
    policy: PolicyName = "carbonq"
    start_gain_pct: Annotated[float, Field(ge=0, le=100)] = 3.0
    """A start is delayed only for at least this predicted saving."""
    move_gain_pct: Annotated[float, Field(ge=0, le=100)] = 6.0
    """An announced plan is moved only for at least this predicted saving."""
    deadline_confidence: Annotated[float, Field(ge=0.5, le=0.999)] = 0.9
    """Share of deadlines to be met although running times are uncertain, as far as a deadline leaves room for it."""
    debounce: Duration = timedelta(seconds=2)
    stale_after: Positive = timedelta(hours=12)
    """Age of a forecast after which it is still used, and marked stale."""
    patience_g_per_h: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """The waiting price of jobs that name none: grams worth emitting to have a job end an hour sooner."""
    price_file: Path | None = None
    """CSV `start,price_per_kwh`: what power costs; read again when it changes."""
    price_weight_g_per_unit: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Grams worth emitting to save one unit of money; 0: costs are told and change nothing."""
    currency: Annotated[str, Field(max_length=16)] = ""
    """Printed behind an amount of money, e.g. GBP; nothing is converted."""


class WorkerSettings(_Section):
    cpu_slots: Annotated[int | None, Field(ge=1, le=4096)] = None
    """Jobs without a GPU that may run at once; without a number, one for each four logical CPUs."""
    sample: Positive = timedelta(seconds=1)
    slice: Annotated[Duration, Field(gt=timedelta(0), le=timedelta(minutes=5))] = timedelta(seconds=60)
    log_limit_mb: Annotated[float, Field(gt=0)] = 64.0
    keep_job_files: Positive | None = None
    """How long logs and checkpoints stay after their job has ended; without it, until somebody removes them."""
    launcher: LauncherName = "auto"


class DaemonSettings(_Section):
    tick: Positive = timedelta(seconds=1)
    """How often the daemon compares plan and reality."""
    settle_every: Positive = timedelta(minutes=5)
    backup_every: Positive = timedelta(hours=24)


class Settings(_Section):
    grid: GridSettings = GridSettings()
    site: SiteSettings = SiteSettings()
    queue: QueueSettings = QueueSettings()
    planning: PlanningSettings = PlanningSettings()
    worker: WorkerSettings = WorkerSettings()
    daemon: DaemonSettings = DaemonSettings()


SECTIONS: tuple[str, ...] = tuple(Settings.model_fields)


def load_settings(
    file: Path | None, environ: Mapping[str, str], flags: Mapping[str, Mapping[str, Any]] | None = None
) -> Settings:
    """Settings from a TOML file (if it is there), `CARBONQ_<SECTION>_<KEY>` variables and flags.

    Raises SettingsError with one sentence for every mistake, each naming where it was made.
    """
    mistakes: list[str] = []
    origin: dict[tuple[str, str], str] = {}
    merged: dict[str, Any] = _read_file(file, mistakes)
    for section, values in merged.items():
        if isinstance(values, dict):
            origin.update({(section, key): str(file) for key in values})
    for (section, key), (name, value) in _from_environment(environ).items():
        _section(merged, section)[key] = value
        origin[section, key] = name
    for section, values in (flags or {}).items():
        for key, value in values.items():
            if value is not None:
                _section(merged, section)[key] = value
                origin[section, key] = f"--{key.replace('_', '-')}"
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        mistakes.extend(_sentence(item, origin, file) for item in error.errors(include_url=False))
    if mistakes:
        raise SettingsError(tuple(mistakes))
    return settings


def _section(merged: dict[str, Any], name: str) -> dict[str, Any]:
    current = merged.setdefault(name, {})
    if not isinstance(current, dict):
        current = merged[name] = {}
    return current


def _read_file(file: Path | None, mistakes: list[str]) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        mistakes.append(f"{file}: cannot be read ({error.strerror}); check its permissions")
    except UnicodeDecodeError:
        mistakes.append(f"{file}: is not UTF-8 text; save it as UTF-8")
    except tomllib.TOMLDecodeError as error:
        mistakes.append(f"{file}: is not valid TOML: {error}")
    return {}


def _from_environment(environ: Mapping[str, str]) -> dict[tuple[str, str], tuple[str, str]]:
    """{(section, key): (variable, value)} of the variables that name a setting."""
    found = {}
    for name, value in environ.items():
        if not name.startswith(ENVIRONMENT_PREFIX):
            continue
        section, _, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        if section in SECTIONS and key:
            found[section, key] = (name, value)
    return found


def _sentence(item: Any, origin: Mapping[tuple[str, str], str], file: Path | None) -> str:
    where = [str(part) for part in item["loc"]]
    name = ".".join(where[:2])
    source = origin.get((where[0], where[1])) if len(where) > 1 else str(file or "settings")
    if item["type"] == "extra_forbidden":
        model = Settings.model_fields.get(where[0])
        known = list(model.annotation.model_fields) if len(where) > 1 and model and model.annotation else list(SECTIONS)
        return f"{source}: '{name}' is not a setting; known here: {', '.join(known)}"
    if item["type"] == "model_type":
        return f"{source}: {name} = {item['input']!r}: write its settings under a heading [{name}]"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"{source}: {name} = {item['input']!r}: {message[0].lower()}{message[1:]}"
