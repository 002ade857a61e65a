"""A file that has been read: what is asked of it again is asked of its text, for a pipe says all only once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class FileText:
    file: Path
    text: str

    def __str__(self) -> str:
        """As messages name it."""
        return str(self.file)

    @property
    def suffix(self) -> str:
        return self.file.suffix
