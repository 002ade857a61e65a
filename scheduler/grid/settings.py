"""What a source must be told before it can be opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from scheduler.domain.carbon import IMPLAUSIBLE_G_PER_KWH, Accounting, Basis, SignalKind
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import utc
from scheduler.grid.catalogue import BY_NAME, Provider

AUTO = "auto"


class Credentials(Mapping[str, str]):
    """Keys of providers by name; printed, logged or formatted they show only their names."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = {name: value.strip() for name, value in (values or {}).items() if value.strip()}
        for name, value in self._values.items():
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"the key '{name}' holds characters no key has; copy it again")

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Credentials({', '.join(sorted(self._values)) or 'none'})"

    def __reduce__(self) -> str:
        raise TypeError("credentials are not written down")


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceSettings:
    """One provider set to one zone. ValueError names the setting that cannot be."""

    zone: str
    provider: str = AUTO
    base_url: str | None = None
    """In place of the provider's own, for a mirror or the loopback server."""
    timeout: timedelta = timedelta(seconds=10)
    """Of one attempt of one request."""
    attempts: int = 3
    credentials: Mapping[str, str] = field(default_factory=Credentials)

    file: Path | None = None
    """`recorded`: the series, CSV or JSON."""
    forecast_file: Path | None = None
    """`recorded`: past forecasts; without one the series ahead is the forecast."""
    origin: datetime | None = None
    """`recorded`: the moment of the series that is shown at `anchor`; its first row unless said otherwise."""
    anchor: datetime | None = None
    """`recorded`: the moment of the wall clock at which the replay begins; without one, no time is moved."""
    speed: float = 1.0
    """`recorded`: seconds of the series in one second of the wall clock."""
    lag: timedelta = timedelta(0)
    """`recorded`: how long after its end a value is published, in the time of the series."""
    horizon: timedelta = timedelta(days=7)
    """`recorded`: how far ahead a forecast made of the series itself reaches, in the time of the series."""

    g_per_kwh: float | None = None
    """`static`: the factor, in place of the table's."""

    kind: SignalKind | None = None
    accounting: Accounting | None = None
    basis: Basis | None = None
    """What the values are, where the provider does not say or leaves the choice."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "zone", self.zone.strip())
        if not isinstance(self.credentials, Credentials):
            object.__setattr__(self, "credentials", Credentials(self.credentials))
        self._check_names()
        self._check_replay()
        if self.g_per_kwh is not None and not 0 <= self.g_per_kwh <= IMPLAUSIBLE_G_PER_KWH:
            raise ValueError(f"g_per_kwh must be between 0 and {IMPLAUSIBLE_G_PER_KWH:,.0f}, not {self.g_per_kwh:g}")

    def credential(self, provider: Provider, name: str) -> str:
        """The key of that name; CarbonSourceRejected says where to get one."""
        if name not in self.credentials:
            raise CarbonSourceRejected(
                f"{provider.title} needs the key '{name}'; get one at {provider.sign_up} and put it into the file of "
                "grid.credentials_file"
            )
        return self.credentials[name]

    def _check_names(self) -> None:
        if not self.zone:
            raise ValueError("a zone is needed, such as GB or DE; list them with `carbonq grid providers`")
        if self.provider != AUTO and self.provider not in BY_NAME:
            raise ValueError(f"there is no provider '{self.provider}'; known: {AUTO}, {', '.join(BY_NAME)}")
        if self.timeout <= timedelta(0):
            raise ValueError(f"timeout must be more than nothing, not {self.timeout.total_seconds():g} s")
        if self.attempts < 1:
            raise ValueError(f"attempts must be at least 1, not {self.attempts}")
        if self.base_url is not None:
            parts = urlsplit(self.base_url)
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
                raise ValueError("base_url must look like https://host/path, without keys or a query in it")

    def _check_replay(self) -> None:
        for name in ("origin", "anchor"):
            moment = getattr(self, name)
            if moment is not None:
                try:
                    object.__setattr__(self, name, utc(moment))
                except ValueError as exc:
                    raise ValueError(f"{name} needs a time zone, such as 2026-11-23T00:00Z") from exc
        if not 0 < self.speed <= 1e6:
            raise ValueError(f"speed must be above 0 and at most 1,000,000, not {self.speed:g}")
        if self.lag < timedelta(0) or self.horizon <= timedelta(0):
            raise ValueError("lag must not be negative and horizon must be more than nothing")
        if self.anchor is None and (self.speed != 1 or self.origin is not None):
            raise ValueError("a replay needs an anchor: the moment of the wall clock at which it begins")
        if self.provider == "recorded" and self.file is None:
            raise ValueError("the provider 'recorded' needs a file with start,carbon_intensity_g_per_kwh")
