"""The documents keep their promises: sources for words, files behind links, commands that exist."""

from __future__ import annotations

import re
from pathlib import Path

from scheduler.cli.main import COMMANDS

ROW = re.compile(r"^\| (?!word\b|-)(.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
SOURCE = re.compile(r"^(\d+)\. \S", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)(?:#[^)]*)?\)")
COMMAND = re.compile(r"^\s*\$ carbonq ([a-z][a-z-]*)|`carbonq ([a-z][a-z-]*)", re.MULTILINE)


def glossary_rows(docs: Path) -> list[tuple[str, str, str]]:
    return ROW.findall((docs / "glossary.md").read_text(encoding="utf-8"))


def test_every_word_of_the_glossary_has_a_meaning_and_a_source(docs: Path) -> None:
    """A word without a source is one we made up: then the row says that."""
    rows = glossary_rows(docs)
    assert len(rows) > 50
    assert [word for word, meaning, source in rows if not meaning.strip() or not source.strip()] == []


def test_every_source_cited_is_listed_and_every_listed_one_is_cited(docs: Path) -> None:
    """Numbers in brackets lead somewhere."""
    text = (docs / "glossary.md").read_text(encoding="utf-8")
    table, sources = text.split("## Sources")
    assert set(re.findall(r"\[(\d+)\](?!\()", table)) == set(SOURCE.findall(sources))


def test_no_word_is_defined_twice(docs: Path) -> None:
    """One word for one thing."""
    words = [word for row in glossary_rows(docs) for word in row[0].split(", ")]
    assert sorted(words) == sorted(set(words))


def test_every_link_between_documents_leads_to_a_file(kept_files: tuple[Path, ...]) -> None:
    """A renamed document takes its links along."""
    broken = []
    for document in (path for path in kept_files if path.suffix == ".md"):
        for target in LINK.findall(document.read_text(encoding="utf-8")):
            if not (document.parent / target).exists():
                broken.append(f"{document.name}: {target}")
    assert broken == []


def test_every_command_that_a_document_names_exists(kept_files: tuple[Path, ...]) -> None:
    """What is written `carbonq WORD` can be typed."""
    unknown = []
    for document in (path for path in kept_files if path.suffix == ".md"):
        for words in COMMAND.findall(document.read_text(encoding="utf-8")):
            if (name := words[0] or words[1]) not in COMMANDS:
                unknown.append(f"{document.name}: carbonq {name}")
    assert unknown == []
