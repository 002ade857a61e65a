"""Which environment variables a job gets: names on a list, and those the user names; never a secret by accident."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence

from scheduler.cli.failures import Failure

CAPTURED = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*",
    "VIRTUAL_ENV", "CONDA_*", "MAMBA_*", "PYENV_*", "UV_PROJECT_ENVIRONMENT",
    "PYTHON*", "LD_LIBRARY_PATH", "CUDA_HOME", "CUDA_PATH", "CUDA_CACHE_PATH", "CPATH", "LIBRARY_PATH",
    "OMP_*", "MKL_*", "OPENBLAS_*", "NUMEXPR_*", "GOMP_*", "KMP_*",
    "TORCH*", "PYTORCH_*", "NCCL_*", "TRITON_*", "XLA_*", "JAX_*", "TF_*", "TOKENIZERS_PARALLELISM",
    "HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE", "HF_HUB_OFFLINE", "TRANSFORMERS_CACHE", "TRANSFORMERS_OFFLINE",
    "WANDB_MODE", "WANDB_DIR", "WANDB_PROJECT", "MLFLOW_TRACKING_URI",
)  # fmt: skip
"""Captured without being asked for; published in docs/cli.md."""

WITHHELD = ("CUDA_VISIBLE_DEVICES", "CARBONQ_*", "XDG_SESSION_*", "XDG_VTNR", "XDG_SEAT", "NOTIFY_SOCKET")
"""Never captured: carbonq assigns GPUs itself, and a job is not part of the session that submitted it."""

SECRET_WORDS = ("TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIAL", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE")
"""A name with one of these is not captured by a pattern; `--env NAME` still passes it on."""

ALL = "ALL"


def job_environment(wishes: Sequence[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The job's environment: what is captured, then each of `wishes` in order (`NAME`, `NAME=VALUE` or `ALL`)."""
    env = {name: value for name, value in environ.items() if captured(name) and _encodable(name, value)}
    for wish in wishes:
        env.update(_granted(wish, environ))
    return env


def captured(name: str) -> bool:
    return (
        _matches(name, CAPTURED) and not _matches(name, WITHHELD) and not any(w in name.upper() for w in SECRET_WORDS)
    )


def _granted(wish: str, environ: Mapping[str, str]) -> dict[str, str]:
    if wish == ALL:
        return {n: v for n, v in environ.items() if not _matches(n, WITHHELD) and _encodable(n, v)}
    name, given, value = wish.partition("=")
    if not name or "\0" in wish:
        raise Failure(f"--env: '{wish}' names no variable; write NAME, NAME=VALUE or ALL")
    if any(character.isspace() for character in name):
        raise Failure(f"--env: '{name}' cannot be the name of a variable, for it holds a blank; write NAME=VALUE")
    if name == "CUDA_VISIBLE_DEVICES":
        raise Failure("--env: CUDA_VISIBLE_DEVICES is set by carbonq to the GPUs it assigns; ask for --gpus N")
    if not given and name not in environ:
        raise Failure(f"--env: {name} is not set here; give its value as --env {name}=VALUE")
    value = value if given else environ[name]
    if not _encodable(name, value):
        raise Failure(f"--env: {name} holds bytes that are not UTF-8")
    return {name: value}


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)


def _encodable(name: str, value: str) -> bool:
    """Whether both can be sent: bytes that are not UTF-8 reach Python as lone surrogates."""
    try:
        f"{name}={value}".encode()
    except UnicodeEncodeError:
        return False
    return True
