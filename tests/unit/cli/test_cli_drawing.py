"""Charts, strips, axes and timelines in characters."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scheduler.cli import chart
from scheduler.cli.timeline import bars_on_rows, timeline

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


def gpu(job: int | None = None) -> dict[str, Any]:
    return {"pool": "gpu", "job": job}


def planned(job: int, start: float, end: float, width: int = 1) -> dict[str, Any]:
    stretch = {"start": (NOON + start * HOUR).isoformat(), "end": (NOON + end * HOUR).isoformat()}
    return {"pool": "gpu", "width": width, "placement": {"job": job, "stretches": [stretch]}}


def test_a_running_job_is_drawn_on_the_gpu_it_holds() -> None:
    lines = timeline([planned(7, 0, 2)], [gpu(), gpu(job=7)], chart.Window(NOON, NOON + 4 * HOUR, 8))
    assert lines == ["········", "7▓▓▓····"]


def test_a_wide_job_is_drawn_on_as_many_rows_as_it_holds() -> None:
    lines = timeline([planned(7, 1, 2, width=2)], [gpu(), gpu()], chart.Window(NOON, NOON + 4 * HOUR, 8))
    assert lines == ["··7▓····", "··7▓····"]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 10), st.integers(1, 3)), max_size=12))
def test_bars_on_one_row_never_overlap(raw: list[tuple[int, int, int]]) -> None:
    jobs = [planned(i, start, start + length, width) for i, (start, length, width) in enumerate(raw, start=1)]
    bars = sorted(bars_on_rows(jobs, [gpu() for _ in range(4)]), key=lambda bar: (bar.row, bar.start))
    for one, next_one in pairwise(bars):
        assert one.row != next_one.row or one.end <= next_one.start


def test_a_plan_that_fits_has_every_bar_drawn() -> None:
    jobs = [planned(1, 0, 4), planned(2, 0, 2), planned(3, 2, 4), planned(4, 4, 6, width=2)]
    assert len(bars_on_rows(jobs, [gpu(), gpu()])) == 5
