"""Pre-dispatch of Australia's market: what is to be generated in each half-hour of the next day and a half."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid.fuel_mix import Fuel
from scheduler.grid.nemweb_report import ReportReader, Row
from scheduler.grid.reader import Reader

PLANNED = "PREDISPATCH,REGION_SOLUTION"
HALF_HOUR = timedelta(minutes=30)
TOTAL = ("DISPATCHABLEGENERATION", "TOTALDEMAND")
WEATHER = {
    Fuel.WIND: ("SS_WIND_CLEAREDMW", "SS_WIND_UIGF"),
    Fuel.SOLAR: ("SS_SOLAR_CLEAREDMW", "SS_SOLAR_UIGF"),
}
"""Columns, the best first: what is to be used of wind and sun, or else what they could give."""


class Plan:
    """Of one region: all generation, and that of wind and sun in it, by half-hour [MW]."""

    def __init__(self, rows: Iterable[Row], region: str, reports: ReportReader, read: Reader) -> None:
        self._reports = reports
        self._read = read
        self.total: dict[Interval, float] = {}
        self.variable: dict[Interval, dict[Fuel, float]] = {}
        for row in rows:
            # What the operator would do without its own intervention is listed beside what it does.
            if reports.cell(row, "REGIONID") == region and row.get("INTERVENTION", "0") in ("0", ""):
                self._add(reports.interval(row, "DATETIME", HALF_HOUR), row)
        if not self.total:
            raise read.wrong(f"its pre-dispatch has no row for {region}")

    def _add(self, slot: Interval, row: Row) -> None:
        latest = next(reversed(self.total), slot)
        if slot < latest:
            raise self._read.wrong(f"rows are out of order: {slot.start} comes after {latest.start}")
        total = self._megawatts(slot, row, TOTAL)
        given = {fuel: self._megawatts(slot, row, columns) for fuel, columns in WEATHER.items()}
        if (self.total.setdefault(slot, total), self.variable.setdefault(slot, given)) != (total, given):
            raise self._read.wrong(f"{slot.start:%Y-%m-%d %H:%M} UTC has two values")

    def _megawatts(self, slot: Interval, row: Row, columns: tuple[str, ...]) -> float:
        what = f"{columns[0]} at {slot.start:%Y-%m-%d %H:%M} UTC"
        amount = self._read.amount(what, self._reports.cell(row, *columns) or "0")
        if amount < 0:
            raise self._read.wrong(f"{what} = {amount:g} is negative")
        return amount
