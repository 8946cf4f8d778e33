"""`repair`: an id that is stored twice, at two times, and everything that follows from the log without it."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from support.records import record
from support.warehouse import DAY, START, batch
from zendesk_audit_assets.detect import decisions, findings, load_rules
from zendesk_audit_assets.extract import batches, checks
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.catalog import relations
from zendesk_audit_assets.warehouse.database import Warehouse

NOW = datetime(2026, 2, 1, tzinfo=timezone.utc)


@pytest.fixture
def twice(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A warehouse in which event 2 is stored on three days."""
    with warehouse.transaction() as connection:
        for number in range(3):
            day = START + number * DAY
            records = [record(id=2, created_at=f"{day + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}") | {"id": 20 + number}]
            records += [record(id=10 + number, created_at=f"{day + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}")]
            batches.append(connection, [batch(records, Interval(day, day + DAY), day + 2 * DAY)], "run")
        connection.execute("UPDATE audit_logs SET id = 2 WHERE id >= 20")  # as versions before 0.3 could leave it
        for table in DERIVED:
            refresh.refresh(connection, table)
        findings.refresh(connection, load_rules())
        decisions.record(connection, ["known"], "closed")
    monkeypatch.setenv("ZENDESK_AUDIT_DB", str(warehouse.path))
    return warehouse


def ids(warehouse: Warehouse, table: str) -> list[Any]:
    with warehouse.transaction() as connection:
        return connection.execute(f"SELECT id, day(created_at) FROM {table} ORDER BY ALL").fetchall()


ALL = [(2, 1), (2, 2), (2, 3), (10, 1), (11, 2), (12, 3)]


def test_the_check_names_the_command_that_mends_it(twice: Warehouse) -> None:
    (check,) = (one for one in checks.CHECKS if one.name == "ids_are_unique")
    with twice.transaction() as connection:
        assert not checks.ids_are_unique(connection, NOW).passed
    assert "zendesk-audit repair" in check.remedy


def test_it_shows_first_what_it_would_do(twice: Warehouse, call: Any) -> None:
    result = call("repair")
    assert result.exit_code == 0
    assert (
        "Event 2: stays at 2026-01-01 01:00:00 UTC, 2026-01-02 01:00:00, 2026-01-03 01:00:00 UTC set" in result.output
    )
    assert "run `zendesk-audit repair --yes`" in result.output
    assert ids(twice, "audit_logs") == ALL


def test_the_first_row_stays_and_the_others_are_revisions(twice: Warehouse, call: Any) -> None:
    assert "2 rows are in audit_log_revisions now" in call("repair", "--yes").output
    assert ids(twice, "audit_logs") == [(2, 1), (10, 1), (11, 2), (12, 3)]
    assert ids(twice, "audit_log_revisions") == [(2, 2), (2, 3)]
    assert call("repair", "--yes").output == "No event is stored twice.\n"
    with twice.transaction() as connection:
        assert checks.ids_are_unique(connection, NOW).passed
        assert not checks.no_event_has_changed(connection, NOW).passed
        assert connection.execute("SELECT uid, status FROM finding_decisions").fetchall() == [("known", "closed")]


@pytest.mark.faults
def test_tables_that_follow_are_computed_anew(twice: Warehouse, call: Any) -> None:
    call("repair", "--yes")
    with twice.transaction() as connection:
        assert not {"actor_summary", "findings"} & relations(connection)
        for table in DERIVED:
            refresh.refresh(connection, table)
        assert connection.execute("SELECT sum(events) FROM actor_summary").fetchall() == [(4,)]


@pytest.mark.faults
def test_what_was_set_aside_does_not_come_back(twice: Warehouse, call: Any) -> None:
    call("repair", "--yes")
    again = batch(
        [record(id=2, created_at="2026-01-03T01:00:00Z")], Interval(START + 2 * DAY, START + 3 * DAY), START + 9 * DAY
    )
    with twice.transaction() as connection:
        batches.append(connection, [again], "run")
    assert ids(twice, "audit_logs") == [(2, 1), (10, 1), (11, 2), (12, 3)]
    assert ids(twice, "audit_log_revisions") == [(2, 2), (2, 3)]


@pytest.mark.few(1)
@pytest.mark.parametrize("added", [1, 0])
def test_only_what_others_did_to_a_batch_is_told(twice: Warehouse, call: Any, added: int) -> None:
    with twice.transaction() as connection:
        connection.execute(
            f"INSERT INTO audit_logs SELECT * REPLACE (77 AS id) FROM audit_logs WHERE {added} AND id = 12"
        )
    call("repair", "--yes")
    with twice.transaction() as connection:
        for table in DERIVED:
            refresh.refresh(connection, table)
        findings.refresh(connection, load_rules())
        told = connection.execute("SELECT explanation FROM findings WHERE rule = 'ZD-202'").fetchall()
    assert told == added * [("Batch 3 committed 1 events; the log holds 2 of them.",)]


def test_a_row_that_is_equal_in_all_is_no_revision(twice: Warehouse, call: Any) -> None:
    with twice.transaction() as connection:
        connection.execute("INSERT INTO audit_logs SELECT * REPLACE (99 AS batch_id) FROM audit_logs WHERE id = 10")
    call("repair", "--yes")
    assert ids(twice, "audit_logs") == [(2, 1), (10, 1), (11, 2), (12, 3)]
    assert ids(twice, "audit_log_revisions") == [(2, 2), (2, 3)]


def test_without_a_warehouse_it_names_the_command_that_makes_one(call: Any) -> None:
    result = call("repair")
    assert result.exit_code == 1
    assert "Run `zendesk-audit sync`." in result.output
