"""The keys of providers: what systemd loaded for this service, a file that only its owner can read, the environment."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

from scheduler.domain.errors import SettingsError
from scheduler.grid.catalogue import PROVIDERS
from scheduler.grid.settings import Credentials

LOADED_KEYS = "carbonq-keys.toml"
"""Name of the credential (systemd.exec(5), LoadCredential=) with the keys of providers."""
KEY_VARIABLE = "CARBONQ_KEY_"
"""Then the name of the key in capitals, as in CARBONQ_KEY_ELECTRICITY_MAPS."""
OTHERS = 0o077


def load_keys(file: Path | None, environ: Mapping[str, str]) -> Credentials:
    """A key of the environment goes before one of the file; `file` None is the one that systemd loaded, if any.

    SettingsError says what is wrong with a file, and nothing of what is in it.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY")
    loaded = Path(folder) / LOADED_KEYS if folder else None
    if file is None and loaded is not None and loaded.exists():
        file = loaded
    keys = {} if file is None else _from_file(file, private=file == loaded)
    return _checked(keys | _from_environment(environ), file)


def without_keys(environ: Mapping[str, str]) -> dict[str, str]:
    """For a child that has no use for them."""
    return {name: value for name, value in environ.items() if not name.startswith(KEY_VARIABLE)}


def _from_environment(environ: Mapping[str, str]) -> dict[str, str]:
    known = {name for provider in PROVIDERS for name in provider.credentials}
    given = {name: value for name, value in environ.items() if name.startswith(KEY_VARIABLE)}
    unknown = sorted(name for name in given if name.removeprefix(KEY_VARIABLE).lower() not in known)
    if unknown:
        names = ", ".join(KEY_VARIABLE + name.upper() for name in sorted(known))
        raise SettingsError(tuple(f"{name}: no provider has a key of that name; known: {names}" for name in unknown))
    return {name.removeprefix(KEY_VARIABLE).lower(): value for name, value in given.items()}


def _from_file(file: Path, private: bool) -> dict[str, str]:
    """`private`: systemd made it, in a directory that nobody else can enter."""
    try:
        if not private and file.stat().st_mode & OTHERS:
            raise SettingsError((f"{file} holds keys and others can read it; run `chmod 600 {file}`",))
        found = tomllib.loads(file.read_text("utf-8"))
    except UnicodeDecodeError:
        raise SettingsError((f"grid.credentials_file: {file} is not UTF-8 text; save it as UTF-8",)) from None
    except (OSError, tomllib.TOMLDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else str(error)
        raise SettingsError((f"grid.credentials_file: {file} cannot be read: {said}",)) from None
    wrong = sorted(name for name, value in found.items() if not isinstance(value, str))
    if wrong:
        raise SettingsError(tuple(f'grid.credentials_file: {file}: write {n} = "..." in quotes' for n in wrong))
    return found


def _checked(keys: Mapping[str, str], file: Path | None) -> Credentials:
    try:
        return Credentials(keys)
    except ValueError as error:
        raise SettingsError((f"{file or 'environment'}: {error}",)) from None
