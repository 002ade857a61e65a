"""The borders of the table: closed lines on a map, which of them lie around a point, and how far off they are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import pairwise

KM_PER_DEGREE = 111.2

Corner = tuple[float, float]
"""Longitude and latitude [degrees]."""
Line = tuple[Corner, ...]


@dataclass(frozen=True, slots=True)
class Ring:
    """A closed line, and the box around it."""

    corners: Line
    west: float
    south: float
    east: float
    north: float

    @classmethod
    def of(cls, corners: Line) -> Ring:
        longitudes, latitudes = [x for x, _ in corners], [y for _, y in corners]
        return cls((*corners, corners[0]), min(longitudes), min(latitudes), max(longitudes), max(latitudes))

    def may_be_within(self, point: Corner, km: float) -> bool:
        """Whether the box is so near; the ring itself may be further off."""
        x, y = point
        margin = km / KM_PER_DEGREE
        across = margin / max(0.05, math.cos(math.radians(y)))
        return self.south - margin <= y <= self.north + margin and self.west - across <= x <= self.east + across

    def contains(self, point: Corner) -> bool:
        """By the number of borders between the point and the far east."""
        return sum(_crosses(edge, *point) for edge in pairwise(self.corners)) % 2 == 1

    def distance_km(self, point: Corner) -> float:
        return min(_to_edge_km(edge, point) for edge in pairwise(self.corners))

    def shifted(self, east: float) -> Ring:
        corners = tuple((x + east, y) for x, y in self.corners)
        return Ring(corners, self.west + east, self.south, self.east + east, self.north)


@cache
def rings() -> tuple[tuple[str, Ring], ...]:
    """Each with its zone; those that cross the 180th meridian stand on both sides of the map."""
    found = []
    with files("scheduler.grid").joinpath("data/borders.txt").open(encoding="utf-8") as file:
        for line in file:
            if not line.startswith("#"):
                zone, *steps = line.split()
                ring = Ring.of(_corners(steps))
                found += [(zone, ring.shifted(east)) for east in _turns(ring)]
    return tuple(found)


def _turns(ring: Ring) -> tuple[float, ...]:
    if ring.east > 180:
        return (0.0, -360.0)
    return (0.0, 360.0) if ring.west < -180 else (0.0,)


def _corners(steps: list[str]) -> Line:
    x = y = 0
    corners = []
    for step in steps:
        across, _, up = step.partition(",")
        x, y = x + int(across), y + int(up)
        corners.append((x / 100, y / 100))
    return tuple(corners)


def _crosses(edge: tuple[Corner, Corner], x: float, y: float) -> bool:
    (x1, y1), (x2, y2) = edge
    return (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1)


def _to_edge_km(edge: tuple[Corner, Corner], point: Corner) -> float:
    """To the nearest point of the edge, on a map that is flat around the point."""
    x, y = point
    shrink = math.cos(math.radians(y))
    (x1, y1), (x2, y2) = (((corner_x - x) * shrink, corner_y - y) for corner_x, corner_y in edge)
    dx, dy = x2 - x1, y2 - y1
    length = dx * dx + dy * dy
    share = 0.0 if length == 0 else max(0.0, min(1.0, -(x1 * dx + y1 * dy) / length))
    return math.hypot(x1 + share * dx, y1 + share * dy) * KM_PER_DEGREE
