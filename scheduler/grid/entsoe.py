"""ENTSO-E Transparency Platform: generation by type in Europe's bidding zones, as XML, with a token; no forecast here.

Points carry positions and no times, and where the curve type is A03 a position that is left out repeats the one
before. "No data" is an acknowledgement with reason 999, whatever the HTTP status.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from scheduler.domain.carbon import IntensityObservation, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid import fuel_mix, reader, zones
from scheduler.grid.catalogue import ENTSOE
from scheduler.grid.fuel_mix import Fuel, Mix
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Answer, Transport
from scheduler.grid.web_source import HistorySource
from scheduler.ports import CarbonSource, Clock

PATH = "api"
GENERATION, REALISED = "A75", "A16"
NO_DATA = "999"
LONGEST_RANGE = timedelta(days=14)
RUN_UP = timedelta(hours=24)
"""Asked for in front of every interval, to know which fuels matter there."""
RESOLUTION = re.compile(r"PT(\d+)M")
FUELS: Mapping[str, Fuel] = {
    "B01": Fuel.BIOMASS,
    "B02": Fuel.COAL,
    "B03": Fuel.GAS,
    "B04": Fuel.GAS,
    "B05": Fuel.COAL,
    "B06": Fuel.OIL,
    "B07": Fuel.OIL,
    "B08": Fuel.COAL,
    "B09": Fuel.GEOTHERMAL,
    "B10": Fuel.STORAGE,
    "B11": Fuel.HYDRO,
    "B12": Fuel.HYDRO,
    "B13": Fuel.MARINE,
    "B14": Fuel.NUCLEAR,
    "B15": Fuel.BIOMASS,
    "B16": Fuel.SOLAR,
    "B17": Fuel.OTHER,
    "B18": Fuel.WIND_OFFSHORE,
    "B19": Fuel.WIND,
    "B20": Fuel.OTHER,
    "B25": Fuel.STORAGE,
}


def open_source(settings: SourceSettings, clock: Clock) -> CarbonSource:
    zone = zones.canonical(settings.zone)
    area = zones.entsoe_area(zone)
    if area is None:
        raise zones.unknown_zone(settings.zone, ENTSOE.title, zones.ENTSOE_AREAS)
    token = settings.credential(ENTSOE, "entsoe")
    provider = replace(ENTSOE, basis=settings.basis or ENTSOE.basis)
    capabilities = provider.capabilities(provider.key(zone), notes=("imports are left out",))
    return Entsoe(area, token, capabilities, Transport.for_provider(ENTSOE, settings, clock), clock)


@dataclass(frozen=True, slots=True)
class _Curve:
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


class Entsoe(HistorySource):
    def __init__(
        self, area: str, token: str, capabilities: SourceCapabilities, transport: Transport, clock: Clock
    ) -> None:
        super().__init__(capabilities, transport, clock)
        self._area = area
        self._token = token

    async def observations(self, interval: Interval) -> tuple[IntensityObservation, ...]:
        now = self._clock.now()
        curves: list[_Curve] = []
        for piece in reader.past_chunks(Interval(interval.start - RUN_UP, interval.end), now, LONGEST_RANGE):
            curves += await self._curves(piece)
        past = {slot: mix for slot, mix in self._mixes(curves).items() if slot.end <= now}
        rows = list(fuel_mix.rows_of(self._read, past, self._capabilities.key.basis))
        return self._observed(rows, interval)

    async def _curves(self, interval: Interval) -> list[_Curve]:
        params = {
            "securityToken": self._token,
            "documentType": GENERATION,
            "processType": REALISED,
            "in_Domain": self._area,
            "periodStart": f"{reader.floored(interval.start, timedelta(hours=1)):%Y%m%d%H%M}",
            "periodEnd": f"{reader.floored(interval.end, timedelta(hours=1)) + timedelta(hours=1):%Y%m%d%H%M}",
        }
        answer = await self._transport.get(PATH, params, accept=frozenset({200, 400, 401, 403}))
        if answer.status in (401, 403):
            raise CarbonSourceRejected(
                f"{ENTSOE.title} refused the token (HTTP {answer.status}); check the key 'entsoe'"
            )
        root = self._parsed(answer)
        if root.tag == "Acknowledgement_MarketDocument":
            self._refuse_unless_empty(root)
            return []
        if root.tag != "GL_MarketDocument":
            raise self._read.wrong(f"it answered with a <{root.tag}>, not with a market document")
        self._read.same_zone("document type", GENERATION, root.findtext("type"))
        return [curve for series in root.findall("TimeSeries") for curve in self._series(series)]

    def _parsed(self, answer: Answer) -> ET.Element:
        """The document without namespaces, which change with its version."""
        if b"<!ENTITY" in answer.body:
            raise self._read.wrong("the answer declares entities, which no market document does")
        try:
            root = ET.fromstring(answer.body)  # noqa: S314  (no entities, as just checked, and bounded in size)
        except ET.ParseError as exc:
            what = "an empty body" if not answer.body.strip() else f"no XML: {self._transport.redacted(answer.text)}"
            raise self._read.wrong(f"it answered with {what}") from exc
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def _refuse_unless_empty(self, root: ET.Element) -> None:
        reason = root.find("Reason")
        code = reason.findtext("code", "") if reason is not None else ""
        if code != NO_DATA:
            text = self._transport.redacted(reason.findtext("text", "") if reason is not None else "")
            raise CarbonSourceRejected(f"{ENTSOE.title} refused {self._capabilities.key.zone}: {code} {text}")

    def _series(self, series: ET.Element) -> Iterator[_Curve]:
        # What pumps and batteries draw comes as a series of its own, out of the zone.
        if series.find("outBiddingZone_Domain.mRID") is not None:
            return
        self._read.same_zone("in_Domain", self._area, self._text(series, "inBiddingZone_Domain.mRID"))
        psr_type = self._text(series, "MktPSRType/psrType")
        repeats = series.findtext("curveType") == "A03"
        for period in series.findall("Period"):
            yield self._curve(psr_type, period, repeats)

    def _curve(self, psr_type: str, period: ET.Element, repeats: bool) -> _Curve:
        start = self._read.moment("start", self._text(period, "timeInterval/start"))
        end = self._read.moment("end", self._text(period, "timeInterval/end"))
        said = self._text(period, "resolution")
        minutes = RESOLUTION.fullmatch(said)
        if minutes is None or not int(minutes[1]) or end <= start:
            raise self._read.wrong(f"a period from {start} to {end} by {said} cannot be read")
        step = timedelta(minutes=int(minutes[1]))
        return _Curve(psr_type, start, step, tuple(self._quantities(period, (end - start) // step, repeats)))

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

    def _mixes(self, curves: list[_Curve]) -> Mapping[Interval, Mix]:
        """What was generated in each of the shortest steps; types that report by the hour hold through it."""
        length = min((curve.step for curve in curves), default=timedelta(hours=1))
        steps: dict[Interval, dict[str, float | None]] = {}
        for curve in curves:
            for interval, value in curve.at_steps_of(length):
                if steps.setdefault(interval, {}).setdefault(curve.psr_type, value) != value:
                    raise self._read.wrong(f"{curve.psr_type} at {interval.start:%Y-%m-%d %H:%M} UTC has two values")
        return {
            interval: fuel_mix.folded((FUELS.get(code, Fuel.OTHER), value) for code, value in types.items())
            for interval, types in steps.items()
        }

    def _text(self, element: ET.Element, path: str) -> str:
        text = element.findtext(path)
        if text is None:
            raise self._read.wrong(f"<{element.tag}> has no <{path}>")
        return text.strip()
