"""Records of the audit log."""

from __future__ import annotations

from typing import Any


def record(id: Any = 1, created_at: Any = "2026-01-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
    """A record as Zendesk documents it, with changes."""
    return {
        "url": f"https://demo.zendesk.com/api/v2/audit_logs/{id}.json",
        "id": id,
        "action_label": "Updated",
        "actor_id": 1_000_001,
        "source_id": 2_000_001,
        "source_type": "rule",
        "source_label": "Trigger: Notify requester",
        "action": "update",
        "change_description": "Title changed from A to B",
        "ip_address": "203.0.113.7",
        "created_at": created_at,
        "actor_name": "Ada Admin",
    } | changes
