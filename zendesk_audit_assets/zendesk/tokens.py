"""The Authorization header and its renewal."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable
from typing import Protocol

from zendesk_audit_assets.zendesk.credentials import SCOPE, Credentials, ZendeskAccount
from zendesk_audit_assets.zendesk.errors import ZendeskError, malformed, missing_scope
from zendesk_audit_assets.zendesk.response import Response
from zendesk_audit_assets.zendesk.stopping import NEVER
from zendesk_audit_assets.zendesk.transport import Transport

SUFFICIENT_SCOPES = {SCOPE, "read"}

# A token is renewed this long before it expires, or a tenth of its life before if that is sooner.
RENEWAL_MARGIN_S = 60.0


class Authorization(Protocol):
    """Gives the Authorization header. Any thread may call both methods; they raise `Stopped` once `stop` is set."""

    def header(self, stop: threading.Event = NEVER) -> str:
        """Return the present value of the Authorization header."""

    def renew(self, refused: str, stop: threading.Event = NEVER) -> bool:
        """Replace the header that Zendesk refused; return False if there is no other."""


def authorization_for(account: ZendeskAccount, transport: Transport) -> Authorization:
    header = account.credentials.authorization
    if header is None:
        return RenewedToken(f"{account.url}/oauth/tokens", account.credentials, transport)
    return StaticHeader(header)


class StaticHeader:
    """The header of an API token, or of an access token made elsewhere."""

    def __init__(self, header: str) -> None:
        self._header = header

    def header(self, stop: threading.Event = NEVER) -> str:
        return self._header

    def renew(self, refused: str, stop: threading.Event = NEVER) -> bool:
        return False


class RenewedToken:
    """The access token of an OAuth client: fetched at first use, shared by all threads, renewed before it expires.

    The grant `client_credentials` has no refresh token: a renewal is a new request. A refusal of the client is kept, so
    only one thread presents a wrong secret.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
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

    def header(self, stop: threading.Event = NEVER) -> str:
        with self._lock:
            if self._now() >= self._renew_at:
                self._fetch(stop)
            return self._header

    def renew(self, refused: str, stop: threading.Event = NEVER) -> bool:
        with self._lock:
            if refused == self._header:  # else another thread was first
                self._fetch(stop)
            return True

    def _fetch(self, stop: threading.Event) -> None:
        if self._refusal is not None:
            raise self._refusal
        asked_at = self._now()
        try:
            token, life = self._transport.exchange(
                "POST",
                self._url,
                self._read,
                purpose="token",
                json=self._credentials.grant,
                stop=stop,
            )
        except ZendeskError as error:
            if error.permanent:
                self._refusal = error
            raise
        self._header = f"Bearer {token}"
        self._renew_at = asked_at + life - min(RENEWAL_MARGIN_S, life / 10)

    def _read(self, response: Response) -> tuple[str, float]:
        """Return the token and its life in seconds; tokens of older clients name none and last until refused."""
        try:
            content = json.loads(response.body)
        except (ValueError, RecursionError):
            content = None
        token = content.get("access_token") if isinstance(content, dict) else None
        if not isinstance(token, str) or not re.fullmatch(r"[!-~]+", token):
            # The body is not repeated: it may hold a token.
            raise malformed("Zendesk's response to the request for an access token holds no token")
        self._transport.keep_secret(token)
        # For an unknown scope Zendesk issues a token, and then refuses it everywhere. A response without a scope grants
        # the requested one (RFC 6749, 5.1).
        scope = content.get("scope", SCOPE)
        if not isinstance(scope, str) or not SUFFICIENT_SCOPES & set(scope.split()):
            raise missing_scope(f"Zendesk issued an access token without the scope {SCOPE}.")
        life = content.get("expires_in")
        known = isinstance(life, (int, float)) and not isinstance(life, bool) and life > 0
        return token, float(life) if known else float("inf")
