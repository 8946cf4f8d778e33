"""Nine months of a small company's log in a warehouse, with everything that is derived from it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.emulator import Event, HistoryOptions, generate_history
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.copies import publish
from zendesk_audit_assets.warehouse.database import Warehouse

START = datetime(2025, 6, 1, tzinfo=timezone.utc)
# In place of `now()`.
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def published_company(folder: Path) -> Warehouse:
    """A warehouse with everything derived, found and delivered, and its published copy."""
    made = Warehouse(folder / "zendesk_audit.duckdb")
    options = HistoryOptions(start=START, end=NOW - timedelta(hours=2), agents=16, events_per_day=30)
    events = [event.record("demo") for event in [*generate_history(options), *_events_that_queries_look_for()]]
    with made.transaction() as connection:
        _fill(connection, events)
        for table in DERIVED:
            refresh.refresh(connection, table)
        findings.refresh(connection, load_rules())
        _deliver(connection)
    assert publish(made, force=True)
    return made


def _events_that_queries_look_for() -> Iterable[Event]:
    then, today = int(START.timestamp()) + 86_400, int(NOW.timestamp()) - 6 * 3600
    secret = "Client secret changed from not set to 9f86d081884c7d65"
    grant = "Support role changed from Agent to Administrator"
    yield Event(then, 1, "update", "oauth_client", 5, "OAuth client: x", secret, 77, "Long Gone", "203.0.113.7")
    yield Event(then - 60, 2, "update", "user", 77, "Team member: Long Gone", grant, 78, "Ada", "203.0.113.8")
    yield Event(today, 3, "update", "rule", 6, "Trigger: Hello", "Title changed from A to B", 78, "Ada", "203.0.113.8")


def _fill(connection: duckdb.DuckDBPyConnection, events: list[dict[str, Any]]) -> None:
    connection.register("incoming", pl.DataFrame(events, infer_schema_length=None))
    connection.execute(
        "INSERT INTO audit_logs BY NAME SELECT * REPLACE (created_at::TIMESTAMPTZ AS created_at), "
        "1 AS batch_id, created_at::TIMESTAMPTZ + INTERVAL 30 SECOND AS inserted_at, 'run' AS run_id FROM incoming"
    )
    connection.execute(
        "INSERT INTO coverage VALUES (1, $1, $2, $2, 'run', 1, $3, $3, 0, 0, $2)", [START, NOW, len(events)]
    )
    connection.unregister("incoming")


def _deliver(connection: duckdb.DuckDBPyConnection) -> None:
    """One alert that was sent, and one that failed."""
    connection.execute(
        "INSERT INTO alert_deliveries BY NAME SELECT uid, 'slack' AS channel, "
        "CASE row_number() OVER (ORDER BY uid) WHEN 1 THEN 'sent' ELSE 'failed' END AS status, 1 AS attempts, "
        "last_event_at + INTERVAL 40 SECOND AS last_tried_at, last_event_at + INTERVAL 40 SECOND AS sent_at "
        "FROM findings WHERE severity IN ('high', 'critical') ORDER BY uid LIMIT 2"
    )
