"""One signal of one region of WattTime: what the plan covers of it, and answers that are held to be about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

from scheduler.domain.carbon import SignalKind, SourceCapabilities
from scheduler.domain.errors import CarbonSourceRejected
from scheduler.domain.intervals import Interval
from scheduler.grid.catalogue import NOTHING, WATTTIME
from scheduler.grid.transport import Answer, Transport
from scheduler.grid.watttime_account import Access, Account
from scheduler.grid.web_source import WebSource
from scheduler.ports import Clock

logger = logging.getLogger(__name__)

SIGNALS = {SignalKind.MARGINAL: "co2_moer", SignalKind.AVERAGE: "co2_aoer", SignalKind.INDEX: "co2_moer"}
FORECAST = "v3/forecast"


class RegionSignal(WebSource):
    """Everything is promised until the plan turns out not to cover it."""

    PATHS: ClassVar[frozenset[str]]
    """What it lives on; a plan that covers none of them does not cover the region."""

    def __init__(self, account: Account, capabilities: SourceCapabilities, transport: Transport, clock: Clock) -> None:
        super().__init__(capabilities, transport, clock)
        self._account = account
        self._region = capabilities.key.zone
        self._signal = SIGNALS[capabilities.key.kind]
        self._covered: frozenset[str] | None = None
        """Paths of this signal and region; empty where the plan does not say."""

    # --- what the plan covers ------------------------------------------------------------------------------------
    async def _may(self, path: str) -> bool:
        if self._covered is None:
            access = await self._account.access(self._signal)
            self._covered = frozenset() if access is None else self._paths(access)
            if self._covered:
                self._note(access or {})
        return not self._covered or path in self._covered

    def _paths(self, access: Access) -> frozenset[str]:
        covered = access.get(self._region, frozenset())
        if covered & self.PATHS:
            return covered
        raise CarbonSourceRejected(
            f"{WATTTIME.title}: your plan does not cover the {self._capabilities.key.kind} intensity of {self._region} "
            f"(CAISO_NORTH is free), it covers {self._listed(access)}; change the zone or the plan"
        )

    def _listed(self, access: Access) -> str:
        regions = sorted(region for region, paths in access.items() if paths & self.PATHS)
        return f"{len(regions)} regions: {', '.join(regions[:5])}{', ...' if len(regions) > 5 else ''}"

    def _note(self, access: Access) -> None:
        said, covered = self._capabilities, self._covered or frozenset()
        paths = ", ".join(sorted(path.removeprefix("v3/") for path in covered))
        if said.has_forecast and FORECAST not in covered:
            why = f"this plan has no forecast of {self._region}"
            said = replace(said, has_forecast=False, forecast_horizon=NOTHING, no_forecast=why)
        note = f"this plan covers {self._listed(access)}; of {self._region} {paths}"
        self._capabilities = replace(said, notes=(*said.notes, note))

    # --- asking --------------------------------------------------------------------------------------------------
    async def _ask(self, path: str, params: dict[str, str], units: str) -> object:
        """The answer, checked to be about our region and signal, and in the unit that we read."""
        answer = await self._account.get(path, {"region": self._region, "signal_type": self._signal, **params})
        if answer.status != 200:
            raise self._refusal(path, answer)
        body = self._transport.json(answer, path)
        for field, expected in (("region", self._region), ("signal_type", self._signal), ("units", units)):
            self._read.same_zone(field, expected, self._read.member(body, "meta", field))
        self._log_warnings(body)
        return body

    def _refusal(self, path: str, answer: Answer) -> CarbonSourceRejected:
        reason = self._transport.redacted(answer.text)
        if answer.status == 403:
            return CarbonSourceRejected(
                f"{WATTTIME.title}: your plan does not cover {path} for {self._region} (CAISO_NORTH is free): {reason}"
            )
        return CarbonSourceRejected(f"{WATTTIME.title} refused {self._region} (HTTP {answer.status}): {reason}")

    # --- reading -------------------------------------------------------------------------------------------------
    def _points(self, body: object) -> Iterator[tuple[Interval, object, dict[str, object]]]:
        """Each point's interval, its value, and what is said beside it; those without a value are unknown."""
        field = "data_point_period_seconds"
        length = timedelta(seconds=self._read.number(field, self._read.member(body, "meta", field)))
        for item in self._read.items("data", self._read.member(body, "data")):
            start = self._read.moment("point_time", self._read.member(item, "point_time"))
            value = self._read.member(item, "value")
            if value is not None:
                yield Interval(start, start + length), value, self._read.mapping("a point", item)

    def _model(self, body: object) -> str | None:
        """The date of the model behind the values, where it is named."""
        model = self._read.mapping("meta", self._read.member(body, "meta")).get("model")
        return f"model {model['date']}" if isinstance(model, dict) and "date" in model else None

    def _log_warnings(self, body: object) -> None:
        warnings = self._read.mapping("meta", self._read.member(body, "meta")).get("warnings")
        if warnings:
            said = self._transport.redacted(warnings)
            logger.debug("provider warns", extra={"provider": WATTTIME.title, "warning": said})
