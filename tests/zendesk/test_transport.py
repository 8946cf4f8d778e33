from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from support.patience import PATIENCE_S
from zendesk_audit_assets.emulator import Fault
from zendesk_audit_assets.zendesk import ApiToken, MalformedResponse, RateBudget, ZendeskAccount, ZendeskClient
from zendesk_audit_assets.zendesk import transport as transport_module
from zendesk_audit_assets.zendesk.errors import (
    BadAccountSettings,
    RateLimited,
    UntrustedCertificate,
    WrongSubdomain,
    ZendeskDown,
)
from zendesk_audit_assets.zendesk.transport import RetryLimits

TOKEN = ApiToken("admin@example.com", "emulator-api-token")


def test_every_request_names_the_client_and_asks_for_json(stub, connect):
    stub.say(stub.page([]))
    connect(stub).newest()

    (request,) = stub.seen
    assert request.headers["accept"] == "application/json"
    assert "zendesk-audit-assets" in request.headers["user-agent"]
    assert request.headers["authorization"] == TOKEN.authorization


@pytest.mark.parametrize("kind", ["reset", "truncated", "cut_json", "content_type", "500", "502", "503", "504", "409"])
def test_a_passing_fault_is_survived(zendesk, connect, clock, kind):
    zendesk.inject(Fault(kind, times=3))

    page = connect(zendesk).newest()

    assert len(page.records) == 100
    assert page.requests == 4
    assert len(clock.waits) == 3


@pytest.mark.parametrize(
    ("kind", "error"), [("reset", ZendeskDown), ("500", ZendeskDown), ("cut_json", MalformedResponse)]
)
def test_a_lasting_fault_ends_after_the_last_attempt(zendesk, connect, clock, kind, error):
    zendesk.inject(Fault(kind, times=None))

    with pytest.raises(error, match="6 attempts") as raised:
        connect(zendesk).newest()
    assert not raised.value.permanent
    assert len(clock.waits) == 5
    assert len(zendesk.requests) == 6


def test_back_off_grows_and_is_capped(zendesk, connect, clock):
    zendesk.inject(Fault("500", times=None))
    with pytest.raises(ZendeskDown):
        connect(zendesk, retry=RetryLimits(attempts=9, longest_backoff_s=20)).newest()

    lows = [1, 2, 4, 8, 16, 20, 20, 20]
    assert all(low <= wait <= min(low + 1, 20) for low, wait in zip(lows, clock.waits, strict=True))


def test_back_off_is_never_the_same_twice(stub, connect, clock):
    stub.say(stub.reply(500))
    for _ in range(2):
        with pytest.raises(ZendeskDown):
            connect(stub, retry=RetryLimits(attempts=4)).newest()
    assert len(set(clock.waits)) == 6


def test_the_seconds_in_all_are_bounded(zendesk, connect, clock):
    zendesk.inject(Fault("500", times=None))
    with pytest.raises(ZendeskDown):
        connect(zendesk, retry=RetryLimits(attempts=1000, total_s=100)).newest()
    assert 60 < sum(clock.waits) <= 100


@pytest.mark.parametrize("kind", ["429", "503"])
def test_retry_after_is_honoured(zendesk, connect, clock, kind):
    zendesk.inject(Fault(kind, retry_after=93))
    connect(zendesk).newest()
    assert clock.waits == [93]


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_may_be_a_date(stub, connect, clock, status):
    date, until = "Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 12:00:42 GMT"
    stub.say(stub.reply(status, date=date, headers={"Retry-After": until}), stub.page([]))
    connect(stub).newest()
    assert clock.waits == [42]


@pytest.mark.parametrize("retry_after", [None, "soon", "-1"])
def test_a_429_without_a_usable_retry_after_waits_a_minute(zendesk, connect, clock, retry_after):
    zendesk.inject(Fault("429", retry_after=retry_after))
    connect(zendesk).newest()
    assert clock.waits == [60]


def test_the_minute_after_a_429_is_capped_by_the_retry_limit(zendesk, connect, clock):
    zendesk.inject(Fault("429"))
    connect(zendesk, retry=RetryLimits(total_s=20)).newest()
    assert clock.waits == [pytest.approx(20, abs=0.5)]


def test_a_retry_after_of_zero_still_waits(zendesk, connect, clock):
    zendesk.inject(Fault("429", retry_after=0))
    connect(zendesk).newest()
    assert clock.waits == [1]


def test_a_retry_after_beyond_the_limit_fails_at_once(zendesk, connect, clock):
    zendesk.inject(Fault("429", retry_after=3600))
    client = connect(zendesk)
    with pytest.raises(RateLimited) as error:
        client.newest()
    assert error.value.retry_after == 3600
    assert clock.waits == []
    assert len(client.newest().records) == 100  # nobody is left waiting


def test_after_a_429_every_thread_waits(zendesk, clock):
    """One thread is told to wait; another, which was told nothing, waits as well."""
    waiting, go_on = threading.Event(), threading.Event()
    paced = []

    def wait(seconds):
        waiting.set()
        assert go_on.wait(PATIENCE_S)

    def sleep(seconds):
        paced.append(seconds)
        clock.advance(seconds)

    budget = RateBudget(0.5, now=clock, sleep=sleep)
    account = ZendeskAccount("demo", TOKEN, base_url=zendesk.url)
    zendesk.inject(Fault("429", retry_after=30))
    with ZendeskClient(account, limiter=budget, wait=wait) as client, ThreadPoolExecutor(1) as pool:
        told = pool.submit(client.newest)
        assert waiting.wait(PATIENCE_S)
        assert len(zendesk.requests) == 1
        client.newest()
        go_on.set()
        told.result(10)
    assert paced[0] == pytest.approx(30)


def test_the_budget_learns_the_limit_from_every_answer(stub, connect, clock):
    stub.say(stub.reply(500, headers={"X-Rate-Limit": "700"}), stub.page([], headers={"x-rate-LIMIT": "2500"}))
    client = connect(stub)
    client.newest()
    assert client.last_rate_limit.limit == 2500


def test_a_wait_of_over_five_seconds_is_logged_with_its_reason(zendesk, connect, caplog):
    caplog.set_level(logging.INFO)
    zendesk.inject(Fault("429", retry_after=30))
    zendesk.inject(Fault("500"))
    connect(zendesk).newest()

    (record,) = [record for record in caplog.records if record.name == "zendesk_audit_assets.zendesk"]
    assert "429" in record.getMessage()
    assert "Waiting 30 s before attempt 2 of 6" in record.getMessage()


def test_a_server_that_never_answers_is_given_up(zendesk, connect):
    zendesk.inject(Fault("stall"))
    page = connect(zendesk, timeouts=(1, 0.1)).newest()
    assert page.requests == 2


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("beginning", "more"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
        (b"HTTP/1.1 200 ", b"O"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (CHUNKED, b"1\r\n \r\n"),
        (CHUNKED + b"1;x=", b"x"),
        (CHUNKED + b"2\r\n{}\r\n0\r\n", b"X: x\r\n"),
    ],
    ids=["body", "status line", "headers", "100 continue", "chunks", "chunk extension", "trailers"],
)
def test_an_exchange_that_trickles_for_ever_is_given_up(stub, connect, beginning, more):
    def trickle(file):
        file.write(beginning)
        while not stub.closing.wait(0.02):
            file.write(more)

    stub.say(stub.reply(raw=trickle), stub.page([7]))
    page = connect(stub, timeouts=(1, 0.1)).newest()
    assert (page.records, page.requests) == ([7], 2)


def test_an_answer_of_immense_length_is_not_taken(stub, connect, monkeypatch):
    monkeypatch.setattr(transport_module, "MAX_BODY_BYTES", 10_000)
    bomb = stub.page(["x" * 10_000_000], headers={"Content-Encoding": "gzip"})
    bomb.body = gzip.compress(bomb.body)
    stub.say(bomb, stub.page([7]))
    assert connect(stub).newest().records == [7]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n{}\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    ],
)
def test_a_broken_answer_is_asked_for_again(stub, connect, raw):
    stub.say(stub.reply(raw=lambda file: file.write(raw)), stub.page([7]))
    assert connect(stub).newest().records == [7]


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_compressed_and_chunked_responses_keep_the_connection(stub, connect, encoded, chunked):
    reply = stub.page(["x" * 3_000] * 100)
    body = reply.body
    headers = {}
    if encoded:
        reply.body = gzip.compress(reply.body)
        headers["Content-Encoding"] = "gzip"
    reply.headers = headers
    if chunked:
        reply.chunk = 1000
    stub.say(reply)
    client = connect(stub)

    assert [client.newest().body for _ in range(3)] == [body] * 3
    assert len({request.connection for request in stub.seen}) == 1


def test_each_thread_has_its_own_connection(stub, connect):
    stub.say(stub.page([]))
    client = connect(stub)
    at_once = threading.Barrier(4, timeout=PATIENCE_S)

    def twice(_):
        at_once.wait()
        client.newest()
        client.newest()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(twice, range(4)))
    assert len({request.connection for request in stub.seen}) == 4


def test_cookies_are_not_kept(stub, connect):
    stub.say(stub.page([], headers={"Set-Cookie": "_zendesk_session=abc; Path=/"}))
    client = connect(stub)
    client.newest()
    client.newest()
    assert "cookie" not in stub.seen[1].headers


def test_a_redirect_is_not_followed(stub, connect, zendesk):
    stub.say(stub.reply(302, headers={"Location": zendesk.url + "/api/v2/audit_logs"}))
    with pytest.raises(WrongSubdomain, match="redirect"):
        connect(stub).newest()
    assert zendesk.requests == []


def test_credentials_of_a_netrc_file_never_replace_ours(monkeypatch, clock, tmp_path):
    """As requests would let them."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.zendesk.com login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    sent = []

    def send(adapter, request, **options):
        sent.append(request.headers["Authorization"])
        raise requests.ConnectionError("unplugged")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with ZendeskClient(ZendeskAccount("acme", TOKEN), wait=clock.wait) as client, pytest.raises(ZendeskDown):
        client.newest()
    assert set(sent) == {TOKEN.authorization}


def test_a_proxy_never_sees_what_is_sent_to_this_machine(stub, connect, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    stub.say(stub.page([7]))
    assert connect(stub).newest().records == [7]


def test_a_refused_connection_is_retried_and_says_where(connect, clock):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    class Gone:
        url = f"http://127.0.0.1:{port}"

    with pytest.raises(ZendeskDown, match=rf"127\.0\.0\.1:{port} .*refused"):
        connect(Gone()).newest()
    assert len(clock.waits) == 5


def unresolved(monkeypatch, number):
    def fail(*args, **kwargs):
        raise socket.gaierror(number, "cannot resolve")

    monkeypatch.setattr(socket, "getaddrinfo", fail)


def test_a_host_that_does_not_exist_is_a_wrong_subdomain(monkeypatch, clock):
    unresolved(monkeypatch, socket.EAI_NONAME)
    with (
        ZendeskClient(ZendeskAccount("acne", TOKEN), wait=clock.wait) as client,
        pytest.raises(WrongSubdomain, match="acne"),
    ):
        client.newest()
    assert clock.waits == []


def test_a_name_server_that_fails_for_a_moment_is_retried(monkeypatch, clock):
    unresolved(monkeypatch, socket.EAI_AGAIN)
    with ZendeskClient(ZendeskAccount("acme", TOKEN), wait=clock.wait) as client, pytest.raises(ZendeskDown):
        client.newest()
    assert len(clock.waits) == 5


def test_a_host_that_was_reached_before_does_exist(stub, connect, monkeypatch, clock):
    stub.say(stub.page([], headers={"Connection": "close"}))
    client = connect(stub, limiter=RateBudget(now=clock, sleep=clock.advance))
    client.newest()
    unresolved(monkeypatch, socket.EAI_NONAME)
    with pytest.raises(ZendeskDown, match="cannot resolve"):
        client.newest()


def test_a_certificate_that_is_not_trusted_is_not_retried(monkeypatch, clock):
    def fail(*args, **kwargs):
        untrusted = ssl.SSLCertVerificationError("certificate verify failed")
        untrusted.verify_message = "self-signed certificate"
        raise requests.exceptions.SSLError("wrapped") from untrusted

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", fail)
    with (
        ZendeskClient(ZendeskAccount("acme", TOKEN), wait=clock.wait) as client,
        pytest.raises(UntrustedCertificate, match="self-signed"),
    ):
        client.newest()
    assert clock.waits == []


def test_a_proxy_that_is_no_address_is_an_error_without_its_value(monkeypatch, clock):
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@[bad")
    monkeypatch.setenv("https_proxy", "http://user:hunter2@[bad")
    with (
        ZendeskClient(ZendeskAccount("acme", TOKEN), wait=clock.wait) as client,
        pytest.raises(BadAccountSettings, match="HTTPS_PROXY") as error,
    ):
        client.newest()
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None
    assert error.value.__suppress_context__


def test_a_closed_client_holds_no_connection(stub, connect):
    stub.say(stub.page([]))
    with connect(stub) as client:
        client.newest()
    (session,) = client._transport._sessions
    assert all(len(adapter.poolmanager.pools) == 0 for adapter in session.adapters.values())
