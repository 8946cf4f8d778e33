"""The upgrade of findings from version 0.1.0: every decision and delivery stays, and nothing is alerted twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
import pytest

from support.warehouse import transaction
from zendesk_audit_assets.alert import outbox
from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.warehouse.migrations import RELEASED, migrate

UTC = timezone.utc
DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
FOUND_AT = START + 2 * DAY
BEFORE = [migration for migration in RELEASED if migration.name < "0003"]
NAMES = ("ZD-001", "ZD-201", "ZD-202", "ZD-205")
RULES = [rule for rule in load_rules() if rule.name in NAMES]
ID = {rule.name: rule.id for rule in RULES}


def uid(connection: duckdb.DuckDBPyConnection, *parts: Any) -> str:
    """The uid that both versions compute from these parts."""
    return str(connection.execute("SELECT sha256($1)", [" ".join(map(str, parts))]).fetchall()[0][0])


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """A file of version 0.1.0 with events and no findings."""
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate(connection, BEFORE)
        connection.execute(
            """
            INSERT INTO audit_logs BY NAME
            SELECT id, TIMESTAMPTZ '2026-01-01' + id * INTERVAL 1 HOUR AS created_at, 5 AS actor_id, action,
                source_type, change_description, 1 AS batch_id, now() AS inserted_at, 'r' AS run_id
            FROM (VALUES
                (1, 'update', 'account', 'Owner changed from Ada to Bea'),
                (2, 'update', 'account', 'Owner changed from Bea to Ada'),
                (3, 'viewed', 'ticket', NULL)
            ) AS events(id, action, source_type, change_description)
            """
        )
        connection.execute(
            "INSERT INTO coverage VALUES "
            "(1, '2026-01-01', '2026-01-02', '2026-01-02', 'r', 1, 3, 3, 0, 0, '2026-01-02')"
        )
        yield connection


@pytest.fixture
def found(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The uids of findings that version 0.1.0 has stored and delivered."""
    for statement in next(m.sql for m in RELEASED if m.name.startswith("0003")).split(";"):
        if "IF NOT EXISTS findings" in statement:
            connection.execute(statement)
    epoch = int((START + 3 * timedelta(hours=1)).timestamp())
    uids = {
        "open": uid(connection, ID["ZD-001"], 1),
        "closed": uid(connection, ID["ZD-001"], 2),
        "over": uid(connection, ID["ZD-202"], int(START.timestamp()), "batch 1"),
        "word": uid(connection, ID["ZD-205"], epoch, "2026-01-01", "viewed ticket"),
        "off": uid(connection, "a rule that was off"),
    }
    for status, name, event_ids, batch_id in (
        ("open", "ZD-001", [1], 1), ("closed", "ZD-001", [2], 1), ("over", "ZD-202", [], 0), ("word", "ZD-205", [3], 1),
    ):  # fmt: skip
        connection.execute(
            "INSERT INTO findings VALUES ($1, $2, $3, 'high', 'Title', 'Why.', NULL, NULL, NULL, NULL, NULL, NULL, "
            "$4, $4, 1, $5, [], false, $6, $7, $8)",
            [uids[status], ID[name], name, START, event_ids, status.replace("word", "closed"), FOUND_AT, batch_id],
        )
    connection.execute("INSERT INTO findings_forgotten VALUES ($1, 'closed', $2)", [uids["off"], FOUND_AT])
    for one in uids.values():
        connection.execute(
            "INSERT INTO alert_deliveries VALUES ($1, 'slack', 'sent', 1, NULL, $2, $2, $2)", [one, FOUND_AT + DAY]
        )
    return uids


def tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    return {name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()}


def upgrade(connection: duckdb.DuckDBPyConnection) -> None:
    """Migrate, then refresh: two transactions, as in a run."""
    with transaction(connection):
        migrate(connection)
    with transaction(connection):
        findings.refresh(connection, RULES, start=START)


def test_a_migrated_file_has_no_table_of_the_old_version(
    connection: duckdb.DuckDBPyConnection, found: dict[str, str]
) -> None:
    migrate(connection)
    assert not tables(connection) & {"findings", "findings_forgotten", "findings_state", "finding_uids"}


def test_every_decision_stays(connection: duckdb.DuckDBPyConnection, found: dict[str, str]) -> None:
    upgrade(connection)
    stored = dict(connection.execute("SELECT uid, (status, found_at) FROM findings WHERE rule <> 'ZD-205'").fetchall())
    assert stored == {
        found["open"]: ("open", FOUND_AT),
        found["closed"]: ("closed", FOUND_AT),
        found["over"]: ("resolved", FOUND_AT),
    }
    off = "SELECT arg_max(status, decided_at) FROM finding_decisions WHERE uid = $1"
    assert connection.execute(off, [found["off"]]).fetchall() == [("closed",)]


def test_a_finding_whose_uid_changes_keeps_decision_and_delivery(
    connection: duckdb.DuckDBPyConnection, found: dict[str, str]
) -> None:
    upgrade(connection)
    rows = connection.execute(
        "SELECT findings.status, found_at, delivery.status FROM findings JOIN alert_deliveries AS delivery USING (uid) "
        "WHERE rule = 'ZD-205'"
    ).fetchall()
    assert rows == [("closed", FOUND_AT, "sent")]


def test_nothing_is_alerted_twice(connection: duckdb.DuckDBPyConnection, found: dict[str, str]) -> None:
    before = connection.execute("SELECT * EXCLUDE (uid) FROM alert_deliveries ORDER BY ALL").fetchall()
    upgrade(connection)
    outbox.enqueue(connection, ["slack"], SEVERITIES[0], 1000 * DAY, FOUND_AT + 2 * DAY)
    assert connection.execute("SELECT * EXCLUDE (uid) FROM alert_deliveries ORDER BY ALL").fetchall() == before
