"""Findings to people: a message for every finding, and the channels that carry it."""

from zendesk_audit_assets.alert.channels import (
    Channel,
    PagerDuty,
    Slack,
    Webhook,
)
from zendesk_audit_assets.alert.email import Mail
from zendesk_audit_assets.alert.errors import NotDelivered, PrivateTarget, Undeliverable
from zendesk_audit_assets.alert.message import (
    Message,
    of_finding,
    of_suppressed,
)
from zendesk_audit_assets.alert.network import Network

__all__ = [
    "Channel",
    "Mail",
    "Message",
    "Network",
    "NotDelivered",
    "PagerDuty",
    "PrivateTarget",
    "Slack",
    "Undeliverable",
    "Webhook",
    "of_finding",
    "of_suppressed",
]
