from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone

import pytest

from support.patience import PATIENCE_S
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, Fault
from zendesk_audit_assets.zendesk import AccessToken, ClientCredentials, MalformedResponse, RateBudget, ZendeskAccount
from zendesk_audit_assets.zendesk.errors import BadCredentials, ExpiredToken, MissingScope, WrongSubdomain
from zendesk_audit_assets.zendesk.tokens import RenewedToken
from zendesk_audit_assets.zendesk.transport import DEFAULT_RETRY, RetryLimits, Transport

CLIENT = ClientCredentials("emulator-client", "emulator-client-secret")


def posts(zendesk):
    return [request for request in zendesk.requests if request.method == "POST"]


@pytest.fixture
def together():
    """Run a function in eight threads at the same moment."""

    def run(function):
        barrier = threading.Barrier(8, timeout=PATIENCE_S)

        def one(_):
            barrier.wait()
            return function()

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(one, range(8)))

    return run


@pytest.fixture
def token(clock):
    """A renewed token, its expiry by the test's clock."""

    def make(server):
        account = ZendeskAccount("demo", CLIENT, base_url=server.url)
        budget = RateBudget(0.5, now=clock, sleep=clock.advance)
        transport = Transport(account, budget, (2, 2), DEFAULT_RETRY, clock.wait, lambda: 0.0)
        return RenewedToken(f"{server.url}/oauth/tokens", CLIENT, transport, now=clock)

    return make


def grant(stub, **changes):
    content = {"access_token": "first", "token_type": "bearer", "scope": "auditlogs:read", "expires_in": 1800}
    return stub.reply(201, json.dumps(content | changes))


def test_all_requests_share_one_token(zendesk, connect):
    client = connect(zendesk, CLIENT)
    assert client.newest(1).requests == 2
    assert client.newest(1).requests == 1
    assert [(request.method, request.path) for request in zendesk.requests] == [
        ("POST", "/oauth/tokens"),
        ("GET", "/api/v2/audit_logs"),
        ("GET", "/api/v2/audit_logs"),
    ]


def test_the_request_for_a_token_is_as_documented(stub, connect):
    stub.say(grant(stub), stub.page([]))
    connect(stub, CLIENT).newest()

    asked, used = stub.seen
    assert json.loads(asked.body) == {
        "grant_type": "client_credentials",
        "client_id": "emulator-client",
        "client_secret": "emulator-client-secret",
        "scope": "auditlogs:read",
    }
    assert asked.path == "/oauth/tokens"
    assert asked.headers["content-type"] == "application/json"
    assert "authorization" not in asked.headers
    assert used.headers["authorization"] == "Bearer first"


def test_eight_threads_share_their_first_token(zendesk, connect, together):
    client = connect(zendesk, CLIENT)
    pages = together(lambda: client.newest(1))
    assert len(pages) == 8
    assert len(posts(zendesk)) == 1


def test_eight_threads_whose_token_is_refused_renew_it_once(zendesk, connect, together):
    client = connect(zendesk, CLIENT)
    together(client.newest)
    zendesk.reset_requests()
    zendesk.revoke_tokens()

    pages = together(client.newest)

    assert all(len(page.records) == 100 for page in pages)
    assert len(posts(zendesk)) == 1
    assert client.usage.requests == 9 + len(zendesk.requests)


def test_a_refused_token_is_renewed_without_a_wait(zendesk, connect, clock):
    client = connect(zendesk, CLIENT)
    client.newest()
    zendesk.inject(Fault("token_expired"))

    assert client.newest().requests == 3
    assert clock.waits == []


def test_paging_goes_on_after_a_renewal(zendesk, connect):
    zendesk.inject(Fault("token_expired", after_requests=4))
    start = datetime(2026, 1, 1, tzinfo=timezone.utc)
    pages = list(connect(zendesk, CLIENT).pages(start, start + timedelta(days=10)))
    assert sum(len(page.records) for page in pages) == len(zendesk.events)


def test_a_new_token_that_is_refused_as_well_is_an_error(zendesk, connect):
    zendesk.inject(Fault("401", times=None))
    with pytest.raises(ExpiredToken, match="ZENDESK_CLIENT_ID"):
        connect(zendesk, CLIENT).newest()
    assert [request.method for request in zendesk.requests] == ["POST", "GET", "POST", "GET"]


def test_a_static_token_that_is_refused_fails_at_once(zendesk, connect):
    with pytest.raises(ExpiredToken):
        connect(zendesk, AccessToken("expired")).newest()
    assert len(zendesk.requests) == 1


def test_a_static_token_works(connect):
    with Emulator(EmulatorOptions(events=[{"id": 7}])) as zendesk:
        assert connect(zendesk, AccessToken("emulator-access-token")).newest().records[0]["id"] == 7


@pytest.mark.parametrize(("life", "renewed_after"), [(1800, 1740), (300, 270)])
def test_a_token_is_renewed_a_little_before_it_expires(stub, token, clock, life, renewed_after):
    stub.say(grant(stub, expires_in=life), grant(stub, access_token="second", expires_in=life))
    renewed = token(stub)
    assert renewed.header() == "Bearer first"
    clock.advance(renewed_after - 1)
    assert renewed.header() == "Bearer first"
    clock.advance(2)
    assert renewed.header() == "Bearer second"


@pytest.mark.parametrize("life", [None, 0, -1, "soon", True])
def test_a_token_without_a_known_life_lasts_until_it_is_refused(stub, token, clock, life):
    stub.say(grant(stub, expires_in=life), grant(stub, access_token="second"))
    renewed = token(stub)
    assert renewed.header() == "Bearer first"
    clock.advance(10**9)
    assert renewed.header() == "Bearer first"
    assert renewed.renew("Bearer first")
    assert renewed.header() == "Bearer second"


def test_a_header_that_is_already_replaced_is_not_renewed_again(stub, token):
    stub.say(grant(stub), grant(stub, access_token="second"))
    renewed = token(stub)
    renewed.header()
    assert renewed.renew("Bearer first")
    assert renewed.renew("Bearer first")
    assert len(stub.seen) == 2


@pytest.mark.parametrize("scope", ["auditlogs:read", "read", "read write", "tickets:read auditlogs:read"])
def test_a_sufficient_scope_is_accepted(stub, token, scope):
    stub.say(grant(stub, scope=scope))
    assert token(stub).header() == "Bearer first"


@pytest.mark.parametrize("scope", ["", "write", "auditlogs:write", "tickets:read", "readonly", None, ["read"]])
def test_a_token_without_the_scope_is_an_error_before_it_is_used(stub, connect, scope):
    stub.say(grant(stub, scope=scope))
    with pytest.raises(MissingScope, match="auditlogs:read"):
        connect(stub, CLIENT).newest()
    assert len(stub.seen) == 1


def test_a_response_without_a_scope_grants_the_requested_one(stub, token):
    stub.say(stub.reply(200, '{"access_token":"first","token_type":"bearer"}'))
    assert token(stub).header() == "Bearer first"


def test_a_scope_that_zendesk_narrows_is_noticed(connect):
    with Emulator(EmulatorOptions(granted_scope="tickets:read")) as zendesk:
        with pytest.raises(MissingScope):
            connect(zendesk, CLIENT).newest()
        assert len(zendesk.requests) == 1


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, '{"error":"invalid_scope","error_description":"The requested scope is invalid"}', MissingScope),
        (400, '{"error":"unsupported_grant_type"}', BadCredentials),
        (401, '{"error":"invalid_client"}', BadCredentials),
        (403, "", BadCredentials),
        (404, '{"error":"InvalidEndpoint","description":"Not found"}', WrongSubdomain),
    ],
)
def test_a_refused_client_is_an_error_that_is_not_retried(stub, connect, clock, status, body, error):
    stub.say(stub.reply(status, body))
    with pytest.raises(error) as raised:
        connect(stub, CLIENT).newest()
    assert raised.value.permanent
    assert len(stub.seen) == 1
    assert clock.waits == []


def test_a_refused_client_is_presented_once_by_eight_threads(stub, connect, together):
    stub.say(stub.reply(401, '{"error":"invalid_client"}'))
    client = connect(stub, CLIENT)

    def refused():
        with pytest.raises(BadCredentials):
            client.newest()

    together(refused)
    assert len(stub.seen) == 1


@pytest.mark.parametrize("kind", ["429", "500", "503", "reset"])
def test_a_passing_fault_of_the_token_server_is_survived(zendesk, connect, clock, kind):
    zendesk.inject(Fault(kind, endpoint="oauth"))
    assert connect(zendesk, CLIENT).newest().requests == 3
    assert len(clock.waits) == 1


@pytest.mark.parametrize(
    "body", ["", "<html>", "[]", "{}", '{"access_token":null}', '{"access_token":""}', '{"access_token":"a\\nb"}']
)
def test_a_response_without_a_token_is_malformed_and_not_shown(stub, connect, body):
    stub.say(stub.reply(200, body))
    with pytest.raises(MalformedResponse):
        connect(stub, CLIENT, retry=RetryLimits(attempts=1)).newest()


def test_neither_secret_nor_token_is_in_any_error_or_log(stub, connect, caplog):
    caplog.set_level("DEBUG")
    secret = "s3cret-of-the-client"
    stub.say(
        grant(stub, access_token="s3cret-token"),
        stub.reply(429, f"you sent Bearer s3cret-token and {secret}", headers={"Retry-After": "30"}),
        stub.reply(403, f"you sent Bearer s3cret-token and {secret}"),
    )
    client = connect(stub, ClientCredentials("client", secret))
    with pytest.raises(Exception, match="you sent") as raised:
        client.newest()
    assert "s3cret" not in str(raised.value) + caplog.text
