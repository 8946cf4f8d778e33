"""One exchange with a receiver: bounded in time, with errors that hold none of its secrets."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import requests

from zendesk_audit_assets.alert.errors import NotDelivered
from zendesk_audit_assets.deadline import within
from zendesk_audit_assets.errors import causes
from zendesk_audit_assets.masking import mask
from zendesk_audit_assets.zendesk.error_message import describe_body

# Seconds for each wait for the network, and for the whole exchange, however slowly a receiver answers.
TIMEOUT_S = 10.0
EXCHANGE_S = 30.0

THREAD_NAME = "alert-exchange"

T = TypeVar("T")


def within_deadline(exchange: Callable[[], T]) -> T:
    """The result of `exchange`, or what it raises. Raises `TimeoutError` when it takes more than `EXCHANGE_S`."""
    return within(EXCHANGE_S, exchange, THREAD_NAME)


def no_answer(host: str, fault: BaseException, secrets: tuple[str, ...]) -> NotDelivered:
    """The error for an exchange that broke off; it names the innermost cause."""
    if isinstance(fault, requests.exceptions.InvalidURL | requests.exceptions.InvalidSchema):
        # The cause quotes what it cannot read, such as a part of a proxy's password that holds a slash.
        return NotDelivered(
            f"No request to {host} can be sent: its address or the address of the proxy is not valid.",
            "Check the address and HTTPS_PROXY; a slash in a password is written %2F.",
        )
    *_, innermost = causes(fault)
    reason = describe(str(innermost).encode(), secrets) or type(innermost).__name__
    return NotDelivered(
        f"No answer from {host} ({reason}).", "It will be retried; check the address, the network and its proxy."
    )


def describe(reply: bytes, secrets: tuple[str, ...]) -> str:
    """A receiver's reply on one line: masked, without the `secrets`, and only then cut."""
    return describe_body(mask(reply.decode(errors="replace")).encode(), secrets)
