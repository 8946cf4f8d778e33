"""Slack, through the address of an incoming webhook."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import orjson

from zendesk_audit_assets.alert.channels.address import http_address
from zendesk_audit_assets.alert.channels.http import post
from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.settings import Account

# Slack refuses a message with longer texts, or with more fields in a section.
_HEADER, _SECTION, _FIELD, _FIELDS = 150, 3_000, 2_000, 10


@dataclass(frozen=True)
class Slack:
    """A Slack channel."""

    name: ClassVar[str] = "slack"
    url: str = field(repr=False)  # a secret: it is all that it takes to post

    @classmethod
    def from_account(cls, account: Account) -> Slack | None:
        """The configured Slack channel. Raises `BadSettings`."""
        return cls(http_address(account, Account.alert_slack_url)) if account.alert_slack_url else None

    def send(self, message: Message) -> None:
        """Post the message. Raises `NotDelivered` or `Undeliverable`."""
        post(self.url, orjson.dumps(payload(message)), {"Content-Type": "application/json"})


def payload(message: Message) -> dict[str, Any]:
    """The message in Block Kit. All its text is `plain_text`, where a label such as `<!channel>` means nothing."""
    facts = [_plain_text(f"{fact.label}: {fact.text}", _FIELD) for fact in message.facts]
    sections = [
        {"type": "section", "fields": facts[start : start + _FIELDS]} for start in range(0, len(facts), _FIELDS)
    ]
    return {
        # Shown in notifications, and the only text here that Slack reads as markup.
        "text": _escape(message.headline),
        "blocks": [
            {"type": "header", "text": _plain_text(message.headline, _HEADER)},
            {"type": "section", "text": _plain_text(message.explanation or message.title, _SECTION)},
            *sections,
            {"type": "context", "elements": [_plain_text(message.key, _FIELD)]},
        ],
    }


def _plain_text(text: str, longest: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": text[:longest], "emoji": False}


def _escape(text: str) -> str:
    """Escape the three characters that Slack's markup reserves."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
