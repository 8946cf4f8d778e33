"""Send a POST request to a receiver of alerts."""

from __future__ import annotations

import logging
from base64 import b64encode
from collections.abc import Mapping
from urllib.parse import unquote, unquote_plus, urlsplit

import requests

from zendesk_audit_assets.alert.channels.exchange import (
    THREAD_NAME,
    TIMEOUT_S,
    describe,
    no_answer,
    within_deadline,
)
from zendesk_audit_assets.alert.errors import NotDelivered, Undeliverable

USER_AGENT = "zendesk-audit-assets"

_READ_BYTES = 4_096
# Statuses after which the same request may succeed: timeout, too early, too many.
_TRANSIENT = frozenset({408, 425, 429})
_SHORTEST_SECRET = 8

# At debug level urllib3 logs the path of each request, which is the secret of a Slack webhook.
logging.getLogger("urllib3.connectionpool").addFilter(lambda record: record.threadName != THREAD_NAME)


def post(url: str, body: bytes, headers: Mapping[str, str], secrets: tuple[str, ...] = ()) -> None:
    """Send one POST request. Proxies and REQUESTS_CA_BUNDLE apply as with `requests`; redirects are not followed.

    Messages name the host and never another part of `url`, nor any of the `secrets`.
    Raises `NotDelivered` when a retry may help: no answer within the deadline, a server error, too many requests.
    Raises `Undeliverable` for any other refusal, redirects included.
    """
    host = urlsplit(url).hostname or ""
    hidden = (*secrets, *_secrets_in(url))
    try:
        status, reply = within_deadline(lambda: _exchange(url, body, headers))
    except OSError as fault:  # the base of what requests raises, too
        raise no_answer(host, fault, hidden) from None  # the chain may hold what is hidden
    if not 200 <= status < 300:
        raise _refusal(host, status, describe(reply, hidden))


def _exchange(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    with requests.post(
        url,
        data=body,
        headers={"User-Agent": USER_AGENT, **headers},
        timeout=TIMEOUT_S,
        allow_redirects=False,
        stream=True,  # or a body without an end would be read to memory
    ) as response:
        # A receiver that answers 2xx has the message, whatever its body says.
        reply = b"" if 200 <= response.status_code < 300 else next(response.iter_content(_READ_BYTES), b"")
        return response.status_code, reply


def _secrets_in(url: str) -> tuple[str, ...]:
    """Every part of an address but its host, as it stands and decoded: a webhook's path is all that a sender needs."""
    parts = urlsplit(url)
    header = ""
    if parts.username or parts.password:  # a reply may repeat what it was sent
        header = b64encode(unquote(f"{parts.username or ''}:{parts.password or ''}").encode()).decode()
    # A short part of a path, such as `hook`, is an ordinary word and no secret by itself.
    steps = (step for step in parts.path.split("/") if len(step) >= _SHORTEST_SECRET)
    values = (pair.partition("=")[2] if "=" in pair else pair for pair in parts.query.split("&"))
    whole = (url, parts.path, parts.query, parts.username, parts.password, header)
    found = [part for part in (*whole, *steps, *values) if part and part != "/"]
    return tuple(dict.fromkeys(spelling for part in found for spelling in (part, unquote(part), unquote_plus(part))))


def _refusal(host: str, status: int, reply: str) -> NotDelivered | Undeliverable:
    cause = f"{host} answered {status}{f' ({reply})' if reply else ''}."
    if status >= 500 or status < 200 or status in _TRANSIENT:
        return NotDelivered(cause, "It will be retried.")
    if status < 400:
        return Undeliverable(f"{cause} Redirects are not followed.", "Set the address that it redirects to.")
    return Undeliverable(cause, "Check the address and the key that are set for this channel.")
