"""A whole answer of a provider, and those that are kept so that "nothing has changed" is enough next time."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

VALIDATORS = {"etag": "If-None-Match", "last-modified": "If-Modified-Since"}
"""What a provider sends with an answer, and how it is handed back with the next question."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Its body is decoded from transfer and content encodings."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", errors="replace")


class KeptAnswers:
    """The newest answers that carry a validator, by question; the oldest make room once `most_bytes` are held."""

    def __init__(self, most_bytes: int = 8 * 1024 * 1024) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[str, Answer] = OrderedDict()

    def conditions(self, question: str) -> dict[str, str]:
        """Headers that ask for the answer only if it differs from the one that is kept."""
        kept = self._kept.get(question)
        if kept is None:
            return {}
        return {ours: kept.headers[theirs] for theirs, ours in VALIDATORS.items() if theirs in kept.headers}

    def unchanged(self, question: str) -> Answer | None:
        """What was answered before; None where nothing is kept."""
        if question in self._kept:
            self._kept.move_to_end(question)
        return self._kept.get(question)

    def keep(self, question: str, answer: Answer) -> None:
        """In place of the one before, which is no longer true."""
        self._kept.pop(question, None)
        private = "no-store" in answer.headers.get("cache-control", "").lower()
        if answer.status != 200 or private or not any(name in answer.headers for name in VALIDATORS):
            return
        self._kept[question] = answer
        while sum(len(kept.body) for kept in self._kept.values()) > self._most_bytes:
            self._kept.popitem(last=False)

    def forget(self, answer: Answer) -> None:
        """It could not be read, so it must not be told again."""
        for question in [question for question, kept in self._kept.items() if kept is answer]:
            del self._kept[question]
