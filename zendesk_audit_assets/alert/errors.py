"""Why an alert did not arrive: temporarily, or until somebody changes something."""

from __future__ import annotations

from zendesk_audit_assets.errors import AuditError


class NotDelivered(AuditError):
    """The receiver did not take the message this time; a retry may succeed."""

    permanent = False


class Undeliverable(AuditError):
    """The receiver refuses the message and will refuse it again."""
