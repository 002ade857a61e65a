"""Market documents of ENTSO-E: XML in which points have positions and no times.

Where the curve type is A03 a position that is left out repeats the one before. "No data" is an acknowledgement with
reason 999, whatever the HTTP status.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.catalogue import ENTSOE
from scheduler.grid.reader import Reader
from scheduler.grid.transport import Answer, Transport

NO_DATA = "999"
EVERYTHING = "all"
"""Stands for the type of plant in documents that tell none apart."""
RESOLUTION = re.compile(r"PT(\d+)M")

Steps = Mapping[Interval, Mapping[str, float | None]]
"""What each type of plant gives in each step [MW]."""


@dataclass(frozen=True, slots=True)
class Curve:
    """What one type of plant generated over one period [MW], by steps of equal length."""

    psr_type: str
    start: datetime
    step: timedelta
    megawatts: tuple[float, ...]

    def at_steps_of(self, length: timedelta) -> Iterator[tuple[Interval, float]]:
        parts = self.step // length
        for number, value in enumerate(self.megawatts):
            for part in range(parts):
                start = self.start + number * self.step + part * length
                yield Interval(start, start + length), value


class DocumentReader:
    """Reads answers about one area."""

    def __init__(self, area: str, zone: str, transport: Transport) -> None:
        self._area = area
        self._zone = zone
        self._transport = transport
        self._read = Reader(ENTSOE.title)

    def curves(self, answer: Answer, kind: str) -> list[Curve]:
        """Those of a document of that kind; none where the platform has no data."""
        root = self._parsed(answer)
        if root.tag == "Acknowledgement_MarketDocument":
            self._refuse_unless_empty(root)
            return []
        if root.tag != "GL_MarketDocument":
            raise self._read.wrong(f"it answered with a <{root.tag}>, not with a market document")
        self._read.same_zone("document type", kind, root.findtext("type"))
        return [curve for series in root.findall("TimeSeries") for curve in self._series(series)]

    def steps(self, curves: Iterable[Curve], length: timedelta) -> Steps:
        """By steps of `length`: what is reported by a longer one holds through it."""
        steps: dict[Interval, dict[str, float | None]] = {}
        for curve in curves:
            for interval, value in curve.at_steps_of(length):
                if steps.setdefault(interval, {}).setdefault(curve.psr_type, value) != value:
                    raise self._read.wrong(f"{curve.psr_type} at {interval.start:%Y-%m-%d %H:%M} UTC has two values")
        return steps

    def _parsed(self, answer: Answer) -> ET.Element:
        """The document without namespaces, which change with its version."""
        if b"<!ENTITY" in answer.body:
            raise self._read.wrong("the answer declares entities, which no market document does")
        try:
            root = ET.fromstring(answer.body)  # noqa: S314  (no entities, as just checked, and bounded in size)
        except ET.ParseError as exc:
            what = "an empty body" if not answer.body.strip() else f"no XML: {self._transport.redacted(answer.text)}"
            self._transport.forget(answer)
            raise self._read.wrong(f"it answered with {what}") from exc
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def _refuse_unless_empty(self, root: ET.Element) -> None:
        reason = root.find("Reason")
        code = reason.findtext("code", "") if reason is not None else ""
        if code != NO_DATA:
            text = self._transport.redacted(reason.findtext("text", "") if reason is not None else "")
            raise CarbonSourceRejected(f"{ENTSOE.title} refused {self._zone}: {code} {text}")

    def _series(self, series: ET.Element) -> Iterator[Curve]:
        # What pumps and batteries draw comes as a series of its own, out of the zone.
        if series.find("outBiddingZone_Domain.mRID") is not None:
            return
        self._read.same_zone("in_Domain", self._area, self._text(series, "inBiddingZone_Domain.mRID"))
        psr_type = series.findtext("MktPSRType/psrType", EVERYTHING)
        repeats = series.findtext("curveType") == "A03"
        for period in series.findall("Period"):
            yield self._curve(psr_type, period, repeats)

    def _curve(self, psr_type: str, period: ET.Element, repeats: bool) -> Curve:
        start = self._read.moment("start", self._text(period, "timeInterval/start"))
        end = self._read.moment("end", self._text(period, "timeInterval/end"))
        said = self._text(period, "resolution")
        minutes = RESOLUTION.fullmatch(said)
        if minutes is None or not int(minutes[1]) or end <= start:
            raise self._read.wrong(f"a period from {start} to {end} by {said} cannot be read")
        step = timedelta(minutes=int(minutes[1]))
        return Curve(psr_type, start, step, tuple(self._quantities(period, (end - start) // step, repeats)))

    def _quantities(self, period: ET.Element, count: int, repeats: bool) -> Iterator[float]:
        """One value a position; those left out repeat the one before, or end the period where that is not so said."""
        last, expected = 0.0, 1
        for point in period.findall("Point"):
            position = self._read.count("position", self._text(point, "position"))
            if position < expected or position > count:
                raise self._read.wrong(f"positions are out of order: {position} where {expected} was next of {count}")
            if position > expected and (not repeats or expected == 1):
                raise self._read.wrong(f"positions {expected} to {position - 1} are missing")
            yield from (last for _ in range(position - expected))
            last = self._read.amount(f"quantity at position {position}", self._text(point, "quantity"))
            yield last
            expected = position + 1
        if repeats and expected > 1:
            yield from (last for _ in range(count - expected + 1))

    def _text(self, element: ET.Element, path: str) -> str:
        text = element.findtext(path)
        if text is None:
            raise self._read.wrong(f"<{element.tag}> has no <{path}>")
        return text.strip()


def shortest_step(curves: Iterable[Curve]) -> timedelta:
    return min((curve.step for curve in curves), default=timedelta(hours=1))
