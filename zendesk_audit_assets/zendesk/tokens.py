"""What goes into the Authorization header, and how it is renewed."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Protocol

from zendesk_audit_assets.zendesk.credentials import Account, ClientCredentials
from zendesk_audit_assets.zendesk.errors import ZendeskError, malformed, missing_scope
from zendesk_audit_assets.zendesk.response import Answer
from zendesk_audit_assets.zendesk.transport import Transport

SCOPE = "auditlogs:read"
SUFFICIENT_SCOPES = {SCOPE, "read"}

# A token is renewed this long before it expires, or a tenth of its life before if that is sooner.
RENEWAL_MARGIN_S = 60.0


class Authorization(Protocol):
    """Both methods may be called from several threads."""

    def header(self) -> str:
        """The value of the Authorization header, now."""

    def renew(self, refused: str) -> bool:
        """Replace the header that Zendesk refused; False if there is no other."""


def authorization_for(account: Account, transport: Transport) -> Authorization:
    if isinstance(account.credentials, ClientCredentials):
        return RenewedToken(f"{account.url}/oauth/tokens", account.credentials, transport)
    return StaticHeader(account.credentials.authorization)


class StaticHeader:
    """An API token or an access token made elsewhere."""

    def __init__(self, header: str) -> None:
        self._header = header

    def header(self) -> str:
        return self._header

    def renew(self, refused: str) -> bool:
        return False


class RenewedToken:
    """The access token of an OAuth client: fetched when first needed, shared, renewed before it expires.

    `client_credentials` brings no refresh token, a renewal is a new request. A refused client is remembered, so
    that several threads do not each present a wrong secret.
    """

    def __init__(
        self,
        url: str,
        credentials: ClientCredentials,
        transport: Transport,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = url
        self._credentials = credentials
        self._transport = transport
        self._now = now
        self._lock = threading.Lock()
        self._header = ""
        self._renew_at = float("-inf")
        self._refusal: ZendeskError | None = None

    def header(self) -> str:
        with self._lock:
            if self._now() >= self._renew_at:
                self._fetch()
            return self._header

    def renew(self, refused: str) -> bool:
        with self._lock:
            if refused == self._header:  # else another thread was first
                self._fetch()
            return True

    def _fetch(self) -> None:
        if self._refusal is not None:
            raise self._refusal
        asked_at = self._now()
        try:
            token, life = self._transport.exchange(
                "POST",
                self._url,
                self._read,
                purpose="token",
                json={
                    "grant_type": "client_credentials",
                    "client_id": self._credentials.client_id,
                    "client_secret": self._credentials.client_secret,
                    "scope": SCOPE,
                },
            )
        except ZendeskError as error:
            if error.permanent:
                self._refusal = error
            raise
        self._header = f"Bearer {token}"
        self._renew_at = asked_at + life - min(RENEWAL_MARGIN_S, life / 10)

    def _read(self, answer: Answer) -> tuple[str, float]:
        """The token and its life in seconds; older clients' tokens have none and last until they are refused."""
        try:
            given = json.loads(answer.body)
        except (ValueError, RecursionError):
            given = None
        token = given.get("access_token") if isinstance(given, dict) else None
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            # The body is not repeated: it may hold a token.
            raise malformed("Zendesk's answer to the request for an access token holds none")
        self._transport.keep_secret(token)
        # An unknown scope still yields a token, which is then refused everywhere. No scope in the answer means the
        # one that was asked for (RFC 6749, 5.1).
        scope = given.get("scope", SCOPE)
        if not isinstance(scope, str) or not SUFFICIENT_SCOPES & set(scope.split()):
            raise missing_scope(f"Zendesk gave an access token without the scope {SCOPE}.")
        life = given.get("expires_in")
        known = isinstance(life, (int, float)) and not isinstance(life, bool) and life > 0
        return token, float(life) if known else float("inf")
