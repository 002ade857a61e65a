"""The plants of one region of Australia's market, by the operator's list, and what they give in each half-hour."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from scheduler.domain.intervals import Interval
from scheduler.grid import reader
from scheduler.grid.derived_forecast import Balance
from scheduler.grid.fuel_mix import Fuel
from scheduler.grid.nemweb_report import Only, ReportReader, Row
from scheduler.grid.reader import Reader
from scheduler.grid.transport import Answer

LISTED, GIVEN = "CO2EII,PUBLISHING", "DISPATCH,UNIT_SCADA"
STEP, HALF_HOUR = timedelta(minutes=5), timedelta(minutes=30)
MOST_OWN_USE = 0.1
"""Negative generation is a plant's own use, and small against what the others generate."""
G_PER_KWH_PER_T_PER_MWH = 1_000.0


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant of one region: the operator's factor for it, and what wind or sun it uses, if any."""

    g_per_kwh: float
    variable: Fuel | None
    is_storage: bool


class Plants:
    """Those whose factor is known; the others, loads among them, are counted on neither side."""

    def __init__(self, rows: Iterable[Row], region: str, reports: ReportReader, read: Reader) -> None:
        self._reports = reports
        self._read = read
        mine = [row for row in rows if reports.cell(row, "REGIONID") == region]
        if not mine:
            raise read.wrong(f"its list of plants has none in {region}")
        # A unit of several sets is listed several times, with one factor.
        listed = {reports.cell(row, "DUID"): self._plant(row) for row in mine}
        self._by_unit = {unit: plant for unit, plant in listed.items() if unit and plant is not None}

    def balances(self, answer: Answer) -> dict[Interval, Balance]:
        """Of every half-hour in a report of what was given: the mean of its snapshots."""
        slots: dict[Interval, dict[tuple[datetime, str], float]] = {}
        for row in self._reports.packed(answer, GIVEN, Only("DUID", self._by_unit)):
            unit = self._reports.cell(row, "DUID")
            at = self._reports.interval(row, "SETTLEMENTDATE", STEP)
            start = reader.floored(at.start, HALF_HOUR)
            amounts = slots.setdefault(Interval(start, start + HALF_HOUR), {})
            what = f"{unit} at {at.end:%Y-%m-%d %H:%M} UTC"
            megawatts = self._read.amount(what, self._reports.cell(row, "SCADAVALUE"))
            if amounts.setdefault((at.end, unit), megawatts) != megawatts:
                raise self._read.wrong(f"{what} has two values")
        return {slot: balance for slot, amounts in slots.items() if (balance := self._balance(slot, amounts))}

    def _balance(self, slot: Interval, amounts: Mapping[tuple[datetime, str], float]) -> Balance | None:
        snapshots = len({at for at, _ in amounts})
        variable: dict[Fuel, float] = {}
        rest = emissions = own_use = 0.0
        for (_, unit), given in amounts.items():
            plant, megawatts = self._by_unit[unit], given / snapshots
            if plant.is_storage:
                continue
            own_use -= min(0.0, megawatts)
            if plant.variable is not None:
                variable[plant.variable] = variable.get(plant.variable, 0.0) + max(0.0, megawatts)
            else:
                rest += max(0.0, megawatts)
                emissions += max(0.0, megawatts) * plant.g_per_kwh
        total = rest + sum(variable.values())
        if own_use > MOST_OWN_USE * total:
            raise self._read.wrong(f"generation at {slot.start:%Y-%m-%d %H:%M} UTC = {-own_use:g} is negative")
        return Balance(variable, rest, emissions) if total > 0 else None

    def _plant(self, row: Row) -> Plant | None:
        unit, source = self._reports.cell(row, "DUID"), self._reports.cell(row, "CO2E_ENERGY_SOURCE").lower()
        try:
            said = float(self._reports.cell(row, "CO2E_EMISSIONS_FACTOR"))
        except ValueError:
            return None
        factor = self._read.intensity(f"factor of {unit}", said, G_PER_KWH_PER_T_PER_MWH)
        variable = Fuel.WIND if source == "wind" else Fuel.SOLAR if source.startswith("solar") else None
        return Plant(factor, variable, "battery" in source)
