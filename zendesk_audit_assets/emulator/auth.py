"""Authentication and authorization: API tokens, OAuth access tokens and their scopes."""

from __future__ import annotations

import base64
import binascii
import itertools
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zendesk_audit_assets.emulator.events import timestamp
from zendesk_audit_assets.emulator.options import EmulatorOptions
from zendesk_audit_assets.emulator.responses import (
    COULD_NOT_AUTHENTICATE,
    FORBIDDEN,
    INVALID_TOKEN,
    MISSING_SCOPE,
    ErrorResponse,
)

ADMIN_ID = 1_000_001
_CLIENT_ID = 5_000_001
_MIN_LIFETIME_S, _MAX_LIFETIME_S = 300, 172_800
_READING_SCOPES = {"read", "auditlogs:read"}


@dataclass(frozen=True)
class Token:
    """An OAuth access token; times are in epoch seconds, `expires_at` is None for a token that never expires."""

    id: int
    text: str
    scope: str
    issued_at: float
    expires_at: float | None


class AuthServer:
    """Checks credentials and issues access tokens for one account."""

    def __init__(self, options: EmulatorOptions) -> None:
        self._options = options
        self._numbers = itertools.count(9_000_001)
        scope = options.granted_scope or options.scope
        static = Token(next(self._numbers), options.access_token, scope, 0.0, None)
        self._tokens: dict[str, Token] = {static.text: static}

    def authenticate(self, authorization: str | None, now: float) -> Token | None:
        """The caller's OAuth token, or None for an API token, which has no scope.

        Raises ErrorResponse (401) for any other credentials, and without any.
        """
        kind, _, value = (authorization or "").partition(" ")
        if kind.lower() == "bearer":
            token = self._tokens.get(value.strip())
            if token is None or (token.expires_at is not None and token.expires_at <= now):
                raise ErrorResponse(401, INVALID_TOKEN)
            return token
        user, password = _basic(kind, value)
        if (user, password) != (f"{self._options.email}/token", self._options.api_token):
            raise ErrorResponse(401, COULD_NOT_AUTHENTICATE)
        return None

    def require_audit_logs(self, token: Token | None) -> None:
        """Raises ErrorResponse (403) unless the scope, the role and the plan include the audit log."""
        if token is not None and not _READING_SCOPES & set(token.scope.split()):
            raise ErrorResponse(403, MISSING_SCOPE)
        if not (self._options.admin and self._options.has_audit_logs):
            raise ErrorResponse(403, FORBIDDEN)

    def issue(self, parameters: Mapping[str, Any], now: float) -> dict[str, Any]:
        """Issue a token for a client credentials grant; returns the response body. Raises ErrorResponse (400, 401)."""
        options = self._options
        if parameters.get("grant_type") != "client_credentials":
            raise ErrorResponse(400, _oauth_error("unsupported_grant_type", "This grant type is not supported."))
        if (parameters.get("client_id"), parameters.get("client_secret")) != (options.client_id, options.client_secret):
            raise ErrorResponse(401, _oauth_error("invalid_client", "No such client, or its secret is wrong."))
        scope = str(parameters.get("scope") or options.scope)
        if not set(scope.split()) <= set(options.scope.split()):
            raise ErrorResponse(400, _oauth_error("invalid_scope", "The client may not ask for this scope."))
        lifetime = _lifetime(parameters.get("expires_in"), options.token_lifetime_s)
        granted = options.granted_scope or scope
        token = Token(next(self._numbers), secrets.token_hex(32), granted, now, now + lifetime)
        self._tokens[token.text] = token
        return {
            "access_token": token.text,
            "token_type": "bearer",
            "scope": token.scope,
            "expires_in": lifetime,
        }

    def revoke(self, authorization: str | None) -> None:
        """Revoke the access token of an Authorization header; other credentials stay valid."""
        self._tokens.pop((authorization or "").partition(" ")[2].strip(), None)

    def revoke_all(self) -> None:
        """Revoke every access token."""
        self._tokens.clear()

    def describe(self, token: Token) -> dict[str, Any]:
        """The response body of `/oauth/tokens/current`."""
        return {
            "token": {
                "url": f"https://{self._options.subdomain}.zendesk.com/api/v2/oauth/tokens/{token.id}.json",
                "id": token.id,
                "user_id": ADMIN_ID,
                "client_id": _CLIENT_ID,
                "token": token.text[:10],
                "refresh_token": None,
                "scopes": token.scope.split(),
                "created_at": timestamp(int(token.issued_at)),
                "expires_at": None if token.expires_at is None else timestamp(int(token.expires_at)),
            }
        }

    def user(self, authorization: str | None, now: float) -> dict[str, Any]:
        """The response body of `/users/me`, which describes an anonymous user to callers with a wrong password.

        Raises ErrorResponse (401) only for a wrong API token or access token.
        """
        try:
            self.authenticate(authorization, now)
        except ErrorResponse:
            kind, _, value = (authorization or "").partition(" ")
            if kind.lower() == "bearer" or _basic(kind, value)[0].endswith("/token"):
                raise
            return {"user": {"id": None, "name": "Anonymous user", "email": "invalid@example.com", "role": "end-user"}}
        role = "admin" if self._options.admin else "agent"
        return {"user": {"id": ADMIN_ID, "name": "Ada Admin", "email": self._options.email, "role": role}}


def _basic(kind: str, value: str) -> tuple[str, str]:
    if kind.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def _lifetime(requested: Any, default: int) -> int:
    if requested is None:
        return default
    try:
        return max(_MIN_LIFETIME_S, min(_MAX_LIFETIME_S, int(requested)))
    except (TypeError, ValueError):
        raise ErrorResponse(400, _oauth_error("invalid_request", "expires_in must be a number of seconds.")) from None


def _oauth_error(error: str, description: str) -> dict[str, str]:
    return {"error": error, "error_description": description}
