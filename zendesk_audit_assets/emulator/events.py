"""An audit-log event as the emulator stores it and as Zendesk sends it, and the generator of event ids."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, NamedTuple

import orjson

ACTION_LABELS = {
    "create": "Created",
    "update": "Updated",
    "destroy": "Deleted",
    "exported": "Exported",
    "login": "Signed in",
}

OMIT: Any = object()
"""As the value of a field in a partial record: leave the field out."""


class Event(NamedTuple):
    """One event; `created_at` is in epoch seconds. The record omits an `actor_name` of None, as old records do."""

    created_at: int
    id: int
    action: str
    source_type: str
    source_id: int | None
    source_label: str | None
    change_description: str
    actor_id: int
    actor_name: str | None
    ip_address: str | None

    def record(self, subdomain: str) -> dict[str, Any]:
        """The record, its fields in the order of Zendesk's JSON."""
        record: dict[str, Any] = {
            "url": record_url(subdomain, self.id),
            "id": self.id,
            "action_label": ACTION_LABELS.get(self.action, self.action.capitalize()),
            "actor_id": self.actor_id,
            "source_id": self.source_id,
            "source_type": self.source_type,
            "source_label": self.source_label,
            "action": self.action,
            "change_description": self.change_description,
            "ip_address": self.ip_address,
            "created_at": timestamp(self.created_at),
        }
        if self.actor_name is not None:
            record["actor_name"] = self.actor_name
        return record


class Ids:
    """Generates unique ids between 2^40 and 2^53 that follow time only roughly; the low four bits are fixed.

    The upper part is a second with up to half a minute of jitter, the lower part is a counter.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"ids:{seed}").random  # noqa: S311 -- ids need no secrecy
        self._issued = 0

    def next(self, second: int) -> int:
        """A new id for an event in this epoch second."""
        self._issued += 1
        jittered = max(0, second - _IDS_BEGIN) + int(self._random() * 30) + _IDS_FLOOR
        return (jittered << 20) | ((self._issued & 0xFFFF) << 4) | 9


_IDS_BEGIN = 1_167_609_600  # 2007-01-01, the year in which Zendesk started
_IDS_FLOOR = 1 << 21


def complete_record(partial: Mapping[str, Any], subdomain: str, second: int, record_id: int) -> dict[str, Any]:
    """A complete record from the fields that a test sets. Keeps unknown fields and removes those set to `OMIT`."""
    action = partial.get("action", "update")
    record: dict[str, Any] = {
        "url": record_url(subdomain, partial.get("id", record_id)),
        "id": record_id,
        "action_label": ACTION_LABELS.get(str(action), str(action).capitalize()),
        "actor_id": 1_000_001,
        "source_id": 2_000_001,
        "source_type": "rule",
        "source_label": "Trigger: Notify requester",
        "action": action,
        "change_description": "Title changed from A to B",
        "ip_address": "203.0.113.7",
        "created_at": timestamp(second),
        "actor_name": "Ada Admin",
    }
    record.update(partial)
    return {name: value for name, value in record.items() if value is not OMIT}


def record_url(subdomain: str, record_id: Any) -> str:
    """The address of a record in the API."""
    return f"https://{subdomain}.zendesk.com/api/v2/audit_logs/{record_id}.json"


def timestamp(second: int) -> str:
    """An epoch second as `YYYY-MM-DDTHH:MM:SSZ`."""
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: Any) -> int:
    """The epoch second of `YYYY-MM-DDTHH:MM:SSZ`. Raises ValueError for any other value."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a timestamp")
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())


def encode(record: Mapping[str, Any]) -> bytes:
    """The record as JSON, in a copy: the buffer that orjson returns is several times as large as its content."""
    return bytes(memoryview(orjson.dumps(record)))
