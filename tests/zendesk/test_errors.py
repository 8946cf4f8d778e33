from __future__ import annotations

import pytest

from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, Fault
from zendesk_audit_assets.zendesk import AccessToken, ApiToken, ClientCredentials, MalformedResponse
from zendesk_audit_assets.zendesk.errors import (
    AccountSuspended,
    BadAccountSettings,
    BadCredentials,
    ExpiredToken,
    MissingScope,
    NotAdmin,
    PlanWithoutAuditLogs,
    RateLimited,
    RequestRefused,
    WrongSubdomain,
    ZendeskDown,
    error_for,
)
from zendesk_audit_assets.zendesk.transport import RetryLimits

ONCE = RetryLimits(attempts=1)
NO_ACCESS = '{"error":{"title":"Forbidden","message":"You do not have access to this page."}}'
NO_SCOPE = '{"error":"Forbidden","description":"You are missing the following required scopes: read"}'
NO_ENDPOINT = '{"error":"InvalidEndpoint","description":"Not found"}'


@pytest.mark.parametrize(
    ("status", "body", "error", "permanent"),
    [
        (301, "", WrongSubdomain, True),
        (302, "<html>moved</html>", WrongSubdomain, True),
        (400, '{"error":"InvalidPaginationParameter","description":"sort is not valid"}', RequestRefused, True),
        (401, '{"error":"Couldn\'t authenticate you"}', BadCredentials, True),
        (403, NO_ACCESS, NotAdmin, True),
        (403, NO_SCOPE, MissingScope, True),
        (403, "", NotAdmin, True),
        (404, NO_ENDPOINT, PlanWithoutAuditLogs, True),
        (404, "<html>Oops, this help desk no longer exists</html>", WrongSubdomain, True),
        (404, "", WrongSubdomain, True),
        (402, "Account trial expired", AccountSuspended, True),
        (405, "", RequestRefused, True),
        (407, "", BadAccountSettings, True),
        (451, "", AccountSuspended, True),
        (418, "teapot", RequestRefused, True),
        (422, '{"error":"RecordInvalid"}', RequestRefused, True),
        (204, "", MalformedResponse, False),
        (408, "", ZendeskDown, False),
        (409, "", ZendeskDown, False),
        (429, "slow down", RateLimited, False),
        (500, '{"status":500,"error":"Internal Server Error"}', ZendeskDown, False),
        (502, "<html>", ZendeskDown, False),
        (503, "", ZendeskDown, False),
        (504, "", ZendeskDown, False),
        (599, "", ZendeskDown, False),
    ],
)
def test_each_status_is_one_error_with_a_cause_and_a_remedy(stub, connect, clock, status, body, error, permanent):
    stub.say(stub.reply(status, body))

    with pytest.raises(error) as raised:
        connect(stub, retry=ONCE).newest()
    assert type(raised.value) is error
    assert raised.value.permanent is permanent
    assert str(status) in raised.value.cause
    assert raised.value.remedy.endswith(".")
    assert len(stub.seen) == 1


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 422])
def test_what_only_somebody_can_change_is_never_retried(stub, connect, clock, status):
    stub.say(stub.reply(status))

    with pytest.raises(Exception, match=str(status)):
        connect(stub).newest()
    assert len(stub.seen) == 1
    assert clock.waits == []


def test_a_403_names_both_possible_causes(connect):
    for options in (EmulatorOptions(admin=False), EmulatorOptions(has_audit_logs=False)):
        with Emulator(options) as zendesk, pytest.raises(NotAdmin) as error:
            connect(zendesk).newest()
        assert "lacks permission, or the account's plan has no audit log" in error.value.cause
        assert "custom role with the permission View audit logs" in error.value.remedy


@pytest.mark.parametrize(
    ("status", "message", "bearer", "words"),
    [
        (400, "InvalidFilter: created_at is not valid", True, ["filter by time", "ZENDESK_START_DATE"]),
        (403, "Forbidden", True, ["View audit logs", "Enterprise plan", "scope auditlogs:read", "IP restrictions"]),
        (403, "Forbidden", False, ["View audit logs", "Enterprise plan", "IP restrictions"]),
        (403, "Missing the following required scopes: read", True, ["scope auditlogs:read"]),
        (404, "InvalidEndpoint: Not found", True, ["no audit log", "Enterprise plan"]),
    ],
)
def test_a_refused_first_request_names_what_to_change(status, message, bearer, words):
    error = error_for(status, message, purpose="list", url="https://acme.zendesk.com", settings="X", bearer=bearer)
    assert [word for word in words if word not in str(error)] == []
    assert ("scope" in error.remedy) == any("scope" in word for word in words)


@pytest.mark.parametrize(
    ("credentials", "error", "setting"),
    [
        (ApiToken("admin@example.com", "wrong"), BadCredentials, "ZENDESK_EMAIL and ZENDESK_API_TOKEN"),
        (AccessToken("wrong"), ExpiredToken, "ZENDESK_ACCESS_TOKEN"),
        (ClientCredentials("emulator-client", "wrong"), BadCredentials, "ZENDESK_CLIENT_ID and ZENDESK_CLIENT_SECRET"),
    ],
)
def test_refused_credentials_name_their_settings_and_are_sent_once(zendesk, connect, credentials, error, setting):
    with pytest.raises(error, match=setting):
        connect(zendesk, credentials).newest()
    assert len(zendesk.requests) == 1


@pytest.mark.parametrize(
    "style", ["error", "error_description", "error_object", "errors_list", "text", "html", "empty"]
)
@pytest.mark.parametrize(
    ("kind", "error"), [("401", BadCredentials), ("403", NotAdmin), ("429", RateLimited), ("503", ZendeskDown)]
)
def test_the_status_decides_whatever_shape_the_body_has(zendesk, connect, kind, error, style):
    zendesk.inject(Fault(kind, body_style=style))
    with pytest.raises(error):
        connect(zendesk, retry=ONCE).newest()


@pytest.mark.parametrize(
    ("credentials", "secret"),
    [
        (ApiToken("admin@example.com", "s3cret/+="), "s3cret/+="),
        (AccessToken("s3cret/+="), "s3cret/+="),
    ],
)
def test_an_echoed_secret_is_in_no_error_and_no_log(stub, connect, caplog, credentials, secret):
    header = credentials.authorization
    echo = f"you sent {header} {header.split()[1]} {secret} s3cret%2F%2B%3D"
    stub.say(stub.reply(429, echo, headers={"Retry-After": "30"}), stub.reply(500, echo))

    with pytest.raises(ZendeskDown) as raised:
        connect(stub, credentials).newest()
    assert "you sent" in raised.value.cause
    for text in (str(raised.value), repr(raised.value), caplog.text):
        assert "s3cret" not in text
        assert header.split()[1] not in text
    assert "you sent" in caplog.text
    assert all("s3cret" not in request.path for request in stub.seen)


@pytest.mark.parametrize("status", [403, 503])
def test_a_challenge_of_cloudflare_is_worth_a_retry(stub, connect, clock, status):
    challenge = stub.reply(status, "<html>Just a moment...</html>", headers={"cf-mitigated": "challenge"})
    stub.say(challenge, stub.page([7]))
    assert connect(stub).newest().records == [7]
    stub.say(challenge)
    with pytest.raises(ZendeskDown, match="Cloudflare"):
        connect(stub, retry=ONCE).newest()
