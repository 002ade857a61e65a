"""An account of WattTime: its half-hour token, renewed before anybody notices, and what its plan covers."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected
from scheduler.grid.catalogue import WATTTIME
from scheduler.grid.reader import Reader
from scheduler.grid.settings import SourceSettings
from scheduler.grid.transport import Answer, Transport
from scheduler.ports import Clock

MY_ACCESS = "v3/my-access"
TOKEN_LIFE = timedelta(minutes=25)
"""The token lasts 30 minutes; it is renewed before anybody notices."""

Access = Mapping[str, frozenset[str]]
"""Paths by region, of one signal."""


class Login:
    """The token, renewed before it expires; callers who need a new one at once wait for one request."""

    def __init__(self, transport: Transport, clock: Clock, user: str, password: str) -> None:
        self._transport = transport
        self._clock = clock
        self._basic = base64.b64encode(f"{user}:{password}".encode()).decode()
        self._token: str | None = None
        self._fresh_until: datetime | None = None
        self._renewing = asyncio.Lock()

    async def token(self) -> str:
        async with self._renewing:
            if self._token is None or self._fresh_until is None or self._clock.now() >= self._fresh_until:
                self._token = await self._log_in()
                self._fresh_until = self._clock.now() + TOKEN_LIFE
            return self._token

    def refused(self, token: str) -> None:
        """That token is no longer good; the next caller logs in."""
        if token == self._token:
            self._token = None

    async def _log_in(self) -> str:
        headers = {"Authorization": f"Basic {self._basic}"}
        answer = await self._transport.get("login", (), headers, frozenset({200, 401, 403}))
        if answer.status != 200:
            raise CarbonSourceRejected(
                f"{WATTTIME.title} refused the login (HTTP {answer.status}); check watttime_user and watttime_password"
            )
        token = str(Reader(WATTTIME.title).member(self._transport.json(answer, "login"), "token"))
        self._transport.keep_secret(token)
        return token


class Account:
    """Questions in the name of one user; a token that has expired is renewed once."""

    def __init__(self, login: Login, transport: Transport) -> None:
        self._login = login
        self._transport = transport
        self._read = Reader(WATTTIME.title)
        self._access: dict[str, Access | None] = {}

    @classmethod
    def of(cls, settings: SourceSettings, transport: Transport, clock: Clock) -> Account:
        user = settings.credential(WATTTIME, "watttime_user")
        return cls(Login(transport, clock, user, settings.credential(WATTTIME, "watttime_password")), transport)

    async def get(self, path: str, params: Mapping[str, str]) -> Answer:
        answer = await self._get(path, params)
        return await self._get(path, params) if answer.status == 401 else answer

    async def access(self, signal: str) -> Access | None:
        """What the plan covers of `signal`; None where the service does not say, and one has to try."""
        if signal not in self._access:
            answer = await self.get(MY_ACCESS, {"signal_type": signal})
            self._access[signal] = self._read_access(answer, signal) if answer.status == 200 else None
        return self._access[signal]

    async def _get(self, path: str, params: Mapping[str, str]) -> Answer:
        token = await self._login.token()
        headers = {"Authorization": f"Bearer {token}"}
        answer = await self._transport.get(path, dict(params), headers, frozenset({200, 400, 401, 403, 404, 422}))
        if answer.status == 401:
            self._login.refused(token)
        return answer

    def _read_access(self, answer: Answer, signal: str) -> Access | None:
        try:
            listed = self._read.member(self._transport.json(answer, MY_ACCESS), "signal_types")
            return dict(self._regions(listed, signal))
        except CarbonDataInvalid:
            return None

    def _regions(self, listed: object, signal: str) -> Iterator[tuple[str, frozenset[str]]]:
        for item in self._read.items("signal_types", listed):
            if self._read.member(item, "signal_type") != signal:
                continue
            for region in self._read.items("regions", self._read.member(item, "regions")):
                endpoints = self._read.items("endpoints", self._read.member(region, "endpoints"))
                paths = (str(self._read.member(endpoint, "endpoint")).strip("/") for endpoint in endpoints)
                yield str(self._read.member(region, "region")), frozenset(paths)
