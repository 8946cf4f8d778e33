"""Credentials: API tokens, access tokens, scopes, and the error body of each rejection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from support.patience import PATIENCE_S
from zendesk_audit_assets.emulator import Emulator

LIST = "/api/v2/audit_logs?page[size]=1"
COULD_NOT_AUTHENTICATE = {"error": "Couldn't authenticate you"}


def issue(zendesk: Emulator, **changes: Any) -> requests.Response:
    options = zendesk.options
    parameters = {
        "grant_type": "client_credentials",
        "client_id": options.client_id,
        "client_secret": options.client_secret,
        **changes,
    }
    parameters = {name: value for name, value in parameters.items() if value is not None}
    return requests.post(zendesk.url + "/oauth/tokens", json=parameters, timeout=PATIENCE_S)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_an_api_token_opens_the_log(start: Callable, ask: Callable) -> None:
    zendesk = start()
    response = ask(zendesk, LIST, headers={}, auth=(f"{zendesk.options.email}/token", zendesk.options.api_token))
    assert response.status_code == 200


def test_wrong_or_missing_basic_credentials_are_unauthorized(start: Callable, ask: Callable) -> None:
    zendesk = start()
    email = zendesk.options.email
    for credentials in (None, (f"{email}/token", "wrong"), (email, zendesk.options.api_token), ("x/token", "y")):
        response = ask(zendesk, LIST, headers={}, auth=credentials)
        assert (response.status_code, response.json()) == (401, COULD_NOT_AUTHENTICATE)
    response = ask(zendesk, LIST, headers={"Authorization": "Basic not-base64!"})
    assert (response.status_code, response.json()) == (401, COULD_NOT_AUTHENTICATE)


def test_an_unknown_bearer_token_is_an_invalid_token(start: Callable, ask: Callable) -> None:
    response = ask(start(), LIST, headers=bearer("made-up"))
    assert response.status_code == 401
    assert response.json()["error"] == "invalid_token"
    assert "expired" in response.json()["error_description"]


def test_client_credentials_give_a_token_valid_until_it_expires(
    start: Callable, ask: Callable, clock: Callable
) -> None:
    zendesk = start(clock=clock, token_lifetime_s=600)
    response = issue(zendesk)
    assert response.status_code == 201
    token = response.json()
    assert (token["token_type"], token["scope"], token["expires_in"]) == ("bearer", "auditlogs:read", 600)
    assert "refresh_token" not in token

    clock.advance(599)
    assert ask(zendesk, LIST, headers=bearer(token["access_token"])).status_code == 200
    clock.advance(1)
    expired = ask(zendesk, LIST, headers=bearer(token["access_token"]))
    assert (expired.status_code, expired.json()["error"]) == (401, "invalid_token")
    assert ask(zendesk, LIST, headers=bearer(issue(zendesk).json()["access_token"])).status_code == 200


def test_a_token_may_be_asked_for_with_a_form(start: Callable) -> None:
    zendesk = start()
    form = {
        "grant_type": "client_credentials",
        "client_id": zendesk.options.client_id,
        "client_secret": zendesk.options.client_secret,
    }
    assert requests.post(zendesk.url + "/oauth/tokens", data=form, timeout=PATIENCE_S).status_code == 201


@pytest.mark.parametrize(("requested", "granted"), [(60, 300), (3600, 3600), (999_999, 172_800), (None, 1800)])
def test_a_lifetime_stays_between_five_minutes_and_two_days(
    start: Callable, requested: int | None, granted: int
) -> None:
    assert issue(start(), expires_in=requested).json()["expires_in"] == granted


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"scope": "auditlogs:read write"}, 400, "invalid_scope"),
        ({"expires_in": "soon"}, 400, "invalid_request"),
    ],
)
def test_an_invalid_token_request_is_rejected(start: Callable, changes: dict, status: int, error: str) -> None:
    response = issue(start(), **changes)
    assert (response.status_code, response.json()["error"]) == (status, error)


def test_a_body_that_is_no_json_is_a_bad_request(start: Callable) -> None:
    headers = {"Content-Type": "application/json"}
    for body in ("{", "[1]"):
        response = requests.post(start().url + "/oauth/tokens", data=body, headers=headers, timeout=PATIENCE_S)
        assert response.status_code == 400


def test_a_token_without_a_reading_scope_is_forbidden(start: Callable, ask: Callable) -> None:
    zendesk = start(scope="tickets:read auditlogs:read")
    narrow = issue(zendesk, scope="tickets:read").json()
    response = ask(zendesk, LIST, headers=bearer(narrow["access_token"]))
    assert response.status_code == 403
    assert response.json() == {
        "error": "Forbidden",
        "description": "You are missing the following required scopes: read",
    }
    assert ask(zendesk, LIST, headers=bearer(issue(zendesk).json()["access_token"])).status_code == 200


def test_a_token_may_carry_another_scope_than_requested(start: Callable, ask: Callable) -> None:
    zendesk = start(granted_scope="audit_log:read")
    token = issue(zendesk, scope="auditlogs:read").json()
    assert token["scope"] == "audit_log:read"
    assert ask(zendesk, LIST, headers=bearer(token["access_token"])).status_code == 403


@pytest.mark.parametrize("options", [{"admin": False}, {"has_audit_logs": False}])
def test_a_missing_role_or_plan_is_forbidden(start: Callable, ask: Callable, options: dict) -> None:
    zendesk = start(**options)
    credentials = (f"{zendesk.options.email}/token", zendesk.options.api_token)
    for response in (ask(zendesk, LIST), ask(zendesk, LIST, headers={}, auth=credentials)):
        assert response.status_code == 403
        assert response.json()["error"]["title"] == "Forbidden"


def test_users_me_succeeds_for_anonymous_and_wrong_passwords(start: Callable, ask: Callable) -> None:
    zendesk = start()
    for credentials in (None, (zendesk.options.email, "wrong password")):
        response = ask(zendesk, "/api/v2/users/me.json", headers={}, auth=credentials)
        assert response.status_code == 200
        assert response.json()["user"]["id"] is None
        assert response.json()["user"]["name"] == "Anonymous user"


def test_users_me_returns_the_admin_and_rejects_wrong_tokens(start: Callable, ask: Callable) -> None:
    zendesk = start()
    user = ask(zendesk, "/api/v2/users/me").json()["user"]
    assert (user["email"], user["role"]) == (zendesk.options.email, "admin")
    assert user["id"] is not None
    wrong = (f"{zendesk.options.email}/token", "wrong")
    assert ask(zendesk, "/api/v2/users/me", headers={}, auth=wrong).status_code == 401
    assert ask(zendesk, "/api/v2/users/me", headers=bearer("wrong")).status_code == 401


def test_the_current_token_has_scopes_and_expiry(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock)
    headers = bearer(issue(zendesk).json()["access_token"])
    token = ask(zendesk, "/api/v2/oauth/tokens/current.json", headers=headers).json()["token"]
    assert token["scopes"] == ["auditlogs:read"]
    assert token["created_at"] == "2026-03-04T05:06:07Z"
    assert token["expires_at"] == "2026-03-04T05:36:07Z"
    assert ask(zendesk, "/api/v2/oauth/tokens/current").json()["token"]["expires_at"] is None


def test_revoked_tokens_are_void(start: Callable, ask: Callable) -> None:
    zendesk = start()
    headers = bearer(issue(zendesk).json()["access_token"])
    zendesk.revoke_tokens()
    assert ask(zendesk, LIST, headers=headers).status_code == 401
    assert ask(zendesk, LIST).status_code == 401
