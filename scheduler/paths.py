"""Where carbonq keeps its things: a user's own (XDG), or a system service's. The standard library suffices."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SYSTEM_CONFIG = Path("/etc/carbonq")
SYSTEM_RUNTIME = Path("/run/carbonq")


@dataclass(frozen=True, slots=True)
class Paths:
    """`CARBONQ_HOME` puts everything under one directory (the demo and tests do so)."""

    config: Path
    state: Path
    runtime: Path

    @property
    def settings_file(self) -> Path:
        return self.config / "config.toml"

    @property
    def database(self) -> Path:
        return self.state / "carbonq.db"

    @property
    def secrets(self) -> Path:
        return self.state / "secrets"

    @property
    def locks(self) -> Path:
        return self.state / "locks"

    @property
    def runs(self) -> Path:
        """Segment directories; the agent's, never read by the scheduler."""
        return self.state / "runs"

    @property
    def api_socket(self) -> Path:
        return self.runtime / "api.sock"

    @property
    def agent_socket(self) -> Path:
        return self.runtime / "agent.sock"


def default_paths(environ: Mapping[str, str] | None = None) -> Paths:
    """The directories of the calling user, or of the unit that says it has some; none of them created."""
    env = os.environ if environ is None else environ
    if home := env.get("CARBONQ_HOME"):
        root = Path(home)
        return Paths(root / "config", root / "state", root / "run")
    if state_directory := env.get("STATE_DIRECTORY"):
        return Paths(
            Path(env.get("CONFIGURATION_DIRECTORY") or SYSTEM_CONFIG),
            Path(state_directory),
            Path(env.get("RUNTIME_DIRECTORY") or SYSTEM_RUNTIME),
        )
    user_home = Path(env.get("HOME") or "~").expanduser()
    config = Path(env.get("XDG_CONFIG_HOME") or user_home / ".config") / "carbonq"
    state = Path(env.get("XDG_STATE_HOME") or user_home / ".local/state") / "carbonq"
    runtime_root = env.get("XDG_RUNTIME_DIR")
    # Without a runtime directory (a bare ssh session, a container) the state directory holds the sockets: it is ours
    # and 0700, where a fixed name in /tmp could be squatted on.
    runtime = Path(runtime_root) / "carbonq" if runtime_root else state / "run"
    return Paths(config, state, runtime)


def daemon_socket(environ: Mapping[str, str] | None = None) -> Path:
    """Where a client finds its daemon: the user's own where one is there, else the machine's, if it has one."""
    env = os.environ if environ is None else environ
    own = default_paths(env).api_socket
    machines = SYSTEM_RUNTIME / own.name
    return machines if "CARBONQ_HOME" not in env and not own.exists() and machines.exists() else own
