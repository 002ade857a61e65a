"""A segment's name becomes a directory only in its one spelling."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.domain.runs import SegmentId
from workers.segment_directory import SegmentDirectory, parse_segment


@given(st.builds(SegmentId, *[st.integers(0, 999_999_999)] * 3))
def test_every_segment_is_found_by_its_name(segment: SegmentId) -> None:
    assert parse_segment(str(segment)) == segment


@pytest.mark.parametrize(
    "text",
    ["", "1-1", "1-1-1-1", "../1-1", "1-1-1/..", "01-1-1", "1-1-+1", " 1-1-1", "1-1-1\n", "１-1-1", "a-1-1", "1_0-1-1"],
)
def test_any_other_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a segment; one looks like 12-1-1"):
        parse_segment(text)


@given(st.text())
def test_no_text_leads_out_of_the_directory_of_all_runs(text: str) -> None:
    runs = Path("/state/runs")
    try:
        path = SegmentDirectory.of(runs, text).path
    except ValueError:
        return
    assert path.resolve().parent == runs
