"""Copies replace their target as a whole, contain all that was committed, and a bad one replaces nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any, BinaryIO

import duckdb
import pytest

from support.warehouse import WRITES_UNTIL_KILLED, events_in, files_beside, no_replace
from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect.tables import FINDING_DECISIONS, LOG_FINDINGS
from zendesk_audit_assets.extract.tables import TABLES
from zendesk_audit_assets.warehouse.backups import backup
from zendesk_audit_assets.warehouse.catalog import META, get_meta, set_meta
from zendesk_audit_assets.warehouse.copies import (
    publish,
    table_rows,
)
from zendesk_audit_assets.warehouse.database import (
    DiskAlmostFull,
    Warehouse,
    WarehouseBusy,
    WarehouseUnusable,
)
from zendesk_audit_assets.warehouse.migrations import MIGRATIONS

pytestmark = pytest.mark.dates

Make = Callable[..., Any]

READS = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
while True:
    print(connection.execute("SELECT count(*) FROM audit_logs").fetchone()[0], flush=True)
    if not sys.stdin.readline():
        break
"""
HOLDS_OPEN = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.readline()
"""


def test_a_published_copy_holds_every_table(warehouse: Warehouse, fill: Make) -> None:
    fill(3)
    published = publish(warehouse)
    assert published is not None
    assert published.path == warehouse.published_path
    assert published.bytes == published.path.stat().st_size
    assert set(published.rows) == {
        table.name for table in (*TABLES, META, MIGRATIONS, DELIVERIES, FINDING_DECISIONS, LOG_FINDINGS)
    }
    assert (published.rows["audit_logs"], published.rows["coverage"]) == (3, 1)
    assert published.rows == table_rows(published.path)
    assert files_beside(published.path) == set()


def test_a_reader_of_the_old_copy_is_not_disturbed(warehouse: Warehouse, fill: Make, program: Make) -> None:
    fill(3)
    publish(warehouse)
    reader = program("-c", READS, warehouse.published_path)
    assert reader.says() == "3"
    fill(2)
    publish(warehouse, force=True)
    reader.tell()
    assert reader.says() == "3"
    assert program("-c", READS, warehouse.published_path).says() == "5"


def test_the_report_of_a_copy_is_true_while_the_old_one_is_read(warehouse: Warehouse, fill: Make) -> None:
    fill(3)
    publish(warehouse)
    with duckdb.connect(str(warehouse.published_path), read_only=True):
        fill(2)
        published = publish(warehouse, force=True)
    assert published is not None
    assert published.rows["audit_logs"] == 5


def test_what_a_killed_writer_committed_is_published(warehouse: Warehouse, program: Make) -> None:
    writer = program("-c", WRITES_UNTIL_KILLED, warehouse.path)
    assert writer.says() == "committed"
    writer.kill()
    publish(warehouse)
    with duckdb.connect(str(warehouse.published_path), read_only=True) as connection:
        assert get_meta(connection, "greeting") == "from the dead"


@pytest.mark.parametrize(
    ("since", "expected"),
    # A copy that was published ahead of the clock delays nothing: the clock has jumped back.
    [(timedelta(seconds=150), False), (timedelta(seconds=250), True), (timedelta(days=-365), True)],
)
def test_publishing_takes_no_more_than_its_share_of_the_time(
    warehouse: Warehouse, since: timedelta, expected: bool
) -> None:
    publish(warehouse)
    with warehouse.transaction() as connection:
        set_meta(connection, "publish_seconds", "10.0")  # 5 % of 200 s
        set_meta(connection, "published_at", (datetime.now(timezone.utc) - since).isoformat())
    assert bool(publish(warehouse)) is expected
    assert publish(warehouse, force=True) is not None


def test_a_copy_that_was_removed_is_published_at_once(warehouse: Warehouse) -> None:
    publish(warehouse)
    with warehouse.transaction() as connection:
        set_meta(connection, "publish_seconds", "1000.0")
    warehouse.published_path.unlink()
    assert publish(warehouse) is not None


@pytest.mark.parametrize("fails", ["copyfileobj", "replace"])
def test_a_copy_that_fails_leaves_the_old_one_and_nothing_else(
    warehouse: Warehouse, fill: Make, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    fill(3)
    publish(warehouse)
    fill(2)

    def fail(_: BinaryIO, target: BinaryIO, length: int) -> None:
        target.write(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((shutil, fails, fail) if fails == "copyfileobj" else (os, fails, no_replace)))
        with pytest.raises(WarehouseUnusable, match=r"is full .No space") as full:
            publish(warehouse, force=True)
    assert str(warehouse.published_path.parent) in full.value.cause
    assert files_beside(warehouse.published_path) == set()
    assert events_in(warehouse.published_path) == 3


def test_a_disk_without_room_for_the_copy_is_left_alone(
    warehouse: Warehouse, fill: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(3)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 10**12, 0))
    with pytest.raises(DiskAlmostFull):
        publish(warehouse)
    with pytest.raises(DiskAlmostFull):
        backup(warehouse, tmp_path / "elsewhere" / "backup.duckdb")
    assert not warehouse.published_path.exists()


def test_room_is_asked_for_where_the_backup_goes(
    warehouse: Warehouse, fill: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(3)
    asked: list[Path] = []
    usage = shutil.disk_usage
    monkeypatch.setattr(shutil, "disk_usage", lambda path: (asked.append(Path(path)), usage(path))[1])
    backup(warehouse, tmp_path / "elsewhere" / "backup.duckdb")
    assert asked == [tmp_path / "elsewhere"]


def test_a_stray_reader_keeps_the_copy_from_being_made_and_is_named(tmp_path: Path, program: Make) -> None:
    warehouse = Warehouse(tmp_path / "audit.duckdb", stray_reader_timeout_s=0.2)
    publish(warehouse)
    reader = program("-c", HOLDS_OPEN, warehouse.path)
    assert reader.says() == "open"
    with pytest.raises(WarehouseBusy):
        publish(warehouse, force=True)
    with pytest.raises(WarehouseBusy), warehouse.locked():
        warehouse.checkpoint()
