"""A finding has the columns of its table."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timezone

import duckdb
import pytest

from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.detect.tables import FINDINGS

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
ROW = {
    "uid": "u", "rule_id": "r", "rule": "ZD-001", "severity": "high", "title": "Title", "explanation": "Why.",
    "actor_id": 5, "actor_name": "Ada", "object_type": "user", "object_id": 7, "object_label": None,
    "ip_address": None, "first_event_at": NOW, "last_event_at": NOW, "events": 2, "event_ids": [1, 2],
    "attack": ["T1098"], "experimental": False, "remedy": None, "status": "open", "part_of": None,
    "found_at": NOW, "batch_id": 1,
}  # fmt: skip


def test_the_fields_are_the_columns_of_the_table() -> None:
    assert [field.name for field in fields(Finding)] == [column.name for column in FINDINGS.columns]


def test_a_finding_is_built_from_a_row_in_any_order() -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(FINDINGS.ddl)
        connection.execute(f"INSERT INTO findings VALUES ({', '.join('?' * len(ROW))})", list(ROW.values()))
        answer = connection.sql("SELECT 1 AS other, batch_id, * EXCLUDE (batch_id) FROM findings")
        finding = Finding.from_row(answer.columns, answer.fetchall()[0])
    assert finding == Finding(**{**ROW, "event_ids": (1, 2), "attack": ("T1098",)})  # type: ignore[arg-type]
    assert not finding.is_about_the_log


def test_a_finding_needs_every_column() -> None:
    with pytest.raises(KeyError):
        Finding.from_row(["uid", "event_ids", "attack"], ["u", [], []])
