"""The transport: patient, bounded, silent about keys; shown on a real loopback server."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from threading import Barrier, Event

import pytest
from fakes.clock import NOON, FakeClock
from fakes.scripted_server import Answerer, ScriptedServer, send

from scheduler.domain.errors import CarbonDataInvalid, CarbonSourceRejected, CarbonSourceUnavailable
from scheduler.grid.token_bucket import RateLimit
from scheduler.grid.transport import Patience, Transport

KEY = "s3cret-key-of-a-customer"


@pytest.fixture
def serve() -> Iterator[Callable[[Answerer], ScriptedServer]]:
    servers = []

    def start(answer: Answerer) -> ScriptedServer:
        servers.append(ScriptedServer(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


class Naps:
    """Remembers how long it was asked to sleep, and moves the clock instead."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.lengths: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.lengths.append(seconds)
        self.clock.advance(timedelta(seconds=seconds))


def transport(url: str, clock: FakeClock, naps: Naps, **patience: object) -> Transport:
    return Transport(
        "Test Grid",
        url,
        clock,
        patience=Patience(**patience),  # type: ignore[arg-type]
        secrets=(KEY,),
        sleep=naps,
        jitter=lambda: 0.5,
    )


def ask(url: str, clock: FakeClock | None = None, **patience: object) -> tuple[object, Naps]:
    """One request; what came of it (an answer or the error), and the naps on the way."""
    clock = clock or FakeClock()
    naps = Naps(clock)

    async def run() -> object:
        asked = transport(url, clock, naps, **patience)
        try:
            return await asked.get_json("intensity", {"api_key": KEY})
        except Exception as error:
            return error
        finally:
            await asked.close()

    return asyncio.run(run()), naps


def test_a_server_error_that_passes_is_waited_out(serve):
    """Two failures and a success are a success, after growing pauses."""
    server = serve(lambda handler, number: send(handler, 503 if number < 3 else 200))
    outcome, naps = ask(server.url)
    assert outcome == {}
    assert naps.lengths == [0.5, 1.0]


def test_back_off_is_jittered():
    """Two daemons that failed together do not come back together."""
    clock = FakeClock()
    pauses = {
        Transport("Test Grid", "http://localhost", clock, jitter=lambda share=share: share)._pause(1, None)
        for share in (0.0, 0.5, 0.99)
    }
    assert len(pauses) == 3


def test_after_three_attempts_it_gives_up(serve):
    """The error names the provider and the status; nobody is asked a fourth time."""
    server = serve(lambda handler, _: send(handler, 500))
    outcome, _ = ask(server.url)
    assert isinstance(outcome, CarbonSourceUnavailable)
    assert "Test Grid" in str(outcome)
    assert "500" in str(outcome)
    assert server.count == 3


def test_a_short_retry_after_is_sat_through(serve):
    """The server's word beats our own back-off."""
    server = serve(lambda handler, number: send(handler, 429 if number == 1 else 200, Retry_After="3"))
    outcome, naps = ask(server.url)
    assert outcome == {}
    assert naps.lengths == [3.0]


def test_a_long_retry_after_in_seconds_is_handed_up_at_once(serve):
    """The caller learns when to come back; no request is spent on waiting."""
    server = serve(lambda handler, _: send(handler, 429, Retry_After="600"))
    outcome, naps = ask(server.url)
    assert isinstance(outcome, CarbonSourceUnavailable)
    assert outcome.retry_after == timedelta(minutes=10)
    assert naps.lengths == []
    assert server.count == 1


def test_a_retry_after_date_counts_from_the_servers_own_clock(serve):
    """A server whose clock is two hours ahead still means ten minutes."""
    theirs = NOON + timedelta(hours=2)
    later = format_datetime(theirs + timedelta(minutes=10), usegmt=True)
    server = serve(lambda handler, _: send(handler, 429, Retry_After=later, Date=format_datetime(theirs, usegmt=True)))
    outcome, _ = ask(server.url)
    assert isinstance(outcome, CarbonSourceUnavailable)
    assert outcome.retry_after == timedelta(minutes=10)


@pytest.mark.parametrize("nonsense", ["soon", "-5", "", "\u00b2"])
def test_a_retry_after_that_says_nothing_is_ignored(serve, nonsense):
    """Our own back-off applies."""
    server = serve(lambda handler, _: send(handler, 429, Retry_After=nonsense))
    outcome, naps = ask(server.url)
    assert isinstance(outcome, CarbonSourceUnavailable)
    assert naps.lengths == [0.5, 1.0]


@pytest.mark.parametrize("years", ["99999999999999999999", "Fri, 01 Jan 2100 00:00:00 GMT"])
def test_a_retry_after_of_years_is_cut_to_a_day(serve, years):
    """A mistake of the server must not silence a provider for ever."""
    server = serve(lambda handler, _: send(handler, 429, Retry_After=years))
    outcome, _ = ask(server.url)
    assert isinstance(outcome, CarbonSourceUnavailable)
    assert outcome.retry_after == timedelta(days=1)


def test_until_retry_after_has_passed_the_provider_is_left_alone(serve):
    """A second question in the meantime is refused here, without a request; afterwards it is asked."""
    server = serve(lambda handler, number: send(handler, 429 if number == 1 else 200, Retry_After="600"))
    clock = FakeClock()

    async def run() -> tuple[CarbonSourceUnavailable, int, object]:
        asked = transport(server.url, clock, Naps(clock))
        with pytest.raises(CarbonSourceUnavailable):
            await asked.get_json("intensity")
        clock.advance(timedelta(minutes=4))
        with pytest.raises(CarbonSourceUnavailable) as refused:
            await asked.get_json("intensity")
        requests = server.count
        clock.advance(timedelta(minutes=7))
        answer = await asked.get_json("intensity")
        await asked.close()
        return refused.value, requests, answer

    refused, requests, answer = asyncio.run(run())
    assert refused.retry_after == timedelta(minutes=6)
    assert requests == 1
    assert answer == {}


def test_a_refusal_is_not_repeated(serve):
    """A 403 will be a 403 again; its reason is passed on."""
    server = serve(lambda handler, _: send(handler, 403, b"your plan does not cover this"))
    outcome, _ = ask(server.url)
    assert isinstance(outcome, CarbonSourceRejected)
    assert "your plan does not cover this" in str(outcome)
    assert server.count == 1


def test_a_provider_that_never_answers_is_given_up_on_in_time(serve):
    """The attempt has a limit, however the server stalls."""
    stalled = Event()
    server = serve(lambda handler, _: stalled.wait(5) and None)
    outcome, _ = ask(server.url, timeout=timedelta(milliseconds=100), attempts=1)
    stalled.set()
    assert isinstance(outcome, CarbonSourceUnavailable)
    assert "did not finish" in str(outcome)


def test_a_body_that_drips_does_not_outlast_the_limit(serve):
    """Each byte arrives in time, the whole does not."""
    done = Event()

    def drip(handler: BaseHTTPRequestHandler, _: int) -> None:
        handler.send_response_only(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        while not done.wait(0.03):
            handler.wfile.write(b" ")

    server = serve(drip)
    outcome, _ = ask(server.url, timeout=timedelta(milliseconds=200), attempts=1)
    done.set()
    assert isinstance(outcome, CarbonSourceUnavailable)


def test_a_body_without_end_is_cut_off(serve):
    """The cap counts unpacked bytes, so a small packed body cannot fill the memory."""
    packed = gzip.compress(b" " * 1_000_000)
    server = serve(lambda handler, _: send(handler, 200, packed, Content_Encoding="gzip"))
    outcome, _ = ask(server.url, most_bytes=100_000)
    assert isinstance(outcome, CarbonDataInvalid)
    assert "100,000 bytes" in str(outcome)


def test_a_body_packed_wrongly_is_invalid(serve):
    """Saying gzip and sending something else is an answer that cannot be read."""
    server = serve(lambda handler, _: send(handler, 200, b"not gzip", Content_Encoding="gzip"))
    assert isinstance(ask(server.url)[0], CarbonDataInvalid)


def test_a_body_nested_without_end_is_invalid(serve):
    """Neither memory nor stack can be exhausted by brackets."""
    server = serve(lambda handler, _: send(handler, 200, b"[" * 100_000))
    assert isinstance(ask(server.url)[0], CarbonDataInvalid)


def test_nobody_listening_is_unavailable():
    """A refused connection names the host and can be tried again."""
    outcome, naps = ask("http://127.0.0.1:1/base")
    assert isinstance(outcome, CarbonSourceUnavailable)
    assert "127.0.0.1" in str(outcome)
    assert len(naps.lengths) == 2


def test_a_redirect_to_another_host_is_not_followed(serve):
    """A key given to one provider never travels to another."""
    elsewhere = serve(lambda handler, _: send(handler, 200))
    server = serve(lambda handler, _: send(handler, 302, Location=f"{elsewhere.url}/intensity"))
    outcome, _ = ask(server.url)
    assert isinstance(outcome, CarbonSourceRejected)
    assert elsewhere.count == 0


def test_a_redirect_on_the_same_host_is_followed(serve):
    """Providers move paths about."""
    server = serve(lambda handler, number: send(handler, 301, Location="/moved") if number == 1 else send(handler, 200))
    assert ask(server.url)[0] == {}


def test_a_circle_of_redirects_ends(serve):
    server = serve(lambda handler, _: send(handler, 302, Location="/again"))
    assert isinstance(ask(server.url)[0], CarbonSourceRejected)


@pytest.mark.parametrize(
    ("status", "body"),
    [(403, f"bad key {KEY}"), (200, f"<html>{KEY}</html>"), (500, KEY)],
)
def test_a_key_appears_in_no_error_and_no_log(serve, caplog, status, body):
    """Not even where the provider repeats it, nor in what the HTTP library logs of the URL."""
    caplog.set_level(logging.DEBUG)
    server = serve(lambda handler, _: send(handler, status, body.encode()))
    outcome, _ = ask(server.url)
    assert isinstance(outcome, Exception)
    assert KEY not in str(outcome)
    assert KEY not in caplog.text


def test_it_says_who_it_is(serve):
    """Some providers turn anonymous clients away."""
    server = serve(lambda handler, _: send(handler, 200))
    ask(server.url)
    assert server.seen[0]["user-agent"].startswith("carbonq/")


def test_the_same_question_asked_at_once_is_one_request(serve):
    """Ten callers, one request, ten answers."""
    go = Event()

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        go.wait(5)
        send(handler, 200)

    server = serve(answer)
    clock = FakeClock()

    async def run() -> list[object]:
        asked = transport(server.url, clock, Naps(clock))
        questions = [asyncio.create_task(asked.get_json("intensity")) for _ in range(10)]
        await asyncio.sleep(0)
        go.set()
        answers = await asyncio.gather(*questions)
        await asked.close()
        return answers

    assert asyncio.run(run()) == [{}] * 10
    assert server.count == 1


def test_a_caller_who_gives_up_takes_the_answer_from_nobody(serve):
    """One of two callers is cancelled; the other still gets the one answer."""
    arrived, go = Barrier(2), Event()

    def answer(handler: BaseHTTPRequestHandler, _: int) -> None:
        arrived.wait(5)
        go.wait(5)
        send(handler, 200)

    server = serve(answer)
    clock = FakeClock()

    async def run() -> object:
        asked = transport(server.url, clock, Naps(clock))
        first = asyncio.create_task(asked.get_json("intensity"))
        second = asyncio.create_task(asked.get_json("intensity"))
        await asyncio.to_thread(arrived.wait, 5)
        first.cancel()
        go.set()
        outcome = await second
        await asked.close()
        return outcome

    assert asyncio.run(run()) == {}
    assert server.count == 1


def ask_thrice(server: ScriptedServer, limit: RateLimit | None = None) -> tuple[list[object], Naps]:
    """The same question three times over; what came of each, and the naps on the way."""
    clock = FakeClock()
    naps = Naps(clock)

    async def run() -> list[object]:
        asked = Transport("Test Grid", server.url, clock, patience=Patience(attempts=1), limit=limit, sleep=naps)
        outcomes = []
        for _ in range(3):
            try:
                outcomes.append(await asked.get_json("intensity"))
            except (CarbonSourceUnavailable, CarbonDataInvalid) as error:
                outcomes.append(error)
        await asked.close()
        return outcomes

    return asyncio.run(run()), naps


@pytest.mark.parametrize(
    ("sent", "asked"), [({"ETag": 'W/"7"'}, "if-none-match"), ({"Last_Modified": "yesterday"}, "if-modified-since")]
)
def test_what_has_not_changed_is_not_sent_again(serve, sent, asked):
    """The validator goes back with the next question, and the answer that is kept stands for the empty one."""

    def answer(handler: BaseHTTPRequestHandler, number: int) -> None:
        send(handler, 200, b'{"g": 7}', **sent) if number == 1 else send(handler, 304, b"", **sent)

    server = serve(answer)
    outcomes, _ = ask_thrice(server)
    assert outcomes == [{"g": 7}] * 3
    assert [headers.get(asked) for headers in server.seen] == [None, *[*sent.values()] * 2]


def test_what_has_changed_takes_the_place_of_what_was_kept(serve):
    server = serve(lambda handler, n: send(handler, 200, b'{"g": %d}' % n, ETag=f'"{n}"'))
    assert ask_thrice(server)[0] == [{"g": 1}, {"g": 2}, {"g": 3}]
    assert [headers.get("if-none-match") for headers in server.seen] == [None, '"1"', '"2"']


def test_an_answer_that_could_not_be_read_is_not_kept(serve):
    """Cut short on the way and served again as "not changed", it would be wrong for ever."""
    server = serve(lambda handler, n: send(handler, 200, b'{"g": ' if n == 1 else b'{"g": 7}', ETag='"1"'))
    first, *others = ask_thrice(server)[0]
    assert isinstance(first, CarbonDataInvalid)
    assert others == [{"g": 7}] * 2
    assert [headers.get("if-none-match") for headers in server.seen] == [None, None, '"1"']


def test_an_answer_that_must_not_be_stored_is_not_kept(serve):
    server = serve(lambda handler, n: send(handler, 200, ETag='"1"', Cache_Control="no-store"))
    ask_thrice(server)
    assert all("if-none-match" not in headers for headers in server.seen)


def test_not_changed_without_a_question_about_it_is_invalid(serve):
    """There is nothing that it could stand for."""
    server = serve(lambda handler, _: send(handler, 304, b""))
    assert isinstance(ask(server.url)[0], CarbonDataInvalid)


def test_a_limit_that_is_nearly_kept_is_waited_out(serve):
    """Two at once, the third when its token is there: after half of the four seconds."""
    server = serve(lambda handler, _: send(handler, 200))
    outcomes, naps = ask_thrice(server, RateLimit(2, timedelta(seconds=4)))
    assert outcomes == [{}] * 3
    assert naps.lengths == [2.0]


def test_a_limit_that_is_used_up_for_long_is_handed_up(serve):
    """The caller learns when to come back, and the provider is not asked."""
    server = serve(lambda handler, _: send(handler, 200))
    outcomes, naps = ask_thrice(server, RateLimit(2, timedelta(hours=1)))
    assert isinstance(outcomes[2], CarbonSourceUnavailable)
    assert outcomes[2].retry_after == timedelta(minutes=30)
    assert server.count == 2
    assert naps.lengths == []
