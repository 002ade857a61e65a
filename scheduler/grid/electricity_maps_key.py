"""A key of Electricity Maps: what it may ask, and what the service means when it refuses.

What a key may ask is learnt from `/zones`, which lists it zone by zone. When it limits requests the service has been
seen to answer 401 to a good key, so the first 401 after a success is taken for that.
"""

from __future__ import annotations

import re
from datetime import timedelta

from scheduler.domain.errors import CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.grid.catalogue import ELECTRICITY_MAPS
from scheduler.grid.reader import Reader
from scheduler.grid.transport import Answer, Transport

NOT_IN_PLAN = re.compile(r"unauthorized for|endpoint not available|not authorized for", re.IGNORECASE)
THROTTLE_PAUSE = timedelta(minutes=1)
EVERYTHING = "*"


class NotInPlan(CarbonSourceRejected):
    """The key is good, and does not cover this."""


class ElectricityMapsKey:
    """One key, used for one zone."""

    def __init__(self, token: str, zone: str, transport: Transport) -> None:
        self._token = token
        self._zone = zone
        self._transport = transport
        self._read = Reader(ELECTRICITY_MAPS.title)
        self._access: frozenset[str] | None = None
        """Paths it may ask for this zone; None until `/zones` has said."""
        self._answered = False
        self._doubted = False

    async def learn(self) -> frozenset[str]:
        """The paths it covers, or `*`. CarbonSourceRejected where the zone is none of its own."""
        if self._access is None:
            self._access = self._read_access(await self.get("zones", {}))
        return self._access

    async def may(self, path: str) -> bool:
        access = await self.learn()
        return path in access or EVERYTHING in access

    async def get(self, path: str, params: dict[str, str]) -> object:
        """The body of a good answer. NotInPlan, or what else a refusal means."""
        accept = frozenset({200, 400, 401, 403, 404})
        answer = await self._transport.get(path, params, {"auth-token": self._token}, accept)
        if answer.status != 200:
            raise self._refusal(path, answer)
        self._answered, self._doubted = True, False
        return self._transport.json(answer, path)

    def _read_access(self, body: object) -> frozenset[str]:
        """With a token `/zones` lists only what the token covers, as a bare map or under `zones`."""
        listed = self._read.mapping("zones", body)
        listed = self._read.mapping("zones", listed.get("zones", listed))
        if self._zone not in listed:
            covered = ", ".join(sorted(listed)[:5]) + (", ..." if len(listed) > 5 else "")
            raise CarbonSourceRejected(
                f"{ELECTRICITY_MAPS.title}: this key does not cover {self._zone}, it covers {covered or 'nothing'}; "
                "change the zone or the plan, or take a provider without a key (`carbonq grid providers`)"
            )
        access = self._read.mapping(f"zones.{self._zone}", listed[self._zone]).get("access", [EVERYTHING])
        return frozenset(str(path) for path in self._read.items(f"zones.{self._zone}.access", access))

    def _refusal(self, path: str, answer: Answer) -> CarbonSourceRejected | CarbonSourceUnavailable:
        reason = self._transport.redacted(answer.text)
        title = ELECTRICITY_MAPS.title
        if answer.status in (401, 403) and NOT_IN_PLAN.search(reason):
            return NotInPlan(f"{title}: this key does not cover {path} for {self._zone}: {reason}")
        if answer.status == 401 and self._answered and not self._doubted:
            self._doubted = True
            return CarbonSourceUnavailable(
                f"{title} refused a key that was good before, as it does when it limits requests", THROTTLE_PAUSE
            )
        if answer.status == 404:
            return CarbonSourceUnavailable(f"{title} has no data for {self._zone} just now: {reason}")
        what = "the key" if answer.status in (401, 403) else f"zone {self._zone}"
        return CarbonSourceRejected(f"{title} refused {what} (HTTP {answer.status}): {reason}")
