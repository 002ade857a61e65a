"""Where the keys of providers come from, and that nothing said of a bad one repeats it."""

from __future__ import annotations

from pathlib import Path

import pytest

from scheduler.domain.errors import SettingsError
from scheduler.grid.keys import LOADED_KEYS, load_keys, without_keys

SECRET = "s3cret-0123456789"


def kept(path: Path, text: str = f'eia = "{SECRET}"\n', mode: int = 0o600) -> Path:
    path.write_text(text)
    path.chmod(mode)
    return path


def test_without_keys_there_are_none() -> None:
    assert dict(load_keys(None, {})) == {}


def test_a_file_that_only_its_owner_can_read_is_read(tmp_path: Path) -> None:
    assert dict(load_keys(kept(tmp_path / "keys.toml"), {})) == {"eia": SECRET}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o666, 0o620])
def test_a_file_that_others_can_reach_is_refused_with_the_command_that_mends_it(tmp_path: Path, mode: int) -> None:
    file = kept(tmp_path / "keys.toml", mode=mode)
    with pytest.raises(SettingsError, match=f"chmod 600 {file}") as refused:
        load_keys(file, {})
    assert SECRET not in str(refused.value)


def test_what_systemd_loaded_for_the_service_is_read(tmp_path: Path) -> None:
    """LoadCredential= puts it into a directory that nobody else can enter, readable to the service alone."""
    kept(tmp_path / LOADED_KEYS, mode=0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert dict(load_keys(None, environ)) == {"eia": SECRET}
    assert dict(load_keys(tmp_path / LOADED_KEYS, environ)) == {"eia": SECRET}


def test_a_file_that_the_settings_name_goes_before_what_systemd_loaded(tmp_path: Path) -> None:
    kept(tmp_path / LOADED_KEYS, 'eia = "other"\n')
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert load_keys(kept(tmp_path / "mine.toml"), environ)["eia"] == SECRET


def test_a_credentials_directory_without_ours_is_no_mistake(tmp_path: Path) -> None:
    assert dict(load_keys(None, {"CREDENTIALS_DIRECTORY": str(tmp_path)})) == {}


def test_a_key_of_the_environment_goes_before_one_of_the_file(tmp_path: Path) -> None:
    file = kept(tmp_path / "keys.toml", 'eia = "old"\nentsoe = "kept"\n')
    keys = load_keys(file, {"CARBONQ_KEY_EIA": SECRET, "CARBONQ_KEY_ELECTRICITY_MAPS": "em", "PATH": "/bin"})
    assert dict(keys) == {"eia": SECRET, "entsoe": "kept", "electricity_maps": "em"}


def test_a_variable_that_names_no_key_is_a_mistake_and_its_value_is_not_repeated() -> None:
    """A typing error would else leave the provider without its key, and nobody would know why."""
    with pytest.raises(SettingsError, match="CARBONQ_KEY_EIAA: no provider has a key of that name; known:") as refused:
        load_keys(None, {"CARBONQ_KEY_EIAA": SECRET})
    assert SECRET not in str(refused.value)
    assert "CARBONQ_KEY_ELECTRICITY_MAPS" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"eia = {SECRET}", "cannot be read: "),
        (f"{SECRET}", "cannot be read: "),
        (f'eia = "{SECRET}', "cannot be read: "),
        (f'[eia]\nkey = "{SECRET}"', 'write eia = "..." in quotes'),
        ("eia = 12345", 'write eia = "..." in quotes'),
        (f'eia = "{SECRET}\\n{SECRET}"', "characters no key has"),
    ],
)
def test_a_mistake_in_the_file_is_named_without_what_is_in_it(tmp_path: Path, text: str, said: str) -> None:
    file = kept(tmp_path / "keys.toml", text)
    with pytest.raises(SettingsError) as refused:
        load_keys(file, {})
    assert said in str(refused.value) and str(file) in str(refused.value)
    assert SECRET not in str(refused.value) and "12345" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_file_that_is_not_there_or_not_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read: No such file"):
        load_keys(tmp_path / "nowhere.toml", {})
    (tmp_path / "keys.toml").write_bytes(b"\xff\xfe")
    (tmp_path / "keys.toml").chmod(0o600)
    with pytest.raises(SettingsError, match="not UTF-8"):
        load_keys(tmp_path / "keys.toml", {})


def test_a_child_that_has_no_use_for_keys_is_not_given_any() -> None:
    environ = {"CARBONQ_KEY_EIA": SECRET, "CARBONQ_HOME": "/h", "PATH": "/bin"}
    assert without_keys(environ) == {"CARBONQ_HOME": "/h", "PATH": "/bin"}
