"""A finding, from the warehouse to the message that a person reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Finding:
    """A row of the table `findings`; the fields are its columns, in the same order.

    `batch_id` is 0 when the finding is about the log itself; it then has no `event_ids`.
    """

    uid: str
    rule_id: str
    rule: str
    severity: str
    title: str
    explanation: str
    actor_id: int | None
    actor_name: str | None
    object_type: str | None
    object_id: int | None
    object_label: str | None
    ip_address: str | None
    first_event_at: datetime
    last_event_at: datetime
    events: int
    event_ids: tuple[int, ...]
    attack: tuple[str, ...]
    experimental: bool
    remedy: str | None
    status: str
    part_of: str | None
    found_at: datetime
    batch_id: int

    @classmethod
    def from_row(cls, columns: Sequence[str], row: Sequence[Any]) -> Finding:
        """Build the finding from a row of a query and the names of its columns, in any order.

        Columns that are no field are ignored. Raises `KeyError` when a field has no column.
        """
        values = dict(zip(columns, row, strict=True))
        values["event_ids"] = tuple(values["event_ids"])
        values["attack"] = tuple(values["attack"])
        return cls(**{field.name: values[field.name] for field in fields(cls)})

    @property
    def is_about_the_log(self) -> bool:
        """Whether the finding is about the log itself, not about events in it."""
        return self.batch_id == 0
