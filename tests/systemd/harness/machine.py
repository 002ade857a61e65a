"""A machine with a systemd of its own: process 1 of fresh namespaces, on an overlay of this host's root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

INSIDE = Path(__file__).with_name("inside.sh")
FILES = ("lib/systemd/systemd", "usr/lib/systemd/user/dbus.socket", "lib/*/security/pam_systemd.so")
PROGRAMS = ("unshare", "nsenter", "setpriv", "systemctl", "loginctl", "dbus-daemon", "useradd", "ps")
NAMESPACES = ("--pid", "--mount", "--uts", "--ipc", "--cgroup")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOT_S = 60.0
WAIT_S = 30.0
COMMAND_S = 60.0


def why_not() -> str | None:
    """What this host lacks for a machine of the kind; None where it has everything."""
    if os.geteuid() != 0:
        return "a systemd in namespaces needs root"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    missing += [f"/{pattern}" for pattern in FILES if not any(Path("/").glob(pattern))]
    if missing:
        return f"missing: {', '.join(missing)} (docs/operations.md names the packages)"
    return None if _cgroup2() else "no cgroup v2 hierarchy is mounted"


class Machine:
    """Commands run in it as root, or as one of its users."""

    def __init__(self, process_1: int, cgroup: Path) -> None:
        self._process_1 = process_1
        self._cgroup = cgroup

    def run(self, *command: str, check: bool = True, env: Mapping[str, str] | None = None) -> str:
        """What the command prints; AssertionError with all it said where it fails."""
        done = self.attempt(*command, env=env)
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        variables = {"PATH": PATH, "HOME": "/root", "TZ": "UTC", "LC_ALL": "C.UTF-8", **(env or {})}
        enter = ["nsenter", "-t", str(self._process_1), "-m", "-u", "-i", "-p", "-C", "--root"]
        return subprocess.run(
            [*enter, "env", "--chdir=/", *command],
            env=variables,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def user(self, name: str) -> User:
        """An account, made where there is none yet."""
        self.run("sh", "-c", f"id {name} >/dev/null 2>&1 || useradd --create-home --shell /bin/bash {name}")
        return User(self, name, int(self.run("id", "-u", name)))

    def write(self, path: str, text: str, mode: str = "644", owner: str = "root") -> None:
        script = 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1" && chmod "$3" "$1" && chown "$4" "$1"'
        self.run("sh", "-c", script, "write", path, text, mode, owner)

    def journal(self, *matches: str) -> str:
        return self.run("journalctl", "--no-pager", "--output=cat", *matches)

    def unit_property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()


class User:
    """An account of the machine. Commands have no session, and reach its own systemd where that runs."""

    def __init__(self, machine: Machine, name: str, uid: int) -> None:
        self.machine = machine
        self.name = name
        self.uid = uid
        self.home = f"/home/{name}"

    def attempt(self, *command: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        become = ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--init-groups", "--reset-env"]
        runtime = f"/run/user/{self.uid}"
        variables = {
            "XDG_RUNTIME_DIR": runtime,
            "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus",
            "PATH": PATH,
            "TZ": "UTC",
            "LC_ALL": "C.UTF-8",
            **(env or {}),
        }
        settings = [f"{key}={value}" for key, value in variables.items()]
        return self.machine.attempt(*become, "env", f"--chdir={self.home}", *settings, *command)

    def run(self, *command: str, env: Mapping[str, str] | None = None) -> str:
        done = self.attempt(*command, env=env)
        assert done.returncode == 0, f"{self.name}: {' '.join(command)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def linger(self) -> None:
        """Have the user's systemd run without a login."""
        self.machine.run("loginctl", "enable-linger", self.name)
        until(
            lambda: self.attempt("systemctl", "--user", "is-system-running").stdout.strip() in ("running", "degraded")
        )

    def write(self, path: str, text: str, mode: str = "600") -> None:
        self.run(
            "sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" > "$1" && chmod "$3" "$1"', "w", path, text, mode
        )

    def unit_property(self, unit: str, name: str) -> str:
        return self.run("systemctl", "--user", "show", "--value", f"--property={name}", unit).strip()

    def journal(self, unit: str) -> str:
        return self.machine.journal(f"_UID={self.uid}", f"USER_UNIT={unit}", "+", f"_SYSTEMD_USER_UNIT={unit}")


@contextmanager
def booted(state: Path, mounts: Mapping[Path, str]) -> Iterator[Machine]:
    """A machine for as long as the context lasts; `mounts` are host directories by their place in it."""
    root = _cgroup2()
    assert root is not None
    cgroup = root / f"carbonq-test-{os.getpid()}"
    cgroup.mkdir()
    outer = _start(state, cgroup, mounts)
    try:
        process_1 = until(lambda: _only_child(outer), BOOT_S)
        until(lambda: (cgroup / "init.scope").is_dir() or _ended(outer, state), BOOT_S)
        # The one process of ours that is in its group but not in its namespace would be unreadable from within.
        (root / "cgroup.procs").write_text(str(outer.pid))
        machine = Machine(process_1, cgroup)
        until(
            lambda: machine.attempt("systemctl", "is-system-running").stdout.strip() in ("running", "degraded"), BOOT_S
        )
        yield machine
    finally:
        _end(outer, cgroup)


def until(condition: Callable[[], T], seconds: float = WAIT_S, poll_s: float = 0.1) -> T:
    """The first true answer of `condition`; AssertionError when none comes in time."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"{condition} did not come true within {seconds:g} s"
        time.sleep(poll_s)
    return answer


def _start(state: Path, cgroup: Path, mounts: Mapping[Path, str]) -> subprocess.Popen[bytes]:
    def join_cgroup() -> None:
        (cgroup / "cgroup.procs").write_text(str(os.getpid()))

    pairs = [f"{source}={target}" for source, target in mounts.items()]
    unshare = ["unshare", "--fork", *NAMESPACES, "--mount-proc", "--propagation=private", "--kill-child=SIGKILL"]
    with (state / "boot.log").open("wb") as log:
        return subprocess.Popen(
            [*unshare, str(INSIDE), str(state), *pairs],
            preexec_fn=join_cgroup,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


def _only_child(outer: subprocess.Popen[bytes]) -> int:
    children = Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    return int(children.read_text().split()[0]) if children.exists() and children.read_text().strip() else 0


def _ended(outer: subprocess.Popen[bytes], state: Path) -> bool:
    assert outer.poll() is None, f"the machine did not boot: {(state / 'boot.log').read_text()}"
    return False


def _end(outer: subprocess.Popen[bytes], cgroup: Path) -> None:
    """The end of process 1 ends everything in its namespace."""
    outer.kill()
    outer.wait()
    if (cgroup / "cgroup.kill").exists():
        (cgroup / "cgroup.kill").write_text("1")
    folders = sorted((folder for folder in cgroup.rglob("*") if folder.is_dir()), reverse=True)
    for folder in [*folders, cgroup]:
        with contextlib.suppress(AssertionError):
            until(lambda folder=folder: _removed(folder), 5)


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _cgroup2() -> Path | None:
    """Where the version 2 hierarchy is mounted, alone or beside version 1."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next((Path(fields[1]) for fields in lines if fields[2] == "cgroup2"), None)
