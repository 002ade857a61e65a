"""carbonq as a service needs it: the built wheel, in an environment that a machine can mount at /opt/carbonq.

Made from the environment that runs the tests, without asking an index: our wheel is unpacked, the packages it stands on
are mounted beside it, and so is a Python that lives where services cannot look.
"""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

PREFIX = "/opt/carbonq"
PACKAGES = "/opt/carbonq-packages"
PYTHON = "/opt/python"
SERVICES_SEE = ("/usr", "/opt")

SCRIPT = f"""#!{PREFIX}/bin/python3
from scheduler.cli.main import run
run()
"""


def build(root: Path, folder: Path) -> Mapping[Path, str]:
    """Unpack the wheel of the project at `root` below `folder`; what to mount where."""
    installed = folder / "carbonq"
    packages = installed / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    with zipfile.ZipFile(_wheel(root, folder)) as wheel:
        wheel.extractall(packages)
    (packages / "dependencies.pth").write_text(f"{PACKAGES}\n")
    base, mounts = _python()
    _environment(installed, base)
    return {installed: PREFIX, Path(sysconfig.get_path("purelib")): PACKAGES, **mounts}


def _wheel(root: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=root, check=True, capture_output=True, timeout=120)
    return next(folder.glob("carbonq-*.whl"))


def _environment(installed: Path, base: str) -> None:
    """As venv makes one, for a Python at `base` of the machine."""
    (installed / "bin").mkdir()
    (installed / "bin" / "python3").symlink_to(f"{base}/bin/python{sys.version_info.major}.{sys.version_info.minor}")
    (installed / "pyvenv.cfg").write_text(f"home = {base}/bin\ninclude-system-site-packages = false\n")
    script = installed / "bin" / "carbonq"
    script.write_text(SCRIPT)
    script.chmod(0o755)


def _python() -> tuple[str, Mapping[Path, str]]:
    """Where the machine has the Python that runs us, and what to mount for that."""
    base = Path(sys.base_prefix)
    if str(base).startswith(SERVICES_SEE):
        return str(base), {}
    return PYTHON, {base: PYTHON}
