"""Which zone a place on Earth lies in, without asking anybody; and which it might lie in, where a border is near.

The borders are those of countries (Natural Earth 1:50m, simplified to 3 km); parts with a grid of their own are told
apart where the sea does it: Denmark's two price areas, Northern Ireland, Alaska, Hawaii. The states of Australia are
told by the straight lines of their borders and a coarse course of the Murray.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.grid.borders import KM_PER_DEGREE, Line, rings

NEAR_KM = 10.0
"""A border nearer than this may lie on the other side of the place: neither the table nor people are exact."""
NEAR_STATE_KM = 30.0
"""The same for the states of Australia, whose borders are coarser here."""
COORDINATES = re.compile(r"\s*([+-]?\d{1,2}(?:\.\d+)?)\s*,\s*([+-]?\d{1,3}(?:\.\d+)?)\s*")

NORTH_OF_NSW: Line = (
    (141, -29),
    (149, -29),
    (150, -28.6),
    (151.3, -28.8),
    (151.9, -28.9),
    (152.5, -28.3),
    (153.6, -28.2),
)
MURRAY: Line = (
    *((141, -34.0), (142.1, -34.1), (142.8, -34.65), (143.6, -35.3), (144.75, -36.1), (146, -36), (146.9, -36.1)),
    *((148, -36.1), (148.2, -36.8), (150, -37.5)),
)
"""The river to its source, and the straight line from there to Cape Howe: south of it is Victoria."""


@dataclass(frozen=True, slots=True)
class Place:
    """CarbonSourceRejected where there is no such place."""

    latitude: float
    longitude: float

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 180):
            raise CarbonSourceRejected(f"there is no place {self}: latitude is -90 to 90, longitude -180 to 180")

    def __str__(self) -> str:
        return f"{self.latitude:g},{self.longitude:g}"


def place_of(text: str) -> Place | None:
    """`51.5,-0.12` is a latitude and a longitude; None for the name of a zone."""
    found = COORDINATES.fullmatch(text)
    return Place(float(found[1]), float(found[2])) if found else None


def zone_at(place: Place) -> str:
    """The one zone there; CarbonSourceRejected where there is none, or where there may be several, which it names."""
    found = zones_at(place)
    if not found:
        raise CarbonSourceRejected(f"{place} is far from every country; a place is written as latitude,longitude")
    if len(found) > 1:
        either = f"{', '.join(found[:-1])} or {found[-1]}"
        raise CarbonSourceRejected(f"{place} is near a border and may be in {either}; say which of them is the zone")
    return found[0]


def zones_at(place: Place) -> tuple[str, ...]:
    """The zone around the place, then those whose border is near, the nearest first; empty far out at sea."""
    point = (place.longitude, place.latitude)
    distances: dict[str, float] = {}
    inside: dict[str, bool] = {}
    for zone, ring in rings():
        if ring.may_be_within(point, NEAR_KM):
            # A ring inside a ring is a hole: being in both is being in neither.
            inside[zone] = inside.get(zone, False) ^ ring.contains(point)
            distances[zone] = min(distances.get(zone, math.inf), ring.distance_km(point))
    distances |= {zone: 0.0 for zone, within in inside.items() if within}
    near = sorted((km, zone) for zone, km in distances.items() if km <= NEAR_KM)
    return tuple(dict.fromkeys(state for _, zone in near for state in _states(zone, place)))


def _states(zone: str, place: Place) -> Iterator[str]:
    """The zone itself; in Australia its state, then the state across a border that is near."""
    if zone != "AU":
        yield zone
        return
    yield _state(place)
    reach = NEAR_STATE_KM / KM_PER_DEGREE
    for north, east in ((reach, 0), (-reach, 0), (0, reach / 0.8), (0, -reach / 0.8)):
        yield _state(Place(place.latitude + north, place.longitude + east))


def _state(place: Place) -> str:
    x, y = place.longitude, place.latitude
    if y < -39.2:
        return "AU-TAS"
    if x < 129:
        return "AU-WA"
    if x < 138 and y > -26:
        return "AU-NT"
    if x < 141 and y <= -26:
        return "AU-SA"
    if y > _latitude_at(NORTH_OF_NSW, x):
        return "AU-QLD"
    return "AU-NSW" if y > _latitude_at(MURRAY, x) else "AU-VIC"


def _latitude_at(line: Line, longitude: float) -> float:
    """Of a line that runs from west to east; beyond its ends, that of the end."""
    for (x1, y1), (x2, y2) in pairwise(line):
        if x1 <= longitude <= x2:
            return y1 + (longitude - x1) / (x2 - x1) * (y2 - y1)
    return line[0][1] if longitude < line[0][0] else line[-1][1]
