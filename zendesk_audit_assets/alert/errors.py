"""Why a message did not arrive: for now, or until somebody changes something."""

from __future__ import annotations

from zendesk_audit_assets.errors import AuditError


class NotDelivered(AuditError):
    """The receiver did not take the message this time; it may later."""

    permanent = False


class Undeliverable(AuditError):
    """The receiver refuses the message, and will refuse it again."""


class PrivateTarget(Undeliverable):
    """The address of the receiver lies in a network that alerts may not be sent to."""
