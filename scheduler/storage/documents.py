"""JSON documents in a column: lists, and whole values of the domain, read and written at once."""

from __future__ import annotations

import gc
from collections.abc import Iterable
from typing import Generic, TypeVar

import msgspec

from scheduler.domain.errors import StorageError

T = TypeVar("T")

_words = msgspec.json.Decoder(tuple[str, ...])


def as_json(words: Iterable[str]) -> str:
    return msgspec.json.encode(tuple(words)).decode()


def words(document: str) -> tuple[str, ...]:
    return _words.decode(document)


class Documents(Generic[T]):
    """Values of one type. A field may be added to it, with a default; any other change needs a migration."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decoder = msgspec.json.Decoder(kind)

    def text(self, value: T) -> str:
        """Refuses at once what would not come back the same: NaN, or bytes that are no text."""
        try:
            document = msgspec.json.encode(value)
            if self._decoder.decode(document) != value:
                raise ValueError("it would not come back the same")
        except ValueError as error:  # UnicodeEncodeError and msgspec's errors are ValueErrors
            raise StorageError(f"this {self._kind.__name__} cannot be recorded: {error}") from error
        return document.decode()

    def value(self, text: str | bytes) -> T:
        return self._decoder.decode(text)

    def values(self, texts: Iterable[str]) -> list[T]:
        """Ten thousand in half the time: the collector would look again and again through what is only being made."""
        collecting = gc.isenabled()
        gc.disable()
        try:
            return [self._decoder.decode(text) for text in texts]
        finally:
            if collecting:
                gc.enable()
