"""The errors of the Zendesk side: one class per cause, and one function that derives it from a status."""

from __future__ import annotations

from typing import Literal

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.settings import Account

# The purpose of a request decides the meaning of a refusal: the first page of a list (or a count), a page behind a
# cursor, or an access token.
Purpose = Literal["list", "cursor", "token"]


class ZendeskError(AuditError):
    """Base of every error of the Zendesk side.

    `retry_after` is the wait in seconds that Zendesk asks for, `body` the response of success that cannot be read.
    """

    def __init__(self, cause: str, remedy: str, *, retry_after: float | None = None, body: bytes = b"") -> None:
        super().__init__(cause, remedy)
        self.retry_after = retry_after
        self.body = body


class BadAccountSettings(ZendeskError):
    """The account's settings are wrong, whatever Zendesk says."""


class BadCredentials(ZendeskError):
    """Zendesk does not know the credentials (401, or a refused OAuth client)."""


class ExpiredToken(ZendeskError):
    """The access token is expired, revoked or mistyped (401); a static one cannot be renewed here."""


class NotAdmin(ZendeskError):
    """The user may not read the audit log (403)."""


class PlanWithoutAuditLogs(ZendeskError):
    """The account has no audit log: only Enterprise plans have one."""


class AccountSuspended(ZendeskError):
    """Zendesk serves nothing of the account (402, 451)."""


class MissingScope(ZendeskError):
    """The OAuth token lacks the scope `auditlogs:read` (or the wider `read`)."""


class WrongSubdomain(ZendeskError):
    """The account does not exist: no DNS name, 404, or a redirect elsewhere."""


class UntrustedCertificate(ZendeskError):
    """This machine does not trust the server's TLS certificate."""


class ForeignLink(ZendeskError):
    """A link to the next page leads to another scheme, host or port; the client never sends credentials there."""


class ClockSkew(ZendeskError):
    """The server's Date and the local clock are too far apart to record coverage."""


class RequestRefused(ZendeskError):
    """Zendesk refuses the request itself (400 and the rarer 4xx)."""


class CursorRejected(ZendeskError):
    """Zendesk no longer accepts a cursor (400). A repeated request fails again, a restart of the window does not."""

    permanent = False


class RateLimited(ZendeskError):
    """The account's request limit is used up (429)."""

    permanent = False


class ZendeskDown(ZendeskError):
    """Zendesk cannot be reached or fails (5xx, dropped, refused or stalled connections)."""

    permanent = False


class MalformedResponse(ZendeskError):
    """A successful response breaks the promises of the API."""

    permanent = False


class LargeResponse(MalformedResponse):
    """A response holds more than this program takes. A repeated request fails again, one for fewer records may not."""


class RepeatedCursor(MalformedResponse):
    """A link to the next page repeats: paging would never end."""


def error_for(
    status: int,
    message: str,
    *,
    purpose: Purpose,
    url: str,
    settings: str,
    bearer: bool,
    retry_after: float | None = None,
    challenged: bool = False,
) -> ZendeskError:
    """Return the error for a response without success: the only place where a status becomes an error.

    `message` is Zendesk's own message in one line, `url` the account's address, `settings` the environment variables
    with its credentials, `bearer` tells whether these are an OAuth token, `challenged` whether Cloudflare in front of
    Zendesk asks for proof of a browser. 401 means "not identified", 403 "identified
    but not allowed" (Zendesk help article 10306782115610); a missing feature shows as 403 or as 404.
    """
    status_line = f"Zendesk responds with {status}" + (f" ({message})" if message else "")
    if status == 429:
        return RateLimited(
            f"{status_line}: the account's request limit is used up.",
            "Try again later, or take a smaller share of the limit.",
            retry_after=retry_after,
        )
    if challenged:
        return ZendeskDown(
            f"Cloudflare, in front of Zendesk, responds with {status}: it takes this program for an attacker.",
            "Try again later; if the error stays, ask Zendesk to let this machine's address through.",
            retry_after=retry_after,
        )
    if status >= 500 or status in (408, 409, 425):
        return ZendeskDown(
            f"{status_line}: it cannot serve requests now.",
            "Try again later; https://status.zendesk.com lists outages.",
            retry_after=retry_after,
        )
    if 300 <= status < 400:
        return WrongSubdomain(
            f"{status_line}: {url} redirects elsewhere, and this client follows no redirect.",
            f"Set {Account.subdomain.name} to the account's own subdomain, and leave {Account.base_url.name} empty.",
        )
    if purpose == "token" and status in (400, 401, 403):
        if "scope" in message.lower():
            return missing_scope(f"{status_line} to the request for an access token.")
        return BadCredentials(
            f"{status_line} to the request for an access token: it does not accept the OAuth client.",
            f"Check {settings}; the client must be active and confidential.",
        )
    if status == 401 and bearer:
        return ExpiredToken(
            f"{status_line}: the access token is expired, revoked or mistyped.",
            f"Check {settings}. An access token lasts for minutes to two days; with the client credentials "
            "of an OAuth client, tokens renew themselves.",
        )
    if status == 401:
        return BadCredentials(
            f"{status_line}: the e-mail address or the API token is not valid.",
            f"Check {settings}. Zendesk deactivates unused API tokens, and all of them on 2027-04-30: "
            "an OAuth client outlives them.",
        )
    if status == 403 and "scope" in message.lower():
        return missing_scope(f"{status_line}.")
    if status == 403:
        scope = " give an OAuth token the scope auditlogs:read (or read);" if bearer else ""
        return NotAdmin(
            f"{status_line}: the user of these credentials lacks permission, or the account's plan has no audit log.",
            "Use the credentials of an administrator, or of a custom role with the permission View audit logs "
            f"({settings}), on an Enterprise plan;{scope} check the account's IP restrictions.",
        )
    if status == 404 and purpose != "token" and message.startswith(("InvalidEndpoint", "RecordNotFound")):
        # This message comes from Zendesk's API: the account exists, its audit log does not.
        return PlanWithoutAuditLogs(
            f"{status_line}: {url} has no audit log.",
            "Audit logs need an Enterprise plan; if the account is on one, "
            f"check that {Account.subdomain.name} names the right account.",
        )
    if status == 404:
        return WrongSubdomain(
            f"{status_line}: there is no Zendesk account at {url}.",
            f"Set {Account.subdomain.name} to the part of the account's address before .zendesk.com.",
        )
    if status == 402:
        return AccountSuspended(
            f"{status_line}: the account is suspended, or its trial is over.", "Renew the account's subscription."
        )
    if status == 407:
        return BadAccountSettings(
            f"{status_line}: a proxy asks for a name and a password.",
            "Write them into HTTPS_PROXY, as http://name:password@host:port.",
        )
    if status == 451:
        return AccountSuspended(
            f"{status_line}: the account is not available from here, for legal reasons.", "Ask Zendesk's support."
        )
    if 200 <= status < 300:
        return malformed(f"{status_line} instead of 200")
    if status == 400 and purpose == "cursor":
        return CursorRejected(
            f"{status_line}: it no longer accepts the cursor.",
            "Try again later; if the error stays, ask Zendesk's support.",
        )
    if status == 400 and purpose == "list":
        return RequestRefused(
            f"{status_line}: it does not accept the filter by time, or another part of the first request.",
            f"Correct {Account.start_date.name} if the message is about a date; otherwise install a newer version of "
            "zendesk-audit-assets, because Zendesk's API may have changed.",
        )
    return RequestRefused(
        f"{status_line}: it does not accept the request.",
        "Zendesk's API may have changed: install a newer version of zendesk-audit-assets.",
    )


def missing_scope(cause: str) -> MissingScope:
    return MissingScope(cause, "Give the OAuth client or token the scope auditlogs:read (or read).")


def malformed(cause: str, error: type[MalformedResponse] = MalformedResponse) -> MalformedResponse:
    return error(
        f"{cause}.", "Try again later; if the error stays, look for a proxy in between or a change of the API."
    )
