"""What each provider is: whom it covers, what it gives, on what terms. Facts only; the clients are next door."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from scheduler.domain.carbon import Accounting, Basis, SeriesKey, SignalKind, SourceCapabilities
from scheduler.grid.token_bucket import RateLimit

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True)
class Provider:
    name: str
    title: str
    covers: str
    licence: str
    attribution: str
    base_url: str = ""
    credentials: tuple[str, ...] = ()
    """Names of the keys it asks for; empty where anybody may ask."""
    sign_up: str = ""
    """Where those keys are given out."""
    free: str = "everything"
    """What is to be had without paying."""
    forecast_horizon: timedelta = NOTHING
    resolution: timedelta = HOUR
    min_poll: timedelta = 15 * MINUTE
    rate_limit: RateLimit | None = None
    """What it allows, or what we think decent where it names no number; None: it is the user's own."""
    settle_after: timedelta = DAY
    estimates_settle_after: timedelta = 7 * DAY
    recheck_after: tuple[timedelta, ...] = ()
    kind: SignalKind = SignalKind.AVERAGE
    accounting: Accounting = Accounting.CONSUMPTION
    basis: Basis = Basis.LIFECYCLE
    claims_savings: bool = True

    def key(self, zone: str) -> SeriesKey:
        return SeriesKey(self.name, zone, self.kind, self.accounting, self.basis)

    def capabilities(
        self,
        key: SeriesKey,
        *,
        forecast_horizon: timedelta | None = None,
        resolution: timedelta | None = None,
        estimates_settle_after: timedelta | None = None,
        recheck_after: tuple[timedelta, ...] | None = None,
        no_forecast: str | None = None,
        notes: tuple[str, ...] = (),
    ) -> SourceCapabilities:
        horizon = self.forecast_horizon if forecast_horizon is None else forecast_horizon
        return SourceCapabilities(
            source=self.name,
            title=self.title,
            key=key,
            has_forecast=horizon > NOTHING,
            has_actuals=True,
            forecast_horizon=horizon,
            resolution=resolution or self.resolution,
            min_poll=self.min_poll,
            settle_after=self.settle_after,
            estimates_settle_after=(
                self.estimates_settle_after if estimates_settle_after is None else estimates_settle_after
            ),
            recheck_after=self.recheck_after if recheck_after is None else recheck_after,
            needs_key=bool(self.credentials),
            licence=self.licence,
            attribution=self.attribution,
            claims_savings=self.claims_savings,
            no_forecast=no_forecast,
            notes=notes,
        )


UK_NESO = Provider(
    name="uk-neso",
    title="UK Carbon Intensity (NESO)",
    covers="Great Britain: GB, its regions GB-1 to GB-17, or an outward postcode such as GB-RG10",
    licence="CC BY 4.0",
    attribution="Carbon intensity: National Energy System Operator, Carbon Intensity API (carbonintensity.org.uk)",
    base_url="https://api.carbonintensity.org.uk",
    rate_limit=RateLimit(60, MINUTE),
    forecast_horizon=timedelta(hours=48),
    resolution=30 * MINUTE,
    min_poll=30 * MINUTE,
    recheck_after=(2 * DAY,),
    basis=Basis.DIRECT,
)
ENERGY_CHARTS = Provider(
    name="energy-charts",
    title="Energy-Charts (Fraunhofer ISE)",
    covers="26 European countries, by their two letters",
    licence="CC BY 4.0",
    attribution="Carbon intensity: energy-charts.info, Fraunhofer ISE",
    base_url="https://api.energy-charts.info",
    rate_limit=RateLimit(10, MINUTE),
    forecast_horizon=timedelta(hours=29),
    resolution=15 * MINUTE,
    min_poll=15 * MINUTE,
    recheck_after=(7 * DAY,),
    accounting=Accounting.PRODUCTION,
)
RECORDED = Provider(
    name="recorded",
    title="Recorded series",
    covers="any zone that you have a file for",
    licence="that of the file",
    attribution="Carbon intensity: replayed from a file",
    free="your own file",
    forecast_horizon=7 * DAY,
    min_poll=timedelta(seconds=1),
    settle_after=NOTHING,
)
STATIC = Provider(
    name="static",
    title="Yearly factor",
    covers="212 countries; a factor of your own anywhere",
    licence="CC BY 4.0",
    attribution="Carbon intensity: yearly averages by Our World in Data from Ember (CC BY 4.0)",
    min_poll=HOUR,
    settle_after=NOTHING,
    estimates_settle_after=NOTHING,
    accounting=Accounting.PRODUCTION,
    claims_savings=False,
)

EIA = Provider(
    name="eia",
    title="EIA Hourly Electric Grid Monitor",
    covers="balancing authorities and regions of the United States: US-CISO, US-ERCO, US-PJM, ...; US is the lower 48",
    licence="public domain",
    attribution="Generation mix: U.S. Energy Information Administration; intensity computed from it",
    base_url="https://api.eia.gov",
    rate_limit=RateLimit(30, HOUR),
    credentials=("eia",),
    sign_up="https://www.eia.gov/opendata/register.php",
    min_poll=HOUR,
    settle_after=3 * DAY,
    recheck_after=(7 * DAY,),
    accounting=Accounting.PRODUCTION,
)

ELECTRICITY_MAPS = Provider(
    name="electricity-maps",
    title="Electricity Maps",
    covers="some 350 zones of the world, as far as the key's plan goes",
    licence="proprietary; the free plan is for non-commercial use",
    attribution="Carbon intensity: Electricity Maps (electricitymaps.com)",
    base_url="https://api.electricitymaps.com/v3",
    rate_limit=RateLimit(50, HOUR),
    credentials=("electricity_maps",),
    sign_up="https://portal.electricitymaps.com",
    free="the last 24 hours of one zone, without forecast, not for commercial use",
    forecast_horizon=DAY + HOUR,
    min_poll=30 * MINUTE,
    recheck_after=(2 * DAY, 8 * DAY, 32 * DAY, 93 * DAY),
)

WATTTIME = Provider(
    name="watttime",
    title="WattTime",
    covers="regions by WattTime's own names (CAISO_NORTH, PJM_CHICAGO, ...), as far as the plan goes",
    licence="proprietary; not to be passed on",
    attribution="Marginal carbon intensity: WattTime (watttime.org)",
    base_url="https://api.watttime.org",
    rate_limit=RateLimit(3_000, 5 * MINUTE),
    credentials=("watttime_user", "watttime_password"),
    sign_up="https://docs.watttime.org",
    free="CAISO_NORTH; of other regions the index",
    forecast_horizon=3 * DAY,
    resolution=5 * MINUTE,
    settle_after=7 * DAY,
    recheck_after=(8 * DAY,),
    kind=SignalKind.MARGINAL,
    basis=Basis.DIRECT,
)

ENERGINET = Provider(
    name="energinet",
    title="Energinet (Energi Data Service)",
    covers="the price areas of Denmark: DK-DK1, DK-DK2",
    licence="free, with attribution",
    attribution="Carbon intensity: Energinet, Energi Data Service (energidataservice.dk)",
    base_url="https://api.energidataservice.dk",
    rate_limit=RateLimit(30, MINUTE),
    forecast_horizon=timedelta(hours=36),
    resolution=5 * MINUTE,
    basis=Basis.DIRECT,
)
RTE = Provider(
    name="rte",
    title="RTE éCO2mix",
    covers="France (FR)",
    licence="Etalab 2.0",
    attribution="Carbon intensity: RTE, éCO2mix (odre.opendatasoft.com)",
    base_url="https://odre.opendatasoft.com",
    rate_limit=RateLimit(60, MINUTE),
    resolution=15 * MINUTE,
    recheck_after=(32 * DAY,),
    accounting=Accounting.PRODUCTION,
    basis=Basis.DIRECT,
)
OPENELECTRICITY = Provider(
    name="openelectricity",
    title="OpenElectricity",
    covers="the national market of Australia: AU-NSW, AU-QLD, AU-SA, AU-TAS, AU-VIC",
    licence="that of OpenElectricity and AEMO; not for commercial use without asking",
    attribution="Generation mix: OpenElectricity (openelectricity.org.au); intensity computed from it",
    base_url="https://api.openelectricity.org.au",
    rate_limit=RateLimit(60, MINUTE),
    credentials=("openelectricity",),
    sign_up="https://platform.openelectricity.org.au",
    resolution=5 * MINUTE,
    accounting=Accounting.PRODUCTION,
)
NEMWEB = Provider(
    name="nemweb",
    title="NEMWEB (AEMO)",
    covers="the national market of Australia: AU-NSW, AU-QLD, AU-SA, AU-TAS, AU-VIC",
    licence="AEMO's copyright permission: any purpose, with attribution",
    attribution="Generation, factors and pre-dispatch: Australian Energy Market Operator (nemweb.com.au)",
    base_url="https://nemweb.com.au",
    rate_limit=RateLimit(200, 5 * MINUTE),
    forecast_horizon=timedelta(hours=41),
    resolution=30 * MINUTE,
    min_poll=30 * MINUTE,
    settle_after=2 * DAY,
    accounting=Accounting.PRODUCTION,
    basis=Basis.DIRECT,
)
ENTSOE = Provider(
    name="entsoe",
    title="ENTSO-E Transparency Platform",
    covers="bidding zones of Europe: AT, DE, IT-NO, NO-NO1, RO, SE-SE3, ...",
    licence="CC BY 4.0",
    attribution="Generation mix: ENTSO-E Transparency Platform; intensity computed from it",
    base_url="https://web-api.tp.entsoe.eu",
    rate_limit=RateLimit(400, MINUTE),
    credentials=("entsoe",),
    sign_up="https://transparency.entsoe.eu, then by mail",
    forecast_horizon=timedelta(hours=36),
    settle_after=7 * DAY,
    accounting=Accounting.PRODUCTION,
)
CARBON_AWARE_SDK = Provider(
    name="carbon-aware-sdk",
    title="Carbon Aware SDK WebAPI",
    covers="the locations of your own deployment, whose address base_url must be",
    licence="that of the source behind it",
    attribution="Carbon intensity: through the Green Software Foundation's Carbon Aware SDK",
    free="your own deployment",
    forecast_horizon=3 * DAY,
)

PROVIDERS: tuple[Provider, ...] = (
    ELECTRICITY_MAPS,
    WATTTIME,
    UK_NESO,
    ENERGINET,
    ENERGY_CHARTS,
    RTE,
    EIA,
    OPENELECTRICITY,
    NEMWEB,
    ENTSOE,
    CARBON_AWARE_SDK,
    RECORDED,
    STATIC,
)
BY_NAME = {provider.name: provider for provider in PROVIDERS}
