"""`backup` and `restore`: a verified copy, and the warehouse from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from zendesk_audit_assets.warehouse.database import Warehouse


def ids(path: Path) -> list[int]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return [id for (id,) in connection.execute("SELECT id FROM audit_logs ORDER BY id").fetchall()]


def lose_an_event(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("DELETE FROM audit_logs WHERE id = 2")


def test_a_restore_brings_the_backup_and_keeps_the_replaced_file(call: Any, stored: Warehouse, folder: Path) -> None:
    made = call("backup", "safe/kept.duckdb")
    assert made.exit_code == 0
    assert "kept.duckdb: 3 events" in made.output
    lose_an_event(stored)
    restored = call("restore", "safe/kept.duckdb")
    assert restored.exit_code == 0
    assert "3 events.\nRun `zendesk-audit sync` next" in restored.output
    assert "The replaced warehouse is now audit.duckdb.before-restore.\n" in restored.output
    assert ids(stored.path) == [1, 2, 3]
    assert ids(folder / "audit.duckdb.before-restore") == [1, 3]
    again = call("restore", "safe/kept.duckdb").output
    assert "2 replaced warehouses are kept" in again
    assert "audit.duckdb.before-restore is the oldest" in again


def test_a_damaged_or_missing_warehouse_can_be_restored(call: Any, stored: Warehouse) -> None:
    call("backup", "kept.duckdb")
    stored.path.write_bytes(b"not a database")
    assert call("restore", "kept.duckdb").exit_code == 0
    assert ids(stored.path) == [1, 2, 3]
    stored.path.unlink()
    restored = call("restore", "kept.duckdb")
    assert (restored.exit_code, "before-restore" in restored.output) == (0, False)
    assert ids(stored.path) == [1, 2, 3]


def test_a_later_backup_replaces_an_earlier_one(call: Any, stored: Warehouse, folder: Path) -> None:
    call("backup", "kept.duckdb")
    lose_an_event(stored)
    call("backup", "kept.duckdb")
    assert ids(folder / "kept.duckdb") == [1, 3]


def test_a_backup_needs_a_warehouse(call: Any, folder: Path) -> None:
    result = call("backup", "kept.duckdb")
    assert result.exit_code == 1
    assert "There is no warehouse" in result.output
    assert not (folder / "kept.duckdb").exists()


@pytest.mark.parametrize("content", [None, b"", b"not a database"], ids=["missing", "empty", "garbage"])
def test_a_wrong_backup_is_rejected_and_the_warehouse_stays(
    call: Any, stored: Warehouse, folder: Path, content: bytes | None
) -> None:
    if content is not None:
        (folder / "wrong.duckdb").write_bytes(content)
    result = call("restore", "wrong.duckdb")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "wrong.duckdb" in line
    assert ids(stored.path) == [1, 2, 3]


def test_another_duckdb_file_is_no_backup(call: Any, stored: Warehouse, folder: Path) -> None:
    with duckdb.connect(str(folder / "other.duckdb")) as connection:
        connection.execute("CREATE TABLE note AS SELECT 1 AS one")
    result = call("restore", "other.duckdb")
    assert result.exit_code == 1
    assert "is not an audit-log warehouse" in result.output
    assert ids(stored.path) == [1, 2, 3]
