"""`carbonq grid setup` and `serve-recorded`, as a person runs them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fakes.grid_server import KEY, grid_server

from scheduler.cli.main import main


@pytest.fixture
def file(tmp_path: Path) -> Path:
    start = datetime(2021, 1, 1, tzinfo=UTC)
    rows = [f"{(start + n * timedelta(hours=1)).isoformat()},{100 + n}" for n in range(72)]
    written = tmp_path / "grid.csv"
    written.write_text("\n".join(["start,carbon_intensity_g_per_kwh", *rows]))
    return written


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CARBONQ_HOME", str(tmp_path / "home"))


def test_setup_ends_in_settings_that_were_tried(capsys):
    """It says who covers the zone and what is free, and prints the lines to keep."""
    with grid_server(lambda: datetime.now(UTC)) as server:
        assert main(["grid", "setup", "--zone", "London", "--base-url", server.url("uk-neso")]) == 0
    shown = capsys.readouterr().out
    assert "uk-neso works for GB-13" in shown
    assert 'provider = "uk-neso"' in shown
    assert "energy-charts" not in shown


def test_setup_says_why_it_does_not_work(capsys):
    """And prints no settings that would not."""
    with grid_server(lambda: datetime.now(UTC)) as server:
        assert main(["grid", "setup", "--zone", "GB", "--base-url", server.url("nobody")]) == 1
    shown = capsys.readouterr().out
    assert "uk-neso does not work for GB" in shown
    assert "[grid]" not in shown


def test_setup_gives_one_json_value(capsys):
    assert main(["grid", "setup", "--zone", "IN", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["trial"]["works"]
    assert found["settings"] == ["[grid]", 'zone = "IN"', 'provider = "static"']
    assert {"source", "state", "free", "licence"} <= found["providers"][0].keys()


def test_setup_guesses_the_country_from_the_time_zone(capsys, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    assert main(["grid", "setup", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["zone"] == "IN"


def test_providers_of_a_zone_are_told_without_a_daemon(capsys):
    """Who is ready there, who wants a key, and who is not for it."""
    assert main(["grid", "providers", "--zone", "-33.87,151.2", "--json"]) == 0
    states = {row["source"]: row["state"] for row in json.loads(capsys.readouterr().out)}
    assert (states["nemweb"], states["openelectricity"], states["uk-neso"]) == (
        "ready",
        "needs key",
        "not for this zone",
    )


def test_providers_of_a_place_near_a_border_are_not_guessed(capsys):
    assert main(["grid", "providers", "--zone", "48.58,7.75"]) == 2
    assert "may be in FR or DE" in capsys.readouterr().err


def test_setup_takes_a_place_for_the_zone_around_it(capsys):
    """London by latitude and longitude; what is printed to be kept is the zone."""
    with grid_server(lambda: datetime.now(UTC)) as server:
        assert main(["grid", "setup", "--zone", "51.5,-0.12", "--base-url", server.url("uk-neso")]) == 0
    shown = capsys.readouterr()
    assert "51.5,-0.12 is in GB" in shown.err
    assert 'zone = "GB"' in shown.out


def test_setup_asks_which_side_of_a_border_is_meant(capsys, monkeypatch):
    """Only a person can tell; what is no answer is asked again."""
    answers = iter(["AT", "fr"])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    with grid_server(lambda: datetime.now(UTC)) as server:
        place = ["--zone", "48.58,7.75", "--base-url", server.url("energy-charts")]
        assert main(["grid", "setup", *place]) == 0
    assert "energy-charts works for FR" in capsys.readouterr().out


def test_setup_asks_the_provider_where_it_knows_better(capsys, monkeypatch):
    """WattTime has regions that no table of borders has."""
    keys = iter(["loopback", KEY])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("getpass.getpass", lambda _: next(keys))
    with grid_server(lambda: datetime.now(UTC)) as server:
        place = ["--zone", "37.8,-122.4", "--provider", "watttime", "--base-url", server.url("watttime")]
        assert main(["grid", "setup", *place]) == 0
    shown = capsys.readouterr().out
    assert 'zone = "CAISO_NORTH"' in shown
    assert "this plan covers 2 regions" in shown
    assert KEY not in shown


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--zone", "48.58,7.75"], "may be in FR or DE; say which"),
        (["--zone", "30,-40"], "far from every country"),
        (["--zone", "Germny"], "did you mean DE"),
        (["--zone", "DE", "--provider", "uk-neso"], "uk-neso does not cover DE"),
        (["--zone", "US-CISO", "--provider", "eia"], "needs a key"),
        (["--zone", "DE", "--base-url", "nowhere"], "base_url must look like"),
    ],
)
def test_setup_refuses_what_cannot_be(capsys, arguments, complaint):
    assert main(["grid", "setup", *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_a_served_file_can_be_used_at_once(file, capsys):
    """A real process on a port of its own; setup finds a working source there."""
    command = [sys.executable, "-m", "scheduler.cli", "grid", "serve-recorded", str(file), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            assert server.stdout is not None
            lines = iter(server.stdout.readline, "")
            base_url = next(found[1] for line in lines if (found := re.search(r"(http\S+/uk-neso)", line)))
            assert main(["grid", "setup", "--zone", "GB", "--base-url", base_url]) == 0
        finally:
            server.send_signal(signal.SIGINT)
        assert server.wait(10) == 130
    assert "uk-neso works for GB" in capsys.readouterr().out


def test_under_json_a_program_is_told_at_once_where_to_ask(file):
    """One value, through a pipe, as soon as it serves: the port was ours to choose."""
    command = [sys.executable, "-m", "scheduler.cli", "grid", "serve-recorded", str(file), "--port", "0", "--json"]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=buffered) as server:
        try:
            assert server.stdout is not None
            base_url = json.loads(server.stdout.readline())["base_urls"]["uk-neso"]
            assert main(["grid", "setup", "--zone", "GB", "--base-url", base_url, "--json"]) == 0
        finally:
            server.send_signal(signal.SIGINT)
        assert server.communicate(timeout=10)[0] == ""
        assert server.returncode == 130


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--speed", "nan"], "--speed: nan is not a number"),
        (["--forecast-error", "nan"], "--forecast-error: nan is not a number"),
        (["--forecast-error", "inf"], "not in the range"),
        (["--speed", "0.000001"], "--speed: at 1e-06 the series reaches beyond the years 1 to 9999"),
        (["--fault", "gremlins"], "there is no 'gremlins'; known: server-error"),
        (["--from", "whenever"], "--from"),
    ],
)
def test_serving_refuses_what_cannot_be(file, capsys, arguments, complaint):
    assert main(["grid", "serve-recorded", str(file), *arguments]) == 2
    assert complaint in capsys.readouterr().err


def test_serving_names_what_is_wrong_in_the_file(file, capsys):
    file.write_text("start,carbon_intensity_g_per_kwh\n2021-01-01,lots\n2021-01-02,1\n")
    assert main(["grid", "serve-recorded", str(file)]) == 2
    assert "line 2" in capsys.readouterr().err
