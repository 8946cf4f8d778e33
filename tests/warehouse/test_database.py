"""One writer at a time, all or nothing, and a sentence for whatever keeps a file from being used."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pytest

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.warehouse.catalog import get_meta, scalar, set_meta
from zendesk_audit_assets.warehouse.copies import open_read_only
from zendesk_audit_assets.warehouse.database import (
    DISK_RESERVE_BYTES,
    DiskAlmostFull,
    Warehouse,
    WarehouseBusy,
    WarehouseUnusable,
)
from zendesk_audit_assets.warehouse.migrations import NewerWarehouse, NotAWarehouse

NOBODY = 65534

# Programs of their own; each is given the path of the warehouse.
OPENED = """
import sys
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.catalog import get_meta, set_meta
warehouse = Warehouse(sys.argv[1])
"""
HOLDS = (
    OPENED
    + """
with warehouse.transaction() as connection:
    set_meta(connection, "held", "yes")
    print("holding", flush=True)
    sys.stdin.readline()
"""
)
COUNTS = (
    OPENED
    + """
print("ready", flush=True)
sys.stdin.readline()
for _ in range(15):
    with warehouse.transaction() as connection:
        set_meta(connection, "count", str(int(get_meta(connection, "count") or 0) + 1))
"""
)
APPENDS_FOR_EVER = (
    OPENED
    + """
from datetime import datetime, timedelta, timezone
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract import batches as log
from zendesk_audit_assets.extract.frames import parse_page, to_frames

start = datetime(2026, 1, 1, tzinfo=timezone.utc)
second = 0
while True:
    records = [{"id": second * 50 + n, "created_at": f"{start + timedelta(seconds=second):%Y-%m-%dT%H:%M:%SZ}"}
               for n in range(50)]
    rows = to_frames([parse_page(records, lambda: records)])
    window = Interval(start + timedelta(seconds=second), start + timedelta(seconds=second + 1))
    with warehouse.transaction() as connection:
        log.append(connection, [log.Batch(window, window.end, 1, rows.rows, rows.rejects)], "run")
    second += 1
    print(second, flush=True)
"""
)
READS = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("reading", flush=True)
sys.stdin.readline()
"""
WRITES_TOO_MUCH = (
    OPENED
    + """
import resource
from zendesk_audit_assets.warehouse.database import WarehouseUnusable
resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, resource.RLIM_INFINITY))
try:
    with warehouse.transaction() as connection:
        connection.execute(
            "INSERT INTO warehouse_meta SELECT 'n' || i, hash(i)::VARCHAR || hash(-i)::VARCHAR FROM range(100_000) t(i)"
        )
except WarehouseUnusable as error:
    print(error, flush=True)
"""
)

Start = Callable[..., Any]


def test_what_a_transaction_wrote_is_there_for_the_next(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        set_meta(connection, "greeting", "hello")
    with warehouse.transaction() as connection:
        assert get_meta(connection, "greeting") == "hello"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit, duckdb.Error])
def test_any_exception_rolls_back_and_closes(warehouse: Warehouse, error: type[BaseException]) -> None:
    opened: list[duckdb.DuckDBPyConnection] = []

    def write_and_fail() -> None:
        with warehouse.transaction() as connection:
            opened.append(connection)
            set_meta(connection, "greeting", "hello")
            raise error

    with pytest.raises(error):
        write_and_fail()
    with pytest.raises(duckdb.ConnectionException):
        opened[0].execute("SELECT 1")
    with warehouse.transaction() as connection:
        assert get_meta(connection, "greeting") is None


def test_a_connection_is_closed_after_its_transaction(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        pass
    with pytest.raises(duckdb.ConnectionException):
        connection.execute("SELECT 1")


def test_times_are_utc_whatever_the_zone_of_the_host(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        with warehouse.transaction() as connection:
            assert str(scalar(connection, "SELECT TIMESTAMPTZ '2026-01-01 00:00:00+00'::VARCHAR")).startswith(
                "2026-01-01 00:00:00+00"
            )
            assert scalar(connection, "SELECT current_setting('TimeZone')") == "UTC"
    finally:
        monkeypatch.undo()
        time.tzset()


def test_folders_on_the_way_are_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "audit.duckdb"
    with Warehouse(path).transaction():
        pass
    assert path.exists()


@pytest.mark.faults
def test_writers_in_several_processes_queue_and_none_is_lost(warehouse: Warehouse, program: Start) -> None:
    writers = [program("-c", COUNTS, warehouse.path) for _ in range(3)]
    assert [writer.says() for writer in writers] == ["ready"] * 3
    for writer in writers:
        writer.tell()
    assert [writer.end() for writer in writers] == [0, 0, 0]
    with warehouse.transaction() as connection:
        assert get_meta(connection, "count") == "45"


def test_a_writer_that_does_not_end_is_named_busy_with_a_remedy(warehouse: Warehouse, program: Start) -> None:
    assert program("-c", HOLDS, warehouse.path).says() == "holding"
    impatient = Warehouse(warehouse.path, lock_timeout_s=0.1)
    with pytest.raises(WarehouseBusy, match=str(warehouse.path)) as busy, impatient.transaction():
        pass
    assert "Dagster UI" in busy.value.remedy
    assert not busy.value.permanent


def test_a_long_wait_for_others_is_told(
    warehouse: Warehouse, program: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("zendesk_audit_assets.warehouse.database.NOTABLE_WAIT_S", 0.05)
    monkeypatch.setattr("zendesk_audit_assets.warehouse.database.ATTEMPTS_UNTOLD", 1)
    impatient = Warehouse(warehouse.path, lock_timeout_s=0.1, stray_reader_timeout_s=0.1)
    writer = program("-c", HOLDS, warehouse.path)
    assert writer.says() == "holding"
    with pytest.raises(WarehouseBusy), impatient.transaction():
        pass
    writer.tell()
    assert writer.end() == 0
    with duckdb.connect(str(warehouse.path)), pytest.raises(WarehouseBusy), impatient.transaction():
        pass
    path = warehouse.path
    assert caplog.messages == [
        f"Another run is writing to {path}: waiting for up to 0 s until it has finished.",
        f"Another program has {path} open: waiting for up to 0 s until it closes it.",
    ]


def test_a_writer_waits_for_the_one_before_it(warehouse: Warehouse, program: Start) -> None:
    holder = program("-c", HOLDS, warehouse.path)
    assert holder.says() == "holding"
    holder.tell()
    with warehouse.transaction() as connection:
        assert get_meta(connection, "held") == "yes"


def test_a_stray_reader_is_named_busy_with_the_copy_to_read_instead(warehouse: Warehouse, program: Start) -> None:
    with warehouse.transaction():
        pass
    reader = program("-c", READS, warehouse.path)
    assert reader.says() == "reading"
    impatient = Warehouse(warehouse.path, stray_reader_timeout_s=0.3)
    with pytest.raises(WarehouseBusy, match=f"PID {reader.process.pid}") as busy, impatient.transaction():
        pass
    assert str(warehouse.published_path) in busy.value.remedy
    assert not busy.value.permanent
    reader.tell()
    with warehouse.transaction():  # waits until the reader has gone
        pass


def test_a_stray_reader_in_this_process_is_named_busy_too(warehouse: Warehouse) -> None:
    with warehouse.transaction():
        pass
    impatient = Warehouse(warehouse.path, stray_reader_timeout_s=0.1)
    with duckdb.connect(str(warehouse.path)), pytest.raises(WarehouseBusy), impatient.transaction():
        pass


def test_a_killed_writer_leaves_nothing_half_done_and_holds_nothing(warehouse: Warehouse, program: Start) -> None:
    holder = program("-c", HOLDS, warehouse.path)
    assert holder.says() == "holding"
    holder.kill()
    with Warehouse(warehouse.path, lock_timeout_s=5, stray_reader_timeout_s=5).transaction() as connection:
        assert get_meta(connection, "held") is None


@pytest.mark.faults
def test_a_kill_between_commits_keeps_whole_batches_only(warehouse: Warehouse, program: Start) -> None:
    for _ in range(2):
        writer = program("-c", APPENDS_FOR_EVER, warehouse.path)
        while (committed := int(writer.says())) < 10:
            pass
        writer.kill()
        with warehouse.transaction() as connection:
            batches = scalar(connection, "SELECT count(*) FROM coverage")
            assert batches >= committed
            assert scalar(connection, "SELECT count(*) FROM audit_logs") == 50 * batches
            connection.execute("DELETE FROM audit_logs")
            connection.execute("DELETE FROM coverage")


def test_a_commit_that_fails_says_so_and_loses_nothing(warehouse: Warehouse, program: Start) -> None:
    with warehouse.transaction() as connection:
        set_meta(connection, "greeting", "hello")
    # The kernel refuses to let the file grow, as a full disk does.
    said = program("-c", WRITES_TOO_MUCH, warehouse.path).says()
    assert str(warehouse.path) in said
    assert "what was committed is kept" in said
    with warehouse.transaction() as connection:
        assert get_meta(connection, "greeting") == "hello"
        assert scalar(connection, "SELECT count(*) FROM warehouse_meta") == 2


class Obstacle(NamedTuple):
    path: Path
    says: str


@pytest.fixture(params=["other file", "empty file", "folder", "below a file", "no permission", "long name"])
def obstacle(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Obstacle]:
    """A path that cannot be a warehouse, and what must be said of it."""
    path = tmp_path / "audit.duckdb"
    if request.param == "other file":
        path.write_text("Zendesk's audit log, kept in a text file.\n" * 1000)
        yield Obstacle(path, "cannot be opened as a DuckDB database")
    elif request.param == "empty file":
        path.touch()
        yield Obstacle(path, "cannot be opened as a DuckDB database")
    elif request.param == "folder":
        path.mkdir()
        yield Obstacle(path, "is not a plain file")
    elif request.param == "below a file":
        path.touch()
        yield Obstacle(path / "audit.duckdb", "audit.duckdb cannot be used .it is not a folder")
    elif request.param == "long name":
        yield Obstacle(tmp_path / ("x" * 300) / "audit.duckdb", "cannot be used .File name too long")
    else:
        tmp_path.chmod(0o500)
        user = os.geteuid()
        if user == 0:
            os.seteuid(NOBODY)
        yield Obstacle(path, "cannot be used .Permission denied")
        os.seteuid(user)
        tmp_path.chmod(0o700)


def test_what_is_no_warehouse_is_refused_at_once(obstacle: Obstacle, monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy file would be tried for a minute, the lock for ten.
    monkeypatch.setattr(time, "sleep", lambda seconds: pytest.fail(f"waits for {seconds} s"))
    with pytest.raises(WarehouseUnusable, match=obstacle.says) as unusable, Warehouse(obstacle.path).transaction():
        pass
    assert "ZENDESK_AUDIT_DB" in unusable.value.remedy
    assert unusable.value.permanent


def test_a_newer_file_is_refused_and_left_as_it_is(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        connection.execute("INSERT INTO migrations VALUES ('9001_from_the_future', now())")
    with pytest.raises(NewerWarehouse) as newer, warehouse.transaction():
        pass
    assert newer.value.cause.count(".") == 1
    assert "9001_from_the_future" in newer.value.cause
    assert "Upgrade" in newer.value.remedy
    with duckdb.connect(str(warehouse.path)) as connection:
        assert scalar(connection, "SELECT max(name) FROM migrations") == "9001_from_the_future"


def test_a_file_made_by_duckdb_with_its_defaults_can_be_used(warehouse: Warehouse) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("SELECT 1")
    with warehouse.transaction() as connection:
        set_meta(connection, "greeting", "hello")
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("CREATE TABLE notes AS SELECT 'mine' AS note")
    with warehouse.transaction() as connection:
        assert scalar(connection, "SELECT note FROM notes") == "mine"


FOREIGN = {
    "other table": "CREATE TABLE notes (note VARCHAR)",
    "table of the log": "CREATE TABLE coverage (test VARCHAR, percent DOUBLE)",
    "migrations": "CREATE TABLE migrations (id INTEGER, app VARCHAR); CREATE TABLE findings (id INTEGER)",
    "migrations as a view": "CREATE VIEW migrations AS SELECT 'x' AS name",
    "facts": "CREATE TABLE warehouse_meta (key VARCHAR)",
    "same columns": "CREATE TABLE migrations AS SELECT '0001_init' AS name, now() AS applied_at",
    "odd name": 'CREATE TABLE "x""; DROP TABLE y" (i INTEGER)',
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_database_of_another_program_is_left_as_it_is(warehouse: Warehouse, kind: str) -> None:
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(FOREIGN[kind])
        before = connection.execute("SELECT sql FROM duckdb_tables()").fetchall()
    with pytest.raises(NotAWarehouse, match="another program") as foreign, warehouse.transaction():
        pass
    assert str(warehouse.path) in foreign.value.cause
    with pytest.raises(WarehouseUnusable, match="is not an audit-log warehouse"), open_read_only(warehouse.path):
        pass
    with duckdb.connect(str(warehouse.path)) as connection:
        assert connection.execute("SELECT sql FROM duckdb_tables()").fetchall() == before


def test_anybody_with_duckdb_can_open_the_file(warehouse: Warehouse) -> None:
    with warehouse.transaction() as connection:
        set_meta(connection, "greeting", "hello")
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        assert get_meta(connection, "greeting") == "hello"
        version = scalar(connection, "SELECT tags['storage_version'] FROM duckdb_databases() WHERE NOT internal")
        assert version.startswith("v1.5")


@pytest.mark.parametrize(("free", "enough"), [(DISK_RESERVE_BYTES + 1000, True), (DISK_RESERVE_BYTES + 999, False)])
def test_a_disk_that_would_fill_up_stops_before_it_does(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, free: int, enough: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**12, 0, free))
    if enough:
        warehouse.require_disk_space(1000)
        return
    with pytest.raises(DiskAlmostFull, match="256 MiB left") as full:
        warehouse.require_disk_space(1000)
    assert isinstance(full.value, AuditError)
    assert "what was committed is kept" in full.value.remedy


def test_the_published_copy_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert Warehouse(tmp_path / "acme.duckdb").published_path == tmp_path / "published" / "acme.duckdb"


def test_a_relative_path_is_that_of_the_folder_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    warehouse = Warehouse("audit.duckdb")
    monkeypatch.chdir("/")
    assert warehouse.path == tmp_path / "audit.duckdb"


def test_what_is_left_of_a_file_that_was_never_finished_does_no_harm(warehouse: Warehouse) -> None:
    for leftover in (f".audit.duckdb.{2**22 + 1}.tmp", f".audit.duckdb.{os.getpid()}.tmp.wal", "audit.duckdb.wal"):
        warehouse.path.with_name(leftover).write_bytes(b"a stump")
    with warehouse.transaction() as connection:
        set_meta(connection, "greeting", "hello")
    assert {file.name for file in warehouse.path.parent.iterdir()} == {"audit.duckdb", "audit.duckdb.lock"}


def test_a_path_that_is_no_text_is_refused_in_text(tmp_path: Path) -> None:
    with pytest.raises(WarehouseUnusable, match="odd\ufffd/a") as refused:
        Warehouse(tmp_path / "odd\udcff" / "a.duckdb")
    str(refused.value).encode()
