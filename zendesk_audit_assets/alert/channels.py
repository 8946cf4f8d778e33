"""The channels over HTTP: Slack, any webhook, PagerDuty. Each sends one message and raises if it did not arrive."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import orjson

from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.alert.network import Network
from zendesk_audit_assets.settings import Account

# Accounts in PagerDuty's EU region have another one: see "Service Regions" in its documentation.
PAGERDUTY_URL = Account.alert_pagerduty_url.default

_PAGERDUTY_SEVERITY = {
    "informational": "info",
    "low": "info",
    "medium": "warning",
    "high": "error",
    "critical": "critical",
}
# Slack refuses a message with longer texts, or with more fields in a section.
_SLACK_HEADER, _SLACK_SECTION, _SLACK_FIELD, _SLACK_FIELDS = 150, 3_000, 2_000, 10
_PAGERDUTY_SUMMARY = 1_024


class Channel(Protocol):
    """A way to reach somebody. `name` is what the warehouse knows it by."""

    @property
    def name(self) -> str: ...

    def send(self, message: Message) -> None:
        """Returns once the receiver has taken it. Raises `NotDelivered` or `Undeliverable`."""


@dataclass(frozen=True)
class Slack:
    """A Slack channel, through the address of an incoming webhook."""

    name: ClassVar[str] = "slack"
    url: str = field(repr=False)  # whoever knows it can post
    network: Network = field(default=Network(), repr=False)

    def send(self, message: Message) -> None:
        self.network.post(self.url, orjson.dumps(slack_payload(message)), {"Content-Type": "application/json"})


@dataclass(frozen=True)
class Webhook:
    """Any receiver of JSON over HTTP.

    `X-Signature` is `sha256=` and the HMAC-SHA256, in hex, over the text of `X-Timestamp` (epoch seconds), a full
    stop and the body; `Idempotency-Key` is the same whenever the message is sent again.
    """

    name: ClassVar[str] = "webhook"
    url: str = field(repr=False)
    secret: str = field(repr=False)
    network: Network = field(default=Network(), repr=False)
    clock: Callable[[], float] = field(default=time.time, repr=False)

    def send(self, message: Message) -> None:
        body = orjson.dumps(message.as_json)
        timestamp = str(int(self.clock()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": message.key,
            "X-Timestamp": timestamp,
            "X-Signature": f"sha256={signature(self.secret, timestamp, body)}",
        }
        self.network.post(self.url, body, headers, (self.secret,))


@dataclass(frozen=True)
class PagerDuty:
    """A PagerDuty service, by the key of its integration with the Events API v2. The alert is de-duplicated there."""

    name: ClassVar[str] = "pagerduty"
    key: str = field(repr=False)
    url: str = PAGERDUTY_URL
    network: Network = field(default=Network(), repr=False)

    def send(self, message: Message) -> None:
        body = orjson.dumps(pagerduty_event(message, self.key))
        self.network.post(self.url, body, {"Content-Type": "application/json"}, (self.key,))


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The hex HMAC-SHA256 that a receiver of the webhook computes as well."""
    return hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()


def slack_payload(message: Message) -> dict[str, Any]:
    """Block Kit. All text is `plain_text`, where a label such as `<!channel>` means nothing."""
    facts = [_plain_text(f"{fact.label}: {fact.text}", _SLACK_FIELD) for fact in message.facts]
    sections = [
        {"type": "section", "fields": facts[start : start + _SLACK_FIELDS]}
        for start in range(0, len(facts), _SLACK_FIELDS)
    ]
    return {
        # Shown in notifications, and the only text here that Slack reads as markup.
        "text": _escaped(message.headline),
        "blocks": [
            {"type": "header", "text": _plain_text(message.headline, _SLACK_HEADER)},
            {"type": "section", "text": _plain_text(message.explanation or message.title, _SLACK_SECTION)},
            *sections,
            {"type": "context", "elements": [_plain_text(message.key, _SLACK_FIELD)]},
        ],
    }


def pagerduty_event(message: Message, key: str) -> dict[str, Any]:
    """A `trigger` event of the Events API v2; the same `dedup_key` adds to the same alert."""
    return {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": message.key,
        "client": "zendesk-audit-assets",
        "payload": {
            "summary": message.headline[:_PAGERDUTY_SUMMARY],
            "source": "Zendesk audit log",
            "severity": _PAGERDUTY_SEVERITY[message.severity],
            "custom_details": message.as_json,
        },
    }


def _plain_text(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:longest], "emoji": False}


def _escaped(text: str) -> str:
    """The three characters that Slack asks to be escaped in its markup."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
