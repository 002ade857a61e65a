"""Places on Earth: which zone is there, and when that is not clear."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scheduler.domain.errors import CarbonSourceRejected
from scheduler.grid import zones
from scheduler.grid.borders import rings
from scheduler.grid.places import Place, place_of, zones_at

FIVE_KM = 5 / 111.2


@pytest.mark.parametrize(
    ("where", "zone"),
    [
        ("51.5,-0.12", "GB"),
        ("54.6, -5.93", "GB-NIR"),
        ("53.35,-6.26", "IE"),
        ("48.86,2.35", "FR"),
        ("4.93,-52.33", "GF"),
        ("50.11,8.68", "DE"),
        ("56.16,10.2", "DK-DK1"),
        ("55.4,10.39", "DK-DK1"),
        ("55.68,12.57", "DK-DK2"),
        ("55.1,14.9", "DK-DK2"),
        ("1.30,103.82", "SG"),
        ("22.3,114.17", "HK"),
        ("41.902,12.453", "IT"),
        ("39.04,-77.49", "US"),
        ("21.3,-157.86", "US-HI"),
        ("61.2,-149.9", "US-AK"),
        ("-29.6,28.2", "LS"),
        ("-33.87,151.2", "AU-NSW"),
        ("-35.28,149.13", "AU-NSW"),
        ("-37.81,144.96", "AU-VIC"),
        ("-27.47,153.03", "AU-QLD"),
        ("-34.93,138.6", "AU-SA"),
        ("-42.88,147.33", "AU-TAS"),
        ("-31.95,115.86", "AU-WA"),
        ("-12.46,130.84", "AU-NT"),
        ("66.3,-179", "RU"),
        ("-16.8,-179.95", "FJ"),
    ],
)
def test_a_place_is_a_zone(where, zone):
    """Latitude first; parts with a grid of their own are told apart, holes and the edge of the map understood."""
    assert zones.canonical(where) == zone


@pytest.mark.parametrize(
    ("where", "candidates"),
    [
        ("47.56,7.59", "CH, FR or DE"),
        ("48.58,7.75", "FR or DE"),
        ("42.33,-83.05", "US or CA"),
        ("-36.08,146.9", "AU-NSW or AU-VIC"),
        ("-28.0,153.4", "AU-QLD or AU-NSW"),
    ],
)
def test_near_a_border_the_candidates_are_named(where, candidates):
    """Basel, Strasbourg, Detroit, Albury, the Gold Coast: a guess would be wrong for half of them."""
    with pytest.raises(CarbonSourceRejected, match=f"may be in {candidates}; say which"):
        zones.canonical(where)


def test_the_open_sea_has_no_zone():
    with pytest.raises(CarbonSourceRejected, match="30,-40 is far from every country"):
        zones.canonical("30,-40")


def test_a_place_that_cannot_be_is_refused():
    """As when somebody gives the longitude first."""
    with pytest.raises(CarbonSourceRejected, match="latitude is -90 to 90"):
        zones.canonical("95.5,12")


@pytest.mark.parametrize("name", ["GB", "GB-RG10", "RG10 1AA", "US-CAL-CISO", "51.5", "51,5,0,1", "DE,FR"])
def test_names_of_zones_are_no_places(name):
    assert place_of(name) is None


@given(
    latitude=st.floats(-60, 75),
    longitude=st.floats(-179, 179),
    north=st.floats(-FIVE_KM, FIVE_KM),
    east=st.floats(-FIVE_KM, FIVE_KM),
)
def test_five_kilometres_away_the_zone_is_still_a_candidate(latitude, longitude, north, east):
    """So nobody near a border is told one zone as if it were certain, and the other one a few steps further."""
    zone = next(iter(zones_at(Place(latitude, longitude))), None)
    assume(zone is not None and not zone.startswith("AU"))
    nearby = zones_at(Place(round(latitude + north, 6), round(longitude + east, 6)))
    assert zone in nearby


def test_every_zone_of_the_table_begins_with_two_letters():
    """What is found here is asked of providers as it stands."""
    found = {zone for zone, _ in rings()}
    assert len(found) > 230
    assert all(zones.country(zone).isalpha() and len(zones.country(zone)) == 2 for zone in found)
