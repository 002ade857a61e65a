"""Charts, strips, axes and timelines in characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scheduler.cli import chart
from scheduler.cli.timeline import timeline

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def slots(*values: float) -> list[dict[str, Any]]:
    return [
        {"start": (NOON + i * HOUR).isoformat(), "end": (NOON + (i + 1) * HOUR).isoformat(), "g_per_kwh": v}
        for i, v in enumerate(values)
    ]


def test_a_column_shows_the_mean_of_its_time() -> None:
    window = chart.Window(NOON, NOON + 4 * HOUR, 2)
    assert chart.means(slots(100, 200, 50, 50), window) == [150, 50]


def test_time_that_nothing_is_known_of_stays_unknown() -> None:
    """Unknown is not zero: the strip marks it."""
    values = chart.means(slots(100), chart.Window(NOON, NOON + 2 * HOUR, 2))
    assert values == [100, None]
    assert chart.strip(values)[1] == chart.GAP_MARK


def test_the_highest_value_fills_the_chart_and_zero_leaves_it_empty() -> None:
    assert chart.bars([200.0, 100.0, 0.0], rows=2) == ["█  ", "██ "]


def test_the_strip_goes_from_the_lowest_block_to_the_highest() -> None:
    assert chart.strip([60.0, 240.0]) == "▁█"


def test_the_axis_names_local_times_where_they_are() -> None:
    window = chart.Window(NOON, NOON + 24 * HOUR, 96)
    line = chart.time_axis(window, UTC)
    assert line.startswith("12:00")
    assert line.index("18:00") == 24
    assert line.index("Tue 24") == 48


@given(st.integers(10, 200), st.floats(60, 10 * 86_400))
def test_axis_labels_never_run_into_each_other(columns: int, seconds: float) -> None:
    window = chart.Window(NOON, NOON + timedelta(seconds=seconds), columns)
    labels = chart.time_axis(window, UTC)
    assert len(labels) <= columns
    assert all(len(word) in (2, 3, 5, 8) for word in labels.split())


def gpus(count: int) -> list[dict[str, Any]]:
    return [{"id": f"GPU-{n}"} for n in range(count)]


def planned(job: int, start: float, end: float, *places: str) -> dict[str, Any]:
    stretch = {"start": (NOON + start * HOUR).isoformat(), "end": (NOON + end * HOUR).isoformat(), "places": places}
    return {"placement": {"job": job}, "stretches": [stretch]}


def test_a_job_is_drawn_on_every_gpu_that_the_plan_names() -> None:
    window = chart.Window(NOON, NOON + 4 * HOUR, 8)
    assert timeline([planned(7, 0, 2, "GPU-1")], gpus(2), window) == ["········", "7▓▓▓····"]
    assert timeline([planned(7, 1, 2, "GPU-0", "GPU-1")], gpus(2), window) == ["··7▓····", "··7▓····"]


def test_a_bar_without_room_for_its_number_has_none_and_none_leaves_the_window() -> None:
    jobs = [planned(77, 0, 1, "GPU-0"), planned(8, 3, 9, "GPU-0")]
    assert timeline(jobs, gpus(1), chart.Window(NOON, NOON + 4 * HOUR, 8)) == ["▓▓····8▓"]
