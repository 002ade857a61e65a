"""JSON documents in a column: lists of words and numbers, read and written whole."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

_words = msgspec.json.Decoder(tuple[str, ...])
_numbers = msgspec.json.Decoder(tuple[int, ...])


def as_json(values: Iterable[str] | Iterable[int]) -> str:
    return msgspec.json.encode(tuple(values)).decode()


def words(document: str) -> tuple[str, ...]:
    return _words.decode(document)


def numbers(document: str) -> tuple[int, ...]:
    return _numbers.decode(document)
