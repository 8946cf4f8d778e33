"""A file whose tables another program has changed: a sentence that names the table, and never a failed query."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.warehouse.backups import backup
from zendesk_audit_assets.warehouse.catalog import set_meta
from zendesk_audit_assets.warehouse.copies import open_read_only, publish, verify
from zendesk_audit_assets.warehouse.damage import WarehouseUnusable
from zendesk_audit_assets.warehouse.database import Warehouse

DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)
CHANGES = {
    "audit_logs": "DROP TABLE audit_logs",
    "coverage": "ALTER TABLE coverage ALTER window_start TYPE VARCHAR",
    "failed_reads": "DROP TABLE failed_reads; CREATE VIEW failed_reads AS SELECT 1 AS batch_id",
    "finding_decisions": "ALTER TABLE finding_decisions RENAME uid TO id",
}


def _use(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        batches.row_count(connection)
        batches.covered_to(connection)
        batches.reads(connection, Interval(DAY, DAY))
        connection.execute("SELECT batch_id, reason FROM failed_reads")
        connection.execute("SELECT uid FROM finding_decisions")


@pytest.mark.few(6)
@pytest.mark.parametrize(
    "use", [_use, verify, lambda warehouse: backup(warehouse, Path("b.duckdb")), lambda warehouse: publish(warehouse)]
)
@pytest.mark.parametrize("table", CHANGES)
def test_the_changed_table_is_named_with_a_remedy(
    warehouse: Warehouse, table: str, use: Callable[[Warehouse], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    with warehouse.transaction():
        pass
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(CHANGES[table])
    with pytest.raises(WarehouseUnusable, match=rf"Another program has changed the table {table} of .*Restore"):
        use(warehouse)


def test_a_changed_copy_is_told_like_a_changed_warehouse(warehouse: Warehouse) -> None:
    publish(warehouse, force=True)
    with duckdb.connect(str(warehouse.published_path)) as connection:
        connection.execute(CHANGES["audit_logs"])
    with (
        pytest.raises(WarehouseUnusable, match=r"the table audit_logs of .*published.*puts a new copy in its place"),
        open_read_only(warehouse.published_path) as connection,
    ):
        batches.row_count(connection)


def test_a_fault_of_our_own_stays_one(warehouse: Warehouse) -> None:
    with pytest.raises(duckdb.CatalogException), warehouse.transaction() as connection:
        connection.execute("FROM no_such_table")


@pytest.mark.few(2)
@pytest.mark.parametrize("value", ["", "x", "nan", "1e400", "-infinity"])
def test_facts_that_others_wrote_do_not_stop_publication(warehouse: Warehouse, value: str) -> None:
    publish(warehouse, force=True)
    for name in ("published_at", "publish_seconds"):
        with warehouse.transaction() as connection:
            set_meta(connection, name, value)
        assert publish(warehouse) is not None
