"""PagerDuty, through its Events API v2."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from zendesk_audit_assets.alert.channels.address import http_address
from zendesk_audit_assets.alert.channels.http import post
from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.settings import Account

SEVERITY = {
    "informational": "info",
    "low": "info",
    "medium": "warning",
    "high": "error",
    "critical": "critical",
}
"""PagerDuty's word for each severity."""

_LONGEST_SUMMARY = 1_024


@dataclass(frozen=True)
class PagerDuty:
    """A PagerDuty service, by the integration key of its Events API v2. PagerDuty deduplicates by the message's key."""

    name: ClassVar[str] = "pagerduty"
    key: str = field(repr=False)
    url: str = Account.alert_pagerduty_url.default

    @classmethod
    def from_account(cls, account: Account) -> PagerDuty | None:
        """The configured PagerDuty service. Raises `BadSettings`."""
        if not account.alert_pagerduty_key:
            return None
        return cls(account.alert_pagerduty_key, http_address(account, Account.alert_pagerduty_url))

    def send(self, message: Message) -> None:
        """Post the event. Raises `NotDelivered` or `Undeliverable`."""
        body = orjson.dumps(event(message, self.key))
        post(self.url, body, {"Content-Type": "application/json"}, (self.key,))


def event(message: Message, key: str) -> dict[str, Any]:
    """A `trigger` event; another one with the same `dedup_key` adds to the same alert."""
    return {
        "routing_key": key,
        "event_action": "trigger",
        "dedup_key": message.key,
        "client": "zendesk-audit-assets",
        "payload": {
            "summary": message.headline[:_LONGEST_SUMMARY],
            "source": message.account or "Zendesk audit log",
            "severity": SEVERITY[message.severity],
            "custom_details": message.as_json,
        },
    }
