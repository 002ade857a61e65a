"""One way out to every provider: bounded in time and size, patient with trouble, silent about keys.

Policy: three attempts with exponential back-off and jitter for what may pass (connection, 5xx, 429); a `Retry-After`
longer than we are willing to sit through is handed up as `CarbonSourceUnavailable.retry_after`, and until then the
provider is not asked again. Requests for the same thing at the same time are one request. No provider is asked more
often than the catalogue allows, and one that sends an ETag or a date is asked only for what has changed since.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from importlib.metadata import version

import httpx

from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.grid.answer import Answer as Answer
from scheduler.grid.answer import KeptAnswers
from scheduler.grid.catalogue import Provider
from scheduler.grid.patience import Patience as Patience
from scheduler.grid.patience import told_to_wait
from scheduler.grid.settings import SourceSettings
from scheduler.grid.token_bucket import RateLimit, TokenBucket
from scheduler.ports import Clock

logger = logging.getLogger(__name__)

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
NOT_MODIFIED = 304
REDIRECTS = frozenset({301, 302, 303, 307, 308})
MOST_REDIRECTS = 3

Params = Mapping[str, str | int] | Sequence[tuple[str, str]]

# httpx logs each URL at INFO, and the keys of some providers travel in the query.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


class Transport:
    """Requests to one provider. `secrets` never appear in what it raises or logs."""

    def __init__(
        self,
        provider: str,
        base_url: str,
        clock: Clock,
        *,
        patience: Patience | None = None,
        secrets: Sequence[str] = (),
        limit: RateLimit | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.provider = provider
        self._base = httpx.URL(base_url.rstrip("/") + "/")
        self._clock = clock
        self._patience = patience or Patience()
        self._secrets = tuple(secret for secret in secrets if secret)
        self._sleep = sleep
        self._jitter = jitter
        self._bucket = TokenBucket(limit) if limit else None
        self._kept = KeptAnswers()
        self._client: httpx.AsyncClient | None = None
        self._in_flight: dict[str, asyncio.Task[Answer]] = {}
        self._not_before: datetime | None = None

    @classmethod
    def for_provider(cls, provider: Provider, settings: SourceSettings, clock: Clock) -> Transport:
        return cls(
            provider.title,
            settings.base_url or provider.base_url,
            clock,
            patience=Patience(attempts=settings.attempts, timeout=settings.timeout),
            secrets=tuple(settings.credentials.values()),
            limit=provider.rate_limit,
        )

    async def get_json(self, path: str, params: Params = (), headers: Mapping[str, str] | None = None) -> object:
        """The decoded body of a 200 answer; other answers raise, see `get`."""
        answer = await self.get(path, params, {"Accept": "application/json", **(headers or {})})
        return self.json(answer, path)

    def json(self, answer: Answer, path: str) -> object:
        """The decoded body; CarbonDataInvalid where it is HTML, cut short or empty."""
        try:
            # NaN and Infinity pass here on purpose: the reader rejects them by field and value.
            return json.loads(answer.body)
        except (ValueError, RecursionError) as exc:
            what = "an empty body" if not answer.body.strip() else f"no JSON: {self.redacted(answer.text)}"
            self.forget(answer)
            raise CarbonDataInvalid(
                f"{self.provider} answered {path} with {what}; nothing was stored and it will be asked again"
            ) from exc

    async def get(
        self,
        path: str,
        params: Params = (),
        headers: Mapping[str, str] | None = None,
        accept: frozenset[int] = frozenset({200}),
    ) -> Answer:
        """The answer, if its status is in `accept`; else CarbonSourceRejected (4xx) or CarbonSourceUnavailable."""
        url = self._url(path, params)
        key = f"{url} {sorted((headers or {}).items())} {sorted(accept)}"
        flight = self._in_flight.get(key)
        if flight is None:
            flight = asyncio.create_task(self._persist(path, url, dict(headers or {}), accept))
            self._in_flight[key] = flight
            flight.add_done_callback(lambda done: self._landed(key, done))
        # Shielded: one caller giving up must not take the answer from another who waits for it.
        return await asyncio.shield(flight)

    def _landed(self, key: str, flight: asyncio.Task[Answer]) -> None:
        self._in_flight.pop(key, None)
        if not flight.cancelled():
            flight.exception()  # Looked at, so that a flight nobody waited for is not reported as an accident.

    def forget(self, answer: Answer) -> None:
        """It could not be read: next time the whole is asked for, whether it has changed or not."""
        self._kept.forget(answer)

    def keep_secret(self, value: str) -> None:
        """From now on `value` appears in no error and no log either."""
        self._secrets = (*self._secrets, value)

    async def close(self) -> None:
        flights = tuple(self._in_flight.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    # --- one request, several attempts ---------------------------------------------------------------------------
    async def _persist(self, path: str, url: httpx.URL, headers: dict[str, str], accept: frozenset[int]) -> Answer:
        attempt = 1
        while True:
            self._refuse_while_told_to_wait(path)
            try:
                await self._wait_for_a_token()
                return self._judge(path, await self._ask_for_changes(path, url, headers), accept)
            except CarbonSourceUnavailable as trouble:
                wait = self._pause(attempt, trouble.retry_after)
                if wait is None:
                    raise
                logger.debug("provider asked again", extra={"provider": self.provider, "path": path, "wait_s": wait})
            attempt += 1
            await self._sleep(wait)

    async def _wait_for_a_token(self) -> None:
        """CarbonSourceUnavailable, and nothing asked, where the next token is further off than we sit through."""
        if self._bucket is None:
            return
        now = self._clock.now()
        wait = self._bucket.wait(now)
        if wait > self._patience.longest_sit:
            raise CarbonSourceUnavailable(f"{self.provider} has been asked as often as is decent for now", wait)
        self._bucket.take(now)
        if wait:
            await self._sleep(wait.total_seconds())

    async def _ask_for_changes(self, path: str, url: httpx.URL, headers: dict[str, str]) -> Answer:
        """The answer; where the provider says that nothing has changed, the one it gave before."""
        question = f"{url} {sorted(headers.items())}"
        answer = await self._ask(path, url, {**headers, **self._kept.conditions(question)})
        if answer.status != NOT_MODIFIED:
            self._kept.keep(question, answer)
            return answer
        before = self._kept.unchanged(question)
        if before is None:
            raise CarbonDataInvalid(f"{self.provider} says that {path} has not changed, and was never asked that")
        return before

    def _pause(self, attempt: int, retry_after: timedelta | None) -> float | None:
        """Seconds to wait before the next attempt; None when there is to be none."""
        if attempt >= self._patience.attempts:
            return None
        if retry_after is not None:
            if retry_after > self._patience.longest_sit:
                return None
            self._not_before = None
            return retry_after.total_seconds()
        backoff: float = self._patience.first_backoff.total_seconds() * 2 ** (attempt - 1)
        return backoff * (0.5 + self._jitter())

    def _refuse_while_told_to_wait(self, path: str) -> None:
        if self._not_before is None:
            return
        left = self._not_before - self._clock.now()
        if left > timedelta(0):
            raise CarbonSourceUnavailable(
                f"{self.provider} asked not to be called before {self._not_before:%Y-%m-%d %H:%M:%S} UTC", left
            )
        self._not_before = None

    async def _ask(self, path: str, url: httpx.URL, headers: dict[str, str]) -> Answer:
        try:
            async with asyncio.timeout(self._patience.timeout.total_seconds()):
                return await self._follow(path, url, headers)
        except (TimeoutError, httpx.TimeoutException) as exc:
            seconds = self._patience.timeout.total_seconds()
            raise CarbonSourceUnavailable(f"{self.provider} did not finish answering {path} in {seconds:g} s") from exc
        except httpx.DecodingError as exc:
            raise CarbonDataInvalid(f"{self.provider} answered {path} with a body that cannot be unpacked") from exc
        except httpx.HTTPError as exc:
            reason = self.redacted(exc) or type(exc).__name__
            raise CarbonSourceUnavailable(f"{self.provider} cannot be reached at {self._base.host}: {reason}") from exc

    async def _follow(self, path: str, url: httpx.URL, headers: dict[str, str]) -> Answer:
        for _ in range(MOST_REDIRECTS + 1):
            answer = await self._fetch(path, url, headers)
            if answer.status not in REDIRECTS or "location" not in answer.headers:
                return answer
            target = url.join(answer.headers["location"])
            if (target.scheme, target.host, target.port) != (url.scheme, url.host, url.port):
                raise CarbonSourceRejected(
                    f"{self.provider} sends {path} on to {target.scheme}://{target.host}, and keys are not carried "
                    "there; set base_url if the provider has moved"
                )
            url = target
        raise CarbonSourceRejected(f"{self.provider} redirects {path} in a circle; check base_url")

    async def _fetch(self, path: str, url: httpx.URL, headers: dict[str, str]) -> Answer:
        limit = self._patience.most_bytes
        body = bytearray()
        async with self._open().stream("GET", url, headers=headers) as response:
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > limit:
                    raise CarbonDataInvalid(f"{self.provider} answered {path} with more than {limit:,} bytes")
            return Answer(response.status_code, response.headers, bytes(body))

    def _open(self) -> httpx.AsyncClient:
        if self._client is None:
            self._client = httpx.AsyncClient(
                headers={"User-Agent": f"carbonq/{version('carbonq')} (carbon-aware scheduler)"},
                timeout=self._patience.timeout.total_seconds(),
                follow_redirects=False,
                limits=httpx.Limits(max_connections=4),
            )
        return self._client

    def _url(self, path: str, params: Params) -> httpx.URL:
        url = self._base.join(path.lstrip("/"))
        return url.copy_merge_params(httpx.QueryParams(params)) if params else url  # type: ignore[arg-type]

    # --- what an answer means ------------------------------------------------------------------------------------
    def _judge(self, path: str, answer: Answer, accept: frozenset[int]) -> Answer:
        if answer.status in accept:
            return answer
        if answer.status in RETRIED or answer.status >= 500:
            retry_after = told_to_wait(answer, self._clock.now())
            self._not_before = self._clock.now() + retry_after if retry_after else None
            what = "is limiting our requests" if answer.status == 429 else f"could not answer {path}"
            raise CarbonSourceUnavailable(f"{self.provider} {what} (HTTP {answer.status})", retry_after)
        raise CarbonSourceRejected(
            f"{self.provider} refused {path} (HTTP {answer.status}): {self.redacted(answer.text) or 'no reason given'}"
        )

    def redacted(self, said: object) -> str:
        """What the provider said, as a short line without our keys."""
        words = " ".join(str(said).split())
        for secret in self._secrets:
            words = words.replace(secret, "[key]")
        return words[:200] + ("…" if len(words) > 200 else "")
