"""A folder that stands in for /sys/class/powercap, and one for /proc."""

from __future__ import annotations

from pathlib import Path


class FakeZone:
    def __init__(self, path: Path, name: str, energy_uj: int, range_uj: int | None) -> None:
        self.path = path
        path.mkdir(parents=True)
        (path / "name").write_text(f"{name}\n")
        if range_uj is not None:
            (path / "max_energy_range_uj").write_text(f"{range_uj}\n")
        self.range_uj = range_uj or 0
        self.energy_uj = energy_uj
        self.lost = False
        self._write()

    def draw(self, joules: float) -> None:
        """Count on, and wrap as the hardware does."""
        self.energy_uj = (self.energy_uj + round(joules * 1e6)) % self.range_uj
        self._write()

    def restart(self) -> None:
        self.energy_uj = 0
        self._write()

    def lose(self) -> None:
        """From now on it cannot be read; it counts on unseen."""
        self.lost = True
        (self.path / "energy_uj").unlink()

    def find_again(self) -> None:
        self.lost = False
        self._write()

    def _write(self) -> None:
        if not self.lost:
            (self.path / "energy_uj").write_text(f"{self.energy_uj}\n")


RANGE_UJ = 262_143_328_850


def zone(root: Path, folder: str, name: str, energy_uj: int = 0, range_uj: int | None = RANGE_UJ) -> FakeZone:
    return FakeZone(root / folder, name, energy_uj, range_uj)


def write_cpu_time(proc: Path, busy_s: float, idle_s: float, ticks_per_s: int) -> None:
    """The first line of /proc/stat."""
    proc.mkdir(exist_ok=True)
    busy, idle = round(busy_s * ticks_per_s), round(idle_s * ticks_per_s)
    (proc / "stat").write_text(f"cpu  {busy} 0 0 {idle} 0 0 0 0 0 0\ncpu0 0 0 0 0\n")
