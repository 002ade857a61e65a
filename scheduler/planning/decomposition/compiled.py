"""Inner loops run compiled where numba is there and allowed to (NUMBA_DISABLE_JIT), else as plain Python."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., object])

COMPILED = False
if os.environ.get("NUMBA_DISABLE_JIT", "0") == "0":
    # numba's own variable, read here because importing numba only to be told so takes a second.
    try:
        from numba import njit
    except (ImportError, OSError):
        # OSError: a sandboxed service may not turn memory into code.
        pass
    else:
        COMPILED = True


def compiled(function: F) -> F:
    """The same function, compiled at its first call and kept on disk for the next process.

    What makes that first call long: whole-array expressions and slice copies (each compiles broadcasting and its error
    messages; loops do not), a literal among the arguments, and columns with a stride (both compile once more).
    """
    return _compiled(function)


def lean(function: F) -> F:
    """As `compiled`, for a function that makes no array, nor calls one that does.

    numba counts the references to each array that a function is handed, atomically: a quarter of the planner's time.
    Where nothing is made nothing need be counted. Should a function make an array after all, compiling it fails.
    """
    return _compiled(function, _nrt=False)


def inlined(function: F) -> F:
    """As `lean`, and copied into each function that calls it: for what is called in inner loops with many arrays.

    A call hands over six numbers of each array, which takes longer than what such a function does.
    """
    return _compiled(function, _nrt=False, inline="always")


def _compiled(function: F, **options: Any) -> F:
    if not COMPILED:
        return function
    try:
        return cast(F, njit(cache=True, **options)(function))
    except RuntimeError:
        # There is no directory to keep it in that we may write: each process compiles for itself.
        return cast(F, njit(**options)(function))
