"""Reports of Australia's market operator: tables in CSV, in zip files, in zip files of zip files; and lists of them.

A file holds several tables. A line `I` names one and its columns, lines `D` are its rows, and the last line says that
the report has ended. Times are ends of intervals in the market's own time, UTC+10 without summer time.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from scheduler.domain.intervals import Interval
from scheduler.grid.reader import Reader
from scheduler.grid.transport import Answer, Transport

MARKET_TIME = timedelta(hours=10)
MOST_UNPACKED = 128 * 1024 * 1024
LINK = re.compile(r'href="[^"]*?([^"/]+\.zip)"', re.IGNORECASE)
END = "END OF REPORT"

Row = Mapping[str, str]
"""One row of a table, by column."""


@dataclass(frozen=True, slots=True)
class Only:
    """Rows with one of these values in that column; a day has a hundred thousand others."""

    column: str
    values: Container[str]


class ReportReader:
    def __init__(self, read: Reader, transport: Transport) -> None:
        self._read = read
        self._transport = transport

    def listing(self, answer: Answer) -> list[str]:
        """Names of the files in a folder, as the server's page lists them."""
        page = answer.text
        if "</html>" not in page.lower() or "parent directory" not in page.lower():
            raise self._wrong(answer, "no whole listing")
        return LINK.findall(page)

    def packed(self, answer: Answer, table: str, only: Only | None = None) -> Iterator[Row]:
        """The rows of `table` (`DISPATCH,UNIT_SCADA`) in a zip file of reports, or of zip files of reports."""
        left = MOST_UNPACKED
        packed = [answer.body]
        while packed:
            for name, content in self._members(answer, packed.pop(), left):
                left -= len(content)
                if name.lower().endswith(".zip"):
                    packed.append(content)
                else:
                    yield from self.plain(answer, content, table, only)

    def plain(self, answer: Answer, content: bytes, table: str, only: Only | None = None) -> Iterator[Row]:
        text = content.decode("utf-8", errors="replace")
        if END not in text[-200:]:
            raise self._wrong(answer, "no whole report")
        columns: list[str] = []
        at = -1
        wanted = table.split(",")
        for line in csv.reader(io.StringIO(text)):
            if line[1:3] != wanted:
                continue
            if line[0] == "I":
                columns = line
                at = columns.index(only.column) if only and only.column in columns else -1
            elif len(line) != len(columns):
                raise self._read.wrong(f"a row of {table} has {len(line)} cells for {len(columns)} columns")
            elif only is None or at < 0 or line[at] in only.values:
                yield dict(zip(columns, line, strict=True))

    def cell(self, row: Row, *names: str) -> str:
        """The first of these columns that the table has."""
        for name in names:
            if name in row:
                return row[name]
        raise self._read.wrong(f"a table has no column {' or '.join(names)}")

    def interval(self, row: Row, column: str, length: timedelta) -> Interval:
        said = self.cell(row, column)
        try:
            return _ended(said, length)
        except ValueError:
            raise self._read.wrong(f"{column} = {said!r} is not a time") from None

    def _members(self, answer: Answer, body: bytes, most: int) -> Iterator[tuple[str, bytes]]:
        try:
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                for member in archive.infolist():
                    # A small file can unpack to anything; what it says of its own size is checked by the library.
                    most -= member.file_size
                    if most < 0:
                        raise self._read.wrong(f"its report unpacks to more than {MOST_UNPACKED:,} bytes")
                    yield member.filename, archive.read(member)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError, zlib.error) as exc:
            raise self._wrong(answer, "no zip file") from exc

    def _wrong(self, answer: Answer, what: str) -> Exception:
        self._transport.forget(answer)
        said = "an empty body" if not answer.body.strip() else f"{what}: {self._transport.redacted(answer.text)}"
        return self._read.wrong(f"it answered with {said}")


@lru_cache(maxsize=1_024)
def _ended(said: str, length: timedelta) -> Interval:
    """Most rows of a table are about one of few moments."""
    end = datetime.strptime(f"{said}+0000", "%Y/%m/%d %H:%M:%S%z") - MARKET_TIME
    return Interval(end - length, end)
