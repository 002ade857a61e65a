"""Takes directories away with all that is in them, and says how much of the disk that gave back."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from scheduler.protocol import Cleaned

BLOCK_BYTES = 512
"""Of `st_blocks`, whatever the file system (stat(2))."""


def held_bytes(tree: Path) -> int:
    """What the files under `tree` take on the disk; links are not followed, and what may not be read is not counted."""
    return sum(blocks * BLOCK_BYTES for blocks in _blocks(tree))


def remove(trees: Iterable[Path]) -> Cleaned:
    """Remove each; one that is not there needs nothing, and one that is not ours is left and named."""
    freed, left = 0, []
    for tree in trees:
        held = held_bytes(tree)
        shutil.rmtree(tree, ignore_errors=True)
        with contextlib.suppress(OSError):
            # Of another user, it cannot be looked into; empty, it can be removed all the same.
            tree.rmdir()
        if os.path.lexists(tree):
            left.append(str(tree))
            held -= held_bytes(tree)
        freed += held
    return Cleaned(freed, left)


def _blocks(tree: Path) -> Iterator[int]:
    for folder, _, names in os.walk(tree):
        for name in names:
            with contextlib.suppress(OSError):
                yield Path(folder, name).lstat().st_blocks
