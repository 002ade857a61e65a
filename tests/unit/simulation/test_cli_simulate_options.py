"""Options of `carbonq simulate` that make no sense are refused before anything is simulated."""

from __future__ import annotations

from pathlib import Path

import pytest
from fakes.simulation_files import Files
from pydantic import ValidationError

from scheduler.cli.simulate_options import MOST_PUE
from scheduler.config import SiteSettings


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--pue", "nan"], "--pue: nan is not a number"),
        (["--pue", "inf"], "'--pue': inf is not in the range 1.0<=x<=5.0"),
        (["--pue", "1e300"], "'--pue': 1e+300 is not in the range 1.0<=x<=5.0"),
        (["--deadline-confidence", "nan"], "--deadline-confidence: nan is not a number"),
    ],
)
def test_a_figure_that_cannot_be_is_refused(
    files: Files, capsys: pytest.CaptureFixture[str], given: list[str], complaint: str
) -> None:
    assert files.simulate(*given) == 2
    said = capsys.readouterr()
    assert complaint in said.err and not said.out


def test_the_daemon_takes_the_same_pue() -> None:
    assert SiteSettings(pue=MOST_PUE).pue == MOST_PUE
    with pytest.raises(ValidationError):
        SiteSettings(pue=MOST_PUE + 0.01)
