"""docs/operations.md and the example settings say what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from scheduler.config import Settings, load_settings

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "operations.md").read_text("utf-8")
EXAMPLE = ROOT / "systemd" / "config.example.toml"
ROWS = {
    name: default.strip()
    for names, default in re.findall(r"^\| ((?:`[a-z]+\.[a-z_]+`(?:, )?)+) \|([^|]*)\|", PAGE, re.MULTILINE)
    for name in re.findall(r"`([^`]+)`", names)
}
SETTINGS = [f"{section}.{key}" for section, model in Settings() for key in type(model).model_fields]


def test_every_setting_is_on_the_page_and_no_other() -> None:
    assert sorted(ROWS) == sorted(SETTINGS)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_default_on_the_page_is_the_default(name: str) -> None:
    """Where the page gives a value in code, rather than says where it comes from."""
    section, key = name.split(".")
    if ROWS[name].startswith("`"):
        stated = tomllib.loads(f"[{section}]\n{key} = {ROWS[name].strip('`')}")
        assert Settings.model_validate(stated) == Settings()
    else:
        assert getattr(getattr(Settings(), section), key) is None


def test_the_example_settings_are_the_defaults_but_for_the_zone() -> None:
    example = load_settings(EXAMPLE, {})
    assert example.model_copy(update={"grid": example.grid.model_copy(update={"zone": None})}) == Settings()
