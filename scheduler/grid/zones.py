"""Zones: which exist, by what names people call them, and whom to ask about each."""

from __future__ import annotations

import csv
import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.grid import places

_EUROPE = "AT BE BG CH CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV NL NO PL PT SE SI SK"
ENERGY_CHARTS_COUNTRIES = frozenset(_EUROPE.split())
GB_REGIONS = {
    1: "North Scotland",
    2: "South Scotland",
    3: "North West England",
    4: "North East England",
    5: "Yorkshire",
    6: "North Wales",
    7: "South Wales",
    8: "West Midlands",
    9: "East Midlands",
    10: "East England",
    11: "South West England",
    12: "South England",
    13: "London",
    14: "South East England",
    15: "England",
    16: "Scotland",
    17: "Wales",
}
_AUTHORITIES = """
AECI AVA AVRN AZPS BANC BPAT CHPD CISO CPLE CPLW DEAA DOPD DUK EPE ERCO FMPP FPC FPL GCPD GLHB GRID GRIF GVL GWA
HGMA HST IID IPCO ISNE JEA LDWP LGEE MISO NEVP NWMT NYIS PACE PACW PGE PJM PNM PSCO PSEI SC SCEG SCL SEC SEPA SOCO
SPA SRP SWPP TAL TEC TEPC TIDC TPWR TVA WACM WALC WAUW WWA YAD
"""
BALANCING_AUTHORITIES = frozenset(_AUTHORITIES.split())
"""Of the United States, by the codes of EIA-930."""
_REGIONS = "US48 CAL CAR CENT FLA MIDA MIDW NE NW NY SE SW TEN TEX"
US_REGIONS = frozenset(_REGIONS.split())
DANISH_AREAS = ("DK1", "DK2")
NEM_REGIONS = {"NSW": "NSW1", "QLD": "QLD1", "SA": "SA1", "TAS": "TAS1", "VIC": "VIC1"}
ENTSOE_AREAS = {
    "AT": "10YAT-APG------L",
    "BE": "10YBE----------2",
    "CH": "10YCH-SWISSGRIDZ",
    "CZ": "10YCZ-CEPS-----N",
    "DE": "10Y1001A1001A82H",
    "DK-DK1": "10YDK-1--------W",
    "DK-DK2": "10YDK-2--------M",
    "ES": "10YES-REE------0",
    "FI": "10YFI-1--------U",
    "FR": "10YFR-RTE------C",
    "HU": "10YHU-MAVIR----U",
    "IE": "10Y1001A1001A59C",
    "IT-NO": "10Y1001A1001A73I",
    "NL": "10YNL----------L",
    "NO-NO1": "10YNO-1--------2",
    "PL": "10YPL-AREA-----S",
    "PT": "10YPT-REN------W",
    "RO": "10YRO-TEL------P",
    "SE-SE1": "10Y1001A1001A44P",
    "SE-SE2": "10Y1001A1001A45N",
    "SE-SE3": "10Y1001A1001A46L",
    "SE-SE4": "10Y1001A1001A47J",
}
"""Energy identification codes of bidding zones; DE stands for Germany and Luxembourg."""
ALIASES = {"UK": "GB", "EL": "GR", "GREAT BRITAIN": "GB", "USA": "US"}
OUTWARD_POSTCODE = re.compile(r"[A-Z]{1,2}[0-9][A-Z0-9]?")
POSTCODE = re.compile(r"(?:GB-)?([A-Z]{1,2}[0-9][A-Z0-9]?) [0-9][A-Z]{2}")


@dataclass(frozen=True, slots=True)
class YearlyFactor:
    """Mean intensity of one country's generation over one year [gCO2eq/kWh]."""

    iso2: str
    iso3: str
    country: str
    year: int
    g_per_kwh: float
    source: str


@cache
def yearly_factors() -> dict[str, YearlyFactor]:
    """The built-in table, by two-letter code."""
    with files("scheduler.grid").joinpath("data/yearly_factors.csv").open(encoding="utf-8") as file:
        return {
            row["iso2"]: YearlyFactor(
                row["iso2"], row["iso3"], row["country"], int(row["year"]), float(row["g_per_kwh"]), row["source"]
            )
            for row in csv.DictReader(file)
        }


@cache
def _names() -> dict[str, str]:
    """{every name in capitals: the zone it stands for}."""
    names = dict(ALIASES)
    for factor in yearly_factors().values():
        names |= {factor.iso3: factor.iso2, factor.country.upper(): factor.iso2}
    return names | {name.upper(): f"GB-{number}" for number, name in GB_REGIONS.items()}


def canonical(zone: str) -> str:
    """The zone as providers know it: `uk` is GB, `London` is GB-13, `RG10 1AA` is GB-RG10, `germany` is DE.

    Coordinates, `48.9,2.4`, are the zone that lies there; CarbonSourceRejected where that is not clear.
    """
    if place := places.place_of(zone):
        return places.zone_at(place)
    name = " ".join(zone.upper().split())
    head, dash, tail = name.partition("-")
    if name in _names():
        return _names()[name]
    if postcode := POSTCODE.fullmatch(name):
        return f"GB-{postcode[1]}"
    if dash and head in _names():
        head = _names()[head]
    if head == "GB" and tail in _names():
        return _names()[tail]
    return f"{head}{dash}{tail}"


def country(zone: str) -> str:
    """The two letters a zone begins with; the zone itself where it is a country."""
    return zone.partition("-")[0]


def neso_region(zone: str) -> int | str | None:
    """How NESO addresses a zone of Great Britain: region number, outward postcode, None for the nation.

    LookupError where NESO has no such zone.
    """
    if zone == "GB":
        return None
    head, _, tail = zone.partition("-")
    if head == "GB" and tail.isdigit() and int(tail) in GB_REGIONS:
        return int(tail)
    if head == "GB" and OUTWARD_POSTCODE.fullmatch(tail):
        return tail
    raise LookupError(zone)


def in_great_britain(zone: str) -> bool:
    try:
        neso_region(zone)
    except LookupError:
        return False
    return True


def has_yearly_factor(zone: str) -> bool:
    """Whether the table speaks for the zone's country; a region of Great Britain that does not exist has none."""
    head, _, tail = zone.partition("-")
    return head in yearly_factors() and not (head == "GB" and tail.isdigit() and int(tail) not in GB_REGIONS)


def eia_respondent(zone: str) -> str | None:
    """EIA's code for a zone of the United States: `US-CISO`, `US-CAL-CISO` and `CISO` are CISO; None if it has none."""
    if zone == "US":
        return "US48"
    if len(zone) > 2 and zone in BALANCING_AUTHORITIES:
        return zone  # Two letters alone are a country: SC is the Seychelles, and NE is Niger.
    code = zone.rpartition("-")[2]
    known = code in BALANCING_AUTHORITIES or code in US_REGIONS
    return code if known and country(zone) == "US" else None


def danish_area(zone: str) -> str | None:
    """`DK1`, `DK-DK1` and `DK-1` are DK1; Denmark as a whole is none."""
    names = {name: area for area in DANISH_AREAS for name in (area, f"DK-{area}", f"DK-{area[-1]}")}
    return names.get(zone)


def nem_region(zone: str) -> str | None:
    """`AU-NSW` and `NSW1` are NSW1 of Australia's national market; the west and the north have markets of their own."""
    tail = zone.removeprefix("AU-").removesuffix("1")
    return NEM_REGIONS.get(tail) if zone.startswith("AU-") or zone.endswith("1") else None


def entsoe_area(zone: str) -> str | None:
    """The code of a bidding zone: `SE-SE3` or `SE3`, `DE` or `DE-LU`."""
    if zone in ("DE-LU", "LU"):
        return ENTSOE_AREAS["DE"]
    return ENTSOE_AREAS.get(zone) or ENTSOE_AREAS.get(f"{zone[:2]}-{zone}")


def unknown_zone(zone: str, provider: str, known: Iterable[str] | None = None) -> CarbonSourceRejected:
    """The refusal, with the zones that look most like what was asked for."""
    near = near_matches(zone, known)
    meant = f" (did you mean {' or '.join(near)}?)" if near else ""
    return CarbonSourceRejected(f"{provider} has no zone '{zone}'{meant}; list zones with `carbonq grid providers`")


def near_matches(zone: str, known: Iterable[str] | None = None) -> tuple[str, ...]:
    """At most three zones spelled like `zone`, by code or by name, best first."""
    allowed = None if known is None else frozenset(known)
    spellings = _names() | {zone: zone for zone in {*yearly_factors(), *_names().values()}}
    spellings |= {zone: zone for zone in allowed or ()}
    found = difflib.get_close_matches(canonical(zone), spellings, n=9, cutoff=0.6)
    zones = dict.fromkeys(spellings[spelling] for spelling in found)
    return tuple(zone for zone in zones if allowed is None or zone in allowed)[:3]
