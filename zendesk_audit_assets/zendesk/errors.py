"""What can go wrong between us and Zendesk: one class per cause, and one function that tells them apart."""

from __future__ import annotations

from typing import Literal

from zendesk_audit_assets.errors import AuditError

# What a request was for decides what a refusal means: the first page of a list (or a count), a page that
# a cursor led to, or an access token.
Purpose = Literal["list", "cursor", "token"]


class ZendeskError(AuditError):
    """Base of every error of the Zendesk side. `retry_after` is the wait in seconds that Zendesk asked for."""

    def __init__(self, cause: str, remedy: str, *, retry_after: float | None = None) -> None:
        super().__init__(cause, remedy)
        self.retry_after = retry_after


class BadAccountSettings(ZendeskError):
    """The account's settings cannot be right, whatever Zendesk says."""


class BudgetFileUnusable(ZendeskError):
    """The file through which processes share the rate limit cannot be read, written or locked."""


class BadCredentials(ZendeskError):
    """Zendesk does not know these credentials (401, or a refused OAuth client)."""


class ExpiredToken(ZendeskError):
    """The access token is expired, revoked or mistyped (401); a static one cannot be renewed from here."""


class NotAdmin(ZendeskError):
    """The user may not read the audit log (403)."""


class PlanWithoutAuditLogs(ZendeskError):
    """The account has no audit log to read: it belongs to the Enterprise plans."""


class MissingScope(ZendeskError):
    """The OAuth token lacks the scope `auditlogs:read` (or the wider `read`)."""


class WrongSubdomain(ZendeskError):
    """There is no such account: no DNS name, 404, or a redirect elsewhere."""


class UntrustedCertificate(ZendeskError):
    """The server's TLS certificate is not trusted by this machine."""


class ForeignLink(ZendeskError):
    """A next-page link leads to another scheme, host or port; credentials are never sent there."""


class ClockSkew(ZendeskError):
    """The server's Date and the local clock are too far apart to say up to when the log was read."""


class RequestRefused(ZendeskError):
    """Zendesk refuses the request itself (400 and the rarer 4xx)."""


class CursorRejected(ZendeskError):
    """Zendesk no longer accepts a cursor (400). Repeating the request is useless, starting again is not."""

    permanent = False


class RateLimited(ZendeskError):
    """The account's request limit is used up (429)."""

    permanent = False


class ZendeskDown(ZendeskError):
    """Zendesk cannot be reached or fails (5xx, dropped, refused or stalled connections)."""

    permanent = False


class MalformedAnswer(ZendeskError):
    """An answer of success that is not what the API promises."""

    permanent = False


class RepeatedCursor(MalformedAnswer):
    """A next-page link that was followed before: paging would never end."""


def error_for(
    status: int,
    said: str,
    *,
    purpose: Purpose,
    url: str,
    settings: str,
    bearer: bool,
    retry_after: float | None = None,
) -> ZendeskError:
    """What an answer that is not a success means: the only place where a status becomes an error.

    `said` is Zendesk's own message in one line, `url` the account's, `settings` the environment variables that
    hold its credentials, `bearer` whether those are an OAuth token. 401 means "not identified", 403 "identified
    but not allowed" (Zendesk help article 10306782115610); a missing feature has been seen as 403 and as 404.
    """
    answer = f"Zendesk answers {status}" + (f" ({said})" if said else "")
    if status == 429:
        return RateLimited(
            f"{answer}: the account's request limit is used up.",
            "Try again later, or take a smaller share of the limit.",
            retry_after=retry_after,
        )
    if status >= 500 or status in (408, 409, 425):
        return ZendeskDown(
            f"{answer}: it cannot serve requests now.",
            "Try again later; https://status.zendesk.com tells of outages.",
            retry_after=retry_after,
        )
    if 300 <= status < 400:
        return WrongSubdomain(
            f"{answer}: {url} redirects elsewhere, and redirects are not followed.",
            "Set ZENDESK_SUBDOMAIN to the account's own subdomain, and leave ZENDESK_BASE_URL empty.",
        )
    if purpose == "token" and status in (400, 401, 403):
        if "scope" in said.lower():
            return missing_scope(f"{answer} when asked for an access token.")
        return BadCredentials(
            f"{answer} when asked for an access token: the OAuth client is not accepted.",
            f"Check {settings}; the client must be active and confidential.",
        )
    if status == 401 and bearer:
        return ExpiredToken(
            f"{answer}: the access token is expired, revoked or mistyped.",
            f"Check {settings}. Access tokens live for minutes to two days; those of an OAuth client "
            "(client credentials) are renewed here.",
        )
    if status == 401:
        return BadCredentials(
            f"{answer}: the e-mail address or the API token is not valid.",
            f"Check {settings}. Zendesk deactivates unused API tokens, and all of them on 2027-04-30: "
            "an OAuth client outlives them.",
        )
    if status == 403 and "scope" in said.lower():
        return missing_scope(f"{answer}.")
    if status == 403:
        return NotAdmin(
            f"{answer}: the user of these credentials is not an administrator, or the account's plan has no audit log.",
            f"Use the credentials of an administrator ({settings}) of an account on an Enterprise plan, "
            "and check the account's IP restrictions.",
        )
    if status == 404 and purpose != "token" and said.startswith(("InvalidEndpoint", "RecordNotFound")):
        # Zendesk's API itself speaks: it is there, the audit log is not.
        return PlanWithoutAuditLogs(
            f"{answer}: {url} has no audit log.",
            "Audit logs belong to the Enterprise plans; if the account is on one, "
            "check that ZENDESK_SUBDOMAIN names the right account.",
        )
    if status == 404:
        return WrongSubdomain(
            f"{answer}: there is no Zendesk account at {url}.",
            "Set ZENDESK_SUBDOMAIN to the part of the account's address before .zendesk.com.",
        )
    if 200 <= status < 300:
        return malformed(f"{answer} where 200 is promised")
    if status == 400 and purpose == "cursor":
        return CursorRejected(f"{answer}: the cursor is not accepted.", "Read the rest of the window afresh.")
    return RequestRefused(
        f"{answer}: the request is not accepted.",
        "Zendesk's API may have changed: look for a newer version of zendesk-audit-assets.",
    )


def missing_scope(cause: str) -> MissingScope:
    return MissingScope(cause, "Give the OAuth client or token the scope auditlogs:read (or read).")


def malformed(cause: str) -> MalformedAnswer:
    return MalformedAnswer(f"{cause}.", "Try again later; if it stays, a proxy or a changed API is in the way.")
