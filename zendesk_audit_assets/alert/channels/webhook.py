"""Any receiver of JSON over HTTP; each request is signed."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar

import orjson

from zendesk_audit_assets.alert.channels.address import both_or_none, http_address
from zendesk_audit_assets.alert.channels.http import post
from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.settings import Account


@dataclass(frozen=True)
class Webhook:
    """A receiver of JSON.

    `X-Signature` is `sha256=` and the HMAC-SHA256, in hex, over the text of `X-Timestamp` (epoch seconds), a full
    stop and the body; `Idempotency-Key` is the same whenever the message is sent again.
    """

    name: ClassVar[str] = "webhook"
    url: str = field(repr=False)
    secret: str = field(repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)

    @classmethod
    def from_account(cls, account: Account) -> Webhook | None:
        """The configured webhook. Raises `BadSettings`."""
        if not both_or_none(account, Account.alert_webhook_url, Account.alert_webhook_secret):
            return None
        return cls(http_address(account, Account.alert_webhook_url), account.alert_webhook_secret)

    def send(self, message: Message) -> None:
        """Post the message. Raises `NotDelivered` or `Undeliverable`."""
        body = orjson.dumps(message.as_json)
        timestamp = str(int(self.clock()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.key,
            "X-Timestamp": timestamp,
            "X-Signature": f"sha256={signature(self.secret, timestamp, body)}",
        }
        post(self.url, body, headers, (self.secret,))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The hex HMAC-SHA256 that a receiver computes to verify a request."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
