"""CPU packages and memory by the kernel's RAPL counters, and this run's share of them.

Counted: `package-N`, `package-N-die-M` and their `dram`. Never `psys`, which contains the packages, nor `core` and
`uncore`, which the packages contain, nor the `intel-rapl-mmio` copies of the same counters.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scheduler.domain.readings import LONGEST_SLICE, Component, ComponentEnergy, MeterMethod, ReadingFlag
from scheduler.domain.units import Energy
from workers.metering.cpu_time import CpuShare

POWERCAP = Path("/sys/class/powercap")
LONGEST_UNREAD_S = LONGEST_SLICE.total_seconds()
"""A package wraps after some 20 minutes at full load; beyond this it may have done so unseen."""
IMPLAUSIBLE_W = 2_000.0
"""Above every CPU package there is; more means that the counter began anew (after hibernation, say)."""
_MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class Zone:
    """One counter, named `package-0` or `package-0-dram`."""

    component: Component
    device: str
    path: Path
    range_uj: int

    def read_uj(self) -> int:
        return int((self.path / "energy_uj").read_text())


def find_zones(root: Path = POWERCAP) -> tuple[Zone, ...]:
    """The zones that can be read; none where RAPL counts no package, or is root-only and we are not root."""
    folders = {
        path.name: path for pattern in ("intel-rapl:*", "intel-rapl:*/intel-rapl:*") for path in root.glob(pattern)
    }
    named = (_zone(folders, name) for name in sorted(folders))
    zones = tuple(zone for zone in named if zone is not None and _readable(zone))
    return zones if any(zone.component is Component.CPU for zone in zones) else ()


def _zone(folders: dict[str, Path], name: str) -> Zone | None:
    path = folders[name]
    title = _text(path / "name")
    if title.startswith("package-"):
        component, device = Component.CPU, title
    elif title == "dram":
        parent = folders.get(name.rpartition(":")[0])
        component, device = Component.DRAM, f"{_text(parent / 'name')}-dram" if parent else title
    else:
        return None
    range_uj = _text(path / "max_energy_range_uj")
    return Zone(component, device, path, int(range_uj)) if range_uj.isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def _readable(zone: Zone) -> bool:
    try:
        zone.read_uj()
    except (OSError, ValueError):
        return False
    return True


class ZoneEnergy:
    """One zone's energy, wrap by wrap."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._last_uj = zone.read_uj()
        self._unread_s = 0.0
        self._watts = 0.0

    def advance(self, elapsed_s: float) -> tuple[float, tuple[ReadingFlag, ...]]:
        """(joules since the last call, flags)."""
        self._unread_s += elapsed_s
        try:
            now_uj = self.zone.read_uj()
        except (OSError, ValueError):
            return 0.0, (ReadingFlag.METER_LOST,)
        unread_s, self._unread_s = self._unread_s, 0.0
        gained_uj, self._last_uj = now_uj - self._last_uj, now_uj
        return self._joules(gained_uj, unread_s)

    def _joules(self, gained_uj: int, unread_s: float) -> tuple[float, tuple[ReadingFlag, ...]]:
        joules = (gained_uj if gained_uj >= 0 else gained_uj + self.zone.range_uj) * _MICRO
        if joules < 0 or joules > IMPLAUSIBLE_W * (unread_s + 1.0):
            return self._watts * unread_s, (ReadingFlag.COUNTER_RESET,)
        if unread_s > 0:
            self._watts = joules / unread_s
        return joules, (ReadingFlag.INTERPOLATED,) if unread_s > LONGEST_UNREAD_S else ()


class RaplMeter:
    """An EnergyMeter: every zone's energy times the run's share of the host's CPU time."""

    def __init__(self, zones: tuple[Zone, ...], share: CpuShare) -> None:
        self._zones = tuple(ZoneEnergy(zone) for zone in zones)
        self._share = share

    def read(self, elapsed_s: float) -> tuple[ComponentEnergy, ...]:
        share = self._share.since_last()
        return tuple(self._part(energy, share, elapsed_s) for energy in self._zones)

    def close(self) -> None:
        """Nothing is held open."""

    def _part(self, energy: ZoneEnergy, share: float, elapsed_s: float) -> ComponentEnergy:
        joules, flags = energy.advance(elapsed_s)
        zone = energy.zone
        return ComponentEnergy(zone.component, zone.device, Energy(joules * share), MeterMethod.RAPL, flags)
