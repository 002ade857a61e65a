"""Which variables a job gets."""

from __future__ import annotations

import pytest

from scheduler.cli.environment import captured, job_environment
from scheduler.cli.failures import Failure

SHELL = {
    "PATH": "/usr/bin",
    "HOME": "/home/ada",
    "LC_ALL": "C.UTF-8",
    "PYTHONPATH": "src",
    "CONDA_PREFIX": "/opt/conda",
    "AWS_SECRET_ACCESS_KEY": "hush",
    "HF_TOKEN": "hush",
    "PYTHON_KEYRING_PASSWORD": "hush",
    "CUDA_VISIBLE_DEVICES": "3",
    "CARBONQ_HOME": "/tmp/x",
    "EDITOR": "vi",
}


def test_only_names_on_the_list_are_captured() -> None:
    assert set(job_environment([], SHELL)) == {"PATH", "HOME", "LC_ALL", "PYTHONPATH", "CONDA_PREFIX"}


@pytest.mark.parametrize(
    "name", ["HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "PYTHON_KEYRING_PASSWORD", "TORCH_API_KEY", "NCCL_SECRET"]
)
def test_a_secret_is_never_captured_unasked(name: str) -> None:
    """Even where a pattern would let it in."""
    assert not captured(name)


def test_a_secret_named_by_the_user_is_passed_on() -> None:
    assert job_environment(["HF_TOKEN"], SHELL)["HF_TOKEN"] == "hush"


def test_a_value_can_be_given_and_the_last_one_counts() -> None:
    assert job_environment(["LR=1", "LR=2", "EMPTY="], SHELL)["LR"] == "2"
    assert job_environment(["EMPTY="], SHELL)["EMPTY"] == ""


def test_all_means_all_but_what_carbonq_assigns() -> None:
    env = job_environment(["ALL"], SHELL)
    assert env["EDITOR"] == "vi" and env["HF_TOKEN"] == "hush"
    assert "CUDA_VISIBLE_DEVICES" not in env and "CARBONQ_HOME" not in env


@pytest.mark.parametrize(
    ("wish", "why"), [("NOT_SET", "not set here"), ("=x", "names no variable"), ("CUDA_VISIBLE_DEVICES=1", "--gpus")]
)  # fmt: skip
def test_a_wish_that_cannot_be_granted_says_why(wish: str, why: str) -> None:
    with pytest.raises(Failure, match=why):
        job_environment([wish], SHELL)


def test_bytes_that_are_not_text_are_left_out_and_refused_when_asked_for() -> None:
    environ = {"LC_BYTES": "\udcff", "PATH": "/bin"}
    assert set(job_environment([], environ)) == {"PATH"}
    with pytest.raises(Failure, match="not UTF-8"):
        job_environment(["LC_BYTES"], environ)
