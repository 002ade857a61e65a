"""What `carbonq show` tells of a job's statements: the one that holds, and those it replaced."""

from __future__ import annotations

from typing import Any

from scheduler.cli.jobs_show import _parts
from scheduler.cli.times import now


def statement(word: str, grams: float | None, note: str | None = None) -> dict[str, Any]:
    return {
        "computed_at": "2026-11-23T12:00:00Z",
        "statement": word,
        "emissions_g": grams,
        "run_now_emissions_g": None,
        "note": note,
    }


def shown(*statements: dict[str, Any]) -> str:
    detail = {"segments": [], "energy": [], "events": [], "statements": list(statements)}
    return "\n".join(_parts(detail, now()))


def test_a_restated_job_shows_the_old_figure_the_new_one_and_the_reason() -> None:
    text = shown(statement("final", 200.0), statement("final", 260.0, "restated: emissions 200 g -> 260 g"))
    assert "200 g" in text and "260 g" in text
    assert "  restated: emissions 200 g -> 260 g" in text.splitlines()


def test_what_was_provisional_is_not_told_once_it_is_final() -> None:
    """A note about hours that were missing then would mislead now."""
    assert shown(statement("provisional", None, "no intensity is known yet"), statement("final", 200.0)) == ""


def test_a_provisional_job_says_what_is_missing_now() -> None:
    text = shown(statement("provisional", None, "for 60 %"), statement("provisional", None, "for 30 %"))
    assert "for 30 %" in text and "for 60 %" not in text
