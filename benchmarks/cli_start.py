"""How long people wait for the command: medians of wall time against a live daemon, beside what Python alone costs.

    python benchmarks/cli_start.py [--rounds 21]

The rounds of all commands are interleaved, so that other load on the machine meets all of them alike. A daemon with a
scratch home is started for the time of the run; its recorded grid is dirty now and clean tomorrow, so that each job
submitted is planned among those before it, and waits.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median, quantiles

BOUNDS_S = {"carbonq list": 0.25, "carbonq submit": 0.30}
BARE_TYPER = """
import typer
app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
@app.command()
def main() -> None: ...
app()
"""
CARBONQ = [str(Path(sys.executable).parent / "carbonq")]
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "bare Typer no-op": [sys.executable, "-c", BARE_TYPER],
    "carbonq list": [*CARBONQ, "list"],
    "carbonq submit": [*CARBONQ, "submit", "--within", "40h", "--duration", "10m", "--", "true"],
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as home:
        env = {**os.environ, "CARBONQ_HOME": home}
        with live_daemon(env):
            walls = measured(env, rounds)
    print(f"{platform.machine()}, {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f}, {rounds} rounds each")
    print(f"{'':<18}{'median':>9}{'p90':>9}{'bound':>9}")
    for name, seconds in walls.items():
        bound = f"{BOUNDS_S[name] * 1000:7.0f}ms" if name in BOUNDS_S else ""
        print(f"{name:<18}{median(seconds) * 1000:7.0f}ms{quantiles(seconds, n=10)[-1] * 1000:7.0f}ms{bound:>9}")
    missed = [name for name, bound in BOUNDS_S.items() if median(walls[name]) > bound]
    print(f"too slow: {', '.join(missed)}" if missed else "within bounds")
    return 1 if missed else 0


def measured(env: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Wall seconds of each round of each command, after one round that warms the file cache."""
    walls: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(rounds + 1):
        for name, command in COMMANDS.items():
            wall = wall_s(command, env)
            if number:
                walls[name].append(wall)
    return walls


def wall_s(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


@contextlib.contextmanager
def live_daemon(env: dict[str, str]) -> Iterator[None]:
    """A real daemon that answers, until the block ends."""
    log, grid = Path(env["CARBONQ_HOME"]) / "daemon.log", Path(env["CARBONQ_HOME"]) / "grid.csv"
    write_grid(grid)
    with log.open("wb") as output:
        recorded = {"CARBONQ_GRID_PROVIDER": "recorded", "CARBONQ_GRID_FILE": str(grid)}
        command = [*CARBONQ, "daemon", "--zone", "DE"]
        daemon = subprocess.Popen(command, env=env | recorded, stdout=output, stderr=output)
        try:
            until_it_answers(daemon, env, log)
            yield
        finally:
            daemon.terminate()
            daemon.wait(timeout=30)


def write_grid(file: Path) -> None:
    """Three days by the hour from yesterday on: dirty for the next twenty hours, clean after them."""
    begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=1)
    rows = [f"{(begin + timedelta(hours=n)).isoformat()},{400 if n < 44 else 50}" for n in range(72)]
    file.write_text("start,carbon_intensity_g_per_kwh\n" + "\n".join(rows) + "\n")


def until_it_answers(daemon: subprocess.Popen[bytes], env: dict[str, str], log: Path) -> None:
    for _ in range(200):
        if subprocess.run([*CARBONQ, "list"], env=env, capture_output=True, check=False).returncode == 0:
            return
        if daemon.poll() is not None:
            break
        time.sleep(0.1)
    raise SystemExit(f"the daemon does not answer:\n{log.read_text()}")


if __name__ == "__main__":
    raise SystemExit(main())
