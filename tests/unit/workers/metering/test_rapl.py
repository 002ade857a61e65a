"""CPU packages and memory by the kernel's RAPL counters."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.powercap import RANGE_UJ, zone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler.domain.readings import Component, MeterMethod, ReadingFlag
from workers.metering.cpu_time import CpuShare, HostCpuTime
from workers.metering.rapl import RaplMeter, ZoneEnergy, find_zones


def whole() -> CpuShare:
    """All of the host is this run's."""
    return CpuShare(lambda: HostCpuTime(0, 0), lambda: 0.0, reserved=1.0)


def devices(root: Path) -> list[tuple[Component, str]]:
    return [(found.component, found.device) for found in find_zones(root)]


def test_packages_and_their_memory_are_counted_and_nothing_twice(tmp_path: Path) -> None:
    """psys contains the packages, the packages contain core and uncore, and mmio is the same counter again."""
    for folder, name in [
        ("intel-rapl:0", "package-0"),
        ("intel-rapl:0:0", "core"),
        ("intel-rapl:0:1", "uncore"),
        ("intel-rapl:0:2", "dram"),
        ("intel-rapl:1", "psys"),
        ("intel-rapl-mmio:0", "package-0"),
    ]:
        zone(tmp_path, folder, name)
    (tmp_path / "intel-rapl").mkdir()
    assert devices(tmp_path) == [(Component.CPU, "package-0"), (Component.DRAM, "package-0-dram")]


def test_the_dies_of_one_package_are_all_counted(tmp_path: Path) -> None:
    """Multi-die parts show package-N-die-M, and AMD has no DRAM zone."""
    for n in range(2):
        zone(tmp_path, f"intel-rapl:{n}", f"package-0-die-{n}")
    assert devices(tmp_path) == [(Component.CPU, "package-0-die-0"), (Component.CPU, "package-0-die-1")]


def test_zones_inside_their_packages_folder_are_found_once(tmp_path: Path) -> None:
    """The device tree nests what the class folder lists flat."""
    zone(tmp_path, "intel-rapl:0", "package-0")
    zone(tmp_path, "intel-rapl:0/intel-rapl:0:0", "dram")
    zone(tmp_path, "intel-rapl:0:0", "dram")
    assert len(devices(tmp_path)) == 2


@pytest.mark.parametrize("broken", ["energy_uj", "max_energy_range_uj", "name"])
def test_a_zone_that_cannot_be_read_whole_is_not_there(tmp_path: Path, broken: str) -> None:
    """Since Linux 5.10 the counters are root-only: then RAPL is not available, and no zero is reported."""
    (zone(tmp_path, "intel-rapl:0", "package-0").path / broken).unlink()
    assert find_zones(tmp_path) == ()


def test_no_powercap_means_no_zones(tmp_path: Path) -> None:
    """As in most virtual machines."""
    assert find_zones(tmp_path / "absent") == ()


def test_memory_without_a_package_is_not_rapl(tmp_path: Path) -> None:
    """A CPU of unknown draw must not pass for one that draws nothing."""
    zone(tmp_path, "intel-rapl:0", "dram")
    assert find_zones(tmp_path) == ()


def test_microjoules_become_joules_once(tmp_path: Path) -> None:
    """The method and the zone's name go with the figure."""
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    meter = RaplMeter(find_zones(tmp_path), whole())
    package.draw(150.0)
    (part,) = meter.read(1.0)
    assert (part.energy.joules, part.device, part.method) == (150.0, "package-0", MeterMethod.RAPL)


@given(
    st.integers(0, RANGE_UJ - 1),
    st.lists(st.tuples(st.floats(0, 500.0), st.floats(1.0, 250.0)), min_size=1, max_size=20),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wraps_at_any_point_lose_nothing(
    tmp_path_factory: pytest.TempPathFactory, start_uj: int, steps: list[tuple[float, float]]
) -> None:
    """Joules drawn are joules read, wherever the counter stood."""
    root = tmp_path_factory.mktemp("powercap")
    package = zone(root, "intel-rapl:0", "package-0", energy_uj=start_uj)
    energy = ZoneEnergy(find_zones(root)[0])
    total = 0.0
    for watts, seconds in steps:
        package.draw(watts * seconds)
        joules, flags = energy.advance(seconds)
        assert joules >= 0 and not flags
        total += joules
    assert total == pytest.approx(sum(w * s for w, s in steps), abs=1e-4)


def test_a_counter_that_began_anew_is_not_taken_for_a_wrap(tmp_path: Path) -> None:
    """After hibernation it stands at nothing; a wrap would be 262 kJ in a second. The last power is held instead."""
    package = zone(tmp_path, "intel-rapl:0", "package-0", energy_uj=1_000_000)
    energy = ZoneEnergy(find_zones(tmp_path)[0])
    package.draw(80.0)
    energy.advance(1.0)
    package.restart()
    assert energy.advance(1.0) == (80.0, (ReadingFlag.COUNTER_RESET,))


def test_a_stretch_unread_for_over_five_minutes_is_flagged(tmp_path: Path) -> None:
    """The counter may have wrapped unseen."""
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    energy = ZoneEnergy(find_zones(tmp_path)[0])
    package.draw(1000.0)
    assert energy.advance(301.0) == (1000.0, (ReadingFlag.INTERPOLATED,))


def test_a_counter_that_cannot_be_read_for_a_while_catches_up(tmp_path: Path) -> None:
    """Nothing is raised, the slice is flagged, and the energy comes with the next reading."""
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    energy = ZoneEnergy(find_zones(tmp_path)[0])
    package.lose()
    assert energy.advance(1.0) == (0.0, (ReadingFlag.METER_LOST,))
    package.draw(200.0)
    package.find_again()
    assert energy.advance(1.0) == (200.0, ())


def test_the_run_gets_its_share_of_every_zone(tmp_path: Path) -> None:
    """30 of 40 CPU seconds used, nothing idle: three quarters."""
    package = zone(tmp_path, "intel-rapl:0", "package-0")
    host, used = HostCpuTime(0, 0), 0.0
    share = CpuShare(lambda: host, lambda: used, reserved=1.0)
    meter = RaplMeter(find_zones(tmp_path), share)
    package.draw(400.0)
    host, used = HostCpuTime(40, 0), 30.0
    assert meter.read(10.0)[0].energy.joules == pytest.approx(300.0)
