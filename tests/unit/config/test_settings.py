"""Settings: where they come from, which wins, and that every mistake is named at once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import get_args

import pytest

from scheduler.config import PolicyName, load_settings
from scheduler.domain.errors import SettingsError
from scheduler.planning.policies import OURS


def written(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text)
    return file


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    settings = load_settings(tmp_path / "absent.toml", {})
    assert settings.queue.longest_wait == timedelta(hours=24)
    assert settings.site.pue == 1.0


def test_a_flag_beats_the_environment_and_the_environment_beats_the_file(tmp_path: Path) -> None:
    file = written(tmp_path, '[grid]\nzone = "DE"\nprovider = "static"\npoll = "5m"\n')
    environ = {"CARBONQ_GRID_ZONE": "FR", "CARBONQ_GRID_PROVIDER": "recorded"}
    settings = load_settings(file, environ, {"grid": {"zone": "GB", "provider": None}})
    assert settings.grid.zone == "GB"
    assert settings.grid.provider == "recorded"
    assert settings.grid.poll == timedelta(minutes=5)


def test_every_mistake_is_named_at_once_with_the_place_it_was_made(tmp_path: Path) -> None:
    file = written(
        tmp_path, '[site]\npue = 0.5\n[queue]\nlongest_wait = "soon"\n[gird]\nzone = "GB"\n[grid]\nzoen = "GB"\n'
    )
    with pytest.raises(SettingsError) as caught:
        load_settings(file, {"CARBONQ_DAEMON_TICK": "fast"})
    text = "\n".join(caught.value.mistakes)
    assert len(caught.value.mistakes) == 5
    assert "site.pue" in text
    assert "'soon' is not a length of time" in text
    assert "'gird' is not a setting; known here: grid" in text
    assert "'grid.zoen' is not a setting; known here: zone" in text
    assert "CARBONQ_DAEMON_TICK: daemon.tick" in text


def test_a_length_without_a_unit_is_refused_and_the_unit_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="write 30 with its unit"):
        load_settings(written(tmp_path, "[daemon]\ntick = 30\n"), {})


def test_broken_toml_names_the_file_and_the_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"config\.toml: is not valid TOML: .*line 2"):
        load_settings(written(tmp_path, "[grid]\nzone = \n"), {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[planning]\npolicy = "best"\n', "planning.policy = 'best': should be 'carbonq', 'run-now'"),
        ('[worker]\nlauncher = "ssh"\n', "worker.launcher = 'ssh': should be 'auto', 'fork', 'systemd-user'"),
        ("grid = 3\n", r"grid = 3: write its settings under a heading \[grid\]"),
        ("[site]\npue = nan\n", "site.pue = nan: should be"),
    ],
)
def test_a_wrong_value_is_answered_with_the_right_ones(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        load_settings(written(tmp_path, text), {})


def test_a_settings_file_that_cannot_be_read_is_no_empty_one(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(SettingsError, match=r"config\.toml: cannot be read \(Is a directory\); check its permissions"):
        load_settings(tmp_path / "config.toml", {})
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        (tmp_path / "other.toml").write_bytes(b'[grid]\nzone = "\xe9"\n')
        load_settings(tmp_path / "other.toml", {})


def test_every_policy_that_promises_something_can_be_set() -> None:
    assert set(get_args(PolicyName)) == set(OURS)
