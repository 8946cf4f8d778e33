"""One entry of the audit log as the emulator keeps it, and as Zendesk writes it."""

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
"""As the value of a field of a partial record: leave that field out."""


class Event(NamedTuple):
    """`created_at` is in epoch seconds; an `actor_name` of None is left out, as in the oldest records."""

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
        """The fields in the order in which Zendesk sends them."""
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
    """Unique ids that follow time only roughly: above 2^40, below 2^53, the low four bits fixed.

    The upper part is a second with up to half a minute of jitter, the lower part a counter.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"ids:{seed}").random  # noqa: S311 -- ids need no secrecy
        self._issued = 0

    def next(self, second: int) -> int:
        self._issued += 1
        jittered = max(0, second - _IDS_BEGIN) + int(self._random() * 30) + _IDS_FLOOR
        return (jittered << 20) | ((self._issued & 0xFFFF) << 4) | 9


_IDS_BEGIN = 1_167_609_600  # 2007-01-01: there was no Zendesk before
_IDS_FLOOR = 1 << 21


def complete_record(partial: Mapping[str, Any], subdomain: str, second: int, record_id: int) -> dict[str, Any]:
    """A whole record from the fields that a test cares about; unknown fields stay, `OMIT` removes one."""
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
    return f"https://{subdomain}.zendesk.com/api/v2/audit_logs/{record_id}.json"


def timestamp(second: int) -> str:
    """Epoch seconds as `YYYY-MM-DDTHH:MM:SSZ`."""
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: Any) -> int:
    """The epoch second of a UTC timestamp without fraction. Raises ValueError for anything else."""
    if not isinstance(text, str):
        raise ValueError(f"{text!r} is not a timestamp")
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())


def encode(record: Mapping[str, Any]) -> bytes:
    """JSON to keep: copied, since the buffer that orjson returns is several times as large as its content."""
    return bytes(memoryview(orjson.dumps(record)))
