"""The installed command, as a user of the machine types it."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from harness.installation import PREFIX
from harness.machine import Machine, User, until

COMMAND = f"{PREFIX}/bin/carbonq"

SETTINGS = """\
[grid]
zone = "GB"
provider = "static"

[queue]
assumed_duration = "5s"
shortest_run = "0s"

[planning]
policy = "suspend-resume"
debounce = "0s"

[worker]
cpu_slots = 4
sample = "0.2s"
slice = "1s"

[daemon]
tick = "0.2s"
settle_every = "1s"
"""


class Carbonq:
    def __init__(self, user: User | Machine) -> None:
        self._user = user

    def attempt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._user.attempt(COMMAND, *arguments)

    def run(self, *arguments: str) -> str:
        return self._user.run(COMMAND, *arguments)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def submit(self, *arguments: str) -> int:
        """Its number."""
        return int(json.loads(self.run("submit", "--json", *arguments))["id"])

    def wait(self, job: int) -> int:
        """The job's own exit status."""
        return self.attempt("wait", str(job)).returncode

    def history(self, job: int) -> dict[str, Any]:
        """The job's row, once its emissions are stated."""
        return until(lambda: next((row for row in self._rows(job) if row["emissions_g"] is not None), None))

    def _rows(self, job: int) -> list[dict[str, Any]]:
        return [row for row in self.json("history") if row["id"] == job]
