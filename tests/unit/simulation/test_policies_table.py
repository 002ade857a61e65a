"""The table in which carbonq is held against every other policy says where it is not ahead."""

from __future__ import annotations

from policies import Cell, Result, not_ahead, table

CELL = Cell("DE", 0.3, 24)


def result(policy: str, emissions_g: float, late: int = 0) -> Result:
    return Result(CELL, policy, emissions_g, 100 - emissions_g, late, 0.5)


def test_ahead_is_who_emits_less_with_no_more_late_jobs() -> None:
    """Less at the price of a late job is not ahead, and neither is as much."""
    found = [result("carbonq", 80, late=1), result("run-now", 100), result("threshold", 80, 1), result("other", 90, 2)]
    assert [line.split(": ")[1].split()[0] for line in not_ahead(found)] == ["run-now", "threshold"]


def test_the_table_for_the_docs_has_a_line_for_each_policy_and_late_jobs_in_brackets() -> None:
    found = [result("carbonq", 80), result("run-now", 100, late=2)]
    lines = table(found, ["carbonq", "run-now"], ["DE"], "| ", " | ").splitlines()
    assert lines[1].startswith("| --- |")
    assert lines[2:] == ["| carbonq | 20.0 | 20.0 | 0 | 0.50 |", "| run-now | 0.0 (2) | 0.0 | 2 | 0.50 |"]
