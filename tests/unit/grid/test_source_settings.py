"""What a source is told: mistakes are caught before anything is opened, and keys are never shown."""

from __future__ import annotations

import copy
import pickle
from datetime import timedelta
from pathlib import Path

import pytest
from fakes.clock import NOON

from scheduler.grid.settings import Credentials, SourceSettings


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ({"zone": " "}, "a zone is needed"),
        ({"provider": "crystal-ball"}, "no provider 'crystal-ball'; known: auto, "),
        ({"base_url": "ftp://host"}, "must look like https://host"),
        ({"base_url": "https://user:secret@host"}, "without keys"),
        ({"base_url": "https://host/?key=1"}, "without keys or a query"),
        ({"timeout": timedelta(0)}, "timeout must be more than nothing"),
        ({"attempts": 0}, "attempts must be at least 1"),
        ({"speed": 0}, "speed must be above 0"),
        ({"speed": float("nan")}, "speed must be above 0"),
        ({"speed": 2.0}, "a replay needs an anchor"),
        ({"origin": NOON}, "a replay needs an anchor"),
        ({"anchor": NOON.replace(tzinfo=None)}, "anchor needs a time zone"),
        ({"lag": timedelta(seconds=-1)}, "lag must not be negative"),
        ({"provider": "recorded"}, "needs a file"),
        ({"g_per_kwh": -1.0}, "g_per_kwh must be between 0 and 2,000"),
        ({"g_per_kwh": float("nan")}, "g_per_kwh must be between"),
        ({"credentials": {"eia": "bad\nkey"}}, "the key 'eia' holds characters"),
    ],
)
def test_a_setting_that_cannot_be_is_named(settings, complaint):
    with pytest.raises(ValueError, match=complaint):
        SourceSettings(**{"zone": "DE", **settings})


def test_settings_that_can_be_are_kept():
    settings = SourceSettings(zone=" de ", provider="recorded", file=Path("x.csv"), anchor=NOON, speed=240)
    assert (settings.zone, settings.speed, settings.anchor) == ("de", 240, NOON)


def test_a_key_is_never_shown():
    """Not by printing the settings, not in an error, not in a traceback's locals."""
    settings = SourceSettings(zone="DE", credentials={"eia": "s3cret", "unused": " "})
    assert settings.credentials["eia"] == "s3cret"
    assert "s3cret" not in f"{settings} {settings!r} {settings.credentials} {settings.credentials!r}"
    assert repr(settings.credentials) == "Credentials(eia)"


def test_a_bad_key_is_not_repeated_in_the_complaint():
    with pytest.raises(ValueError, match="the key 'eia'") as error:
        Credentials({"eia": "s3cr\net"})
    assert "s3cr" not in str(error.value)


@pytest.mark.parametrize("write", [pickle.dumps, copy.deepcopy])
def test_credentials_are_not_written_down(write):
    with pytest.raises(TypeError):
        write(Credentials({"eia": "s3cret"}))
