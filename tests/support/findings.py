"""Rows of `findings`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any

import duckdb
import polars as pl

from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.warehouse.catalog import ensure_derived

UTC = timezone.utc
EVENT_AT = datetime(2026, 3, 1, 11, 59, tzinfo=UTC)


def finding(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A row of `findings`, with changes."""
    return {
        "uid": sha256(str(number).encode()).hexdigest(),
        "rule_id": "5b0e8f0c-0000-4000-8000-000000000002",
        "rule": "ZD-002",
        "severity": "high",
        "title": "Admin role granted",
        "explanation": "Ada Admin made Bob an administrator.",
        "actor_id": 1_000_001,
        "actor_name": "Ada Admin",
        "object_type": "user",
        "object_id": 123,
        "object_label": "User: Bob",
        "ip_address": "203.0.113.7",
        "first_event_at": EVENT_AT,
        "last_event_at": EVENT_AT,
        "events": 1,
        "event_ids": [number],
        "attack": ["T1098.003"],
        "experimental": False,
        "remedy": "Ask Ada.",
        "status": "open",
        "part_of": None,
        "found_at": EVENT_AT,
        "batch_id": 1,
    } | changes


def store(connection: duckdb.DuckDBPyConnection, findings: Iterable[dict[str, Any]]) -> None:
    """Put findings into the table, which is made if it is missing."""
    ensure_derived(connection, FINDINGS)
    rows = list(findings)
    if rows:
        frame = pl.DataFrame(rows, infer_schema_length=None)
        connection.register("given", frame)
        connection.execute("INSERT INTO findings BY NAME FROM given")
        connection.unregister("given")
