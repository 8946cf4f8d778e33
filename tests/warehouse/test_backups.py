"""Backups hold all that was committed, replace nothing that they should not, and a bad one is never restored."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.warehouse import WRITES_UNTIL_KILLED, damage, events_in, files_beside
from zendesk_audit_assets.detect.tables import FOLLOWING
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.warehouse.backups import backup, restore
from zendesk_audit_assets.warehouse.catalog import get_meta, relations, scalar
from zendesk_audit_assets.warehouse.copies import Published, publish, table_rows
from zendesk_audit_assets.warehouse.damage import WarehouseUnusable
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.table import Column, Table

Make = Callable[..., Any]


def test_a_backup_brings_everything_back(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    fill(3)
    saved = backup(warehouse, tmp_path / "backups" / "monday.duckdb")
    assert (saved.path, saved.rows["audit_logs"]) == (tmp_path / "backups" / "monday.duckdb", 3)
    fill(2)
    restored = restore(warehouse, saved.path)
    assert isinstance(restored, Published)
    assert restored.rows == saved.rows
    with warehouse.transaction() as connection:
        assert batches.row_count(connection) == 3
    assert events_in(warehouse.path.with_name("audit.duckdb.before-restore")) == 5
    assert saved.path.exists()


def test_there_is_nothing_to_back_up_before_the_first_sync(warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(WarehouseUnusable, match="no warehouse") as unusable:
        backup(warehouse, tmp_path / "backup.duckdb")
    assert "zendesk-audit sync" in unusable.value.remedy
    assert not warehouse.path.exists()


def test_a_backup_can_be_restored_where_nothing_was(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    fill(3)
    saved = backup(warehouse, tmp_path / "backup.duckdb")
    other = Warehouse(tmp_path / "new" / "audit.duckdb")
    assert restore(other, saved.path).rows["audit_logs"] == 3


def test_a_restore_replaces_no_link(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    fill(1)
    backup(warehouse, tmp_path / "backup.duckdb")
    elsewhere = tmp_path / "larger disk.duckdb"
    warehouse.path.rename(elsewhere)
    warehouse.path.symlink_to(elsewhere)
    with pytest.raises(WarehouseUnusable, match="is a symbolic link"):
        restore(warehouse, tmp_path / "backup.duckdb")
    assert warehouse.path.is_symlink()


def test_a_damaged_warehouse_is_replaced_and_kept_aside(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    fill(3)
    saved = backup(warehouse, tmp_path / "backup.duckdb")
    warehouse.path.write_bytes(b"damaged")
    restore(warehouse, saved.path)
    with warehouse.transaction() as connection:
        assert batches.row_count(connection) == 3
    assert warehouse.path.with_name("audit.duckdb.before-restore").read_bytes() == b"damaged"


def test_the_write_ahead_log_of_the_old_warehouse_goes_aside_with_it(
    warehouse: Warehouse, tmp_path: Path, program: Make
) -> None:
    with warehouse.transaction():
        pass
    saved = backup(warehouse, tmp_path / "backup.duckdb")
    writer = program("-c", WRITES_UNTIL_KILLED, warehouse.path)
    assert writer.says() == "committed"
    writer.kill()
    assert (tmp_path / "audit.duckdb.wal").exists()
    restore(warehouse, saved.path)
    with warehouse.transaction() as connection:
        assert get_meta(connection, "greeting") is None
    with Warehouse(tmp_path / "audit.duckdb.before-restore").transaction() as connection:
        assert get_meta(connection, "greeting") == "from the dead"


@pytest.fixture(params=["missing", "text", "folder", "other database", "newer", "cut short", "damaged", "unfinished"])
def bad_backup(request: pytest.FixtureRequest, tmp_path: Path, warehouse: Warehouse, fill: Make) -> Path:
    """A file that must not become the warehouse, of whatever kind."""
    fill(5_000)
    path = tmp_path / "bad.duckdb"
    if request.param == "text":
        path.write_text("not a database\n" * 1000)
    elif request.param == "folder":
        path.mkdir()
    elif request.param == "other database":
        with duckdb.connect(str(path)) as connection:
            connection.execute("CREATE TABLE audit_logs AS SELECT 1 AS id")
    elif request.param != "missing":
        backup(warehouse, path)
    if request.param == "newer":
        with Warehouse(path).transaction() as connection:
            connection.execute("INSERT INTO migrations VALUES ('9001_from_the_future', now())")
    elif request.param == "cut short":
        os.truncate(path, path.stat().st_size // 2)
    elif request.param == "damaged":
        damage(path)
    elif request.param == "unfinished":  # a part of it is still in its write-ahead log
        with duckdb.connect(str(path)) as connection:
            connection.execute("SET wal_autocheckpoint = '1GB'")
            connection.execute("INSERT INTO audit_logs SELECT * FROM audit_logs")
            shutil.copyfile(path, tmp_path / "copy.duckdb")
            shutil.copyfile(f"{path}.wal", tmp_path / "copy.duckdb.wal")
        path = tmp_path / "copy.duckdb"
    return path


@pytest.mark.few(4)
def test_a_bad_backup_is_refused_and_loses_nothing(warehouse: Warehouse, bad_backup: Path) -> None:
    before = warehouse.path.read_bytes()
    others = files_beside(warehouse.path)
    with pytest.raises(WarehouseUnusable) as refused:
        restore(warehouse, bad_backup)
    assert str(bad_backup) in refused.value.cause
    assert refused.value.remedy
    assert warehouse.path.read_bytes() == before
    assert files_beside(warehouse.path) == others


def test_a_damaged_warehouse_is_not_backed_up_over_a_good_copy(
    warehouse: Warehouse, fill: Make, tmp_path: Path
) -> None:
    fill(5_000)
    saved = backup(warehouse, tmp_path / "backup.duckdb")
    damage(warehouse.path)
    with pytest.raises(WarehouseUnusable):
        backup(warehouse, saved.path)
    assert events_in(saved.path) == 5_000
    assert scalar_of(saved.path, "SELECT count(DISTINCT source_label) FROM audit_logs") == 5_000


def scalar_of(path: Path, query: str) -> Any:
    with duckdb.connect(str(path), read_only=True) as connection:
        return scalar(connection, query)


def test_each_restore_keeps_the_warehouse_that_it_replaces(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    kept = []
    for events in (1, 2, 3):
        fill(1)
        kept.append(restore(warehouse, backup(warehouse, tmp_path / "backup.duckdb").path).replaced)
        assert events_in(kept[-1]) == events
    assert [path.name for path in kept] == [f"audit.duckdb.before-restore{end}" for end in ("", "-2", "-3")]
    assert [events_in(path) for path in kept] == [1, 2, 3]
    kept[0].unlink()
    again = restore(warehouse, tmp_path / "backup.duckdb")
    assert [path.name.rpartition("-")[2] for path in again.kept] == ["2", "3", "4"]  # the lowest stays the oldest


def test_a_restore_takes_nothing_but_our_own_tables(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    fill(3)
    saved = backup(warehouse, tmp_path / "backup.duckdb").path
    owned = tmp_path / "OWNED.csv"
    hostile = f"zz\"; copy (select 'owned by a backup' as a) to '{owned}'; select count(*), 1 from \"audit_logs"
    with duckdb.connect(str(saved)) as connection:
        for name in ("zz", hostile, "../../OUTSIDE"):
            quoted = name.replace('"', '""')
            connection.execute(f'CREATE TABLE "{quoted}" AS SELECT 1 AS one')
        connection.execute(f"CREATE VIEW spy AS FROM read_text('{saved}.txt')")
        connection.execute("CREATE MACRO now() AS TIMESTAMPTZ '2000-01-01 00:00:00+00'")
        connection.execute("CREATE MACRO rows() AS TABLE SELECT 1 AS one")
        connection.execute('CREATE SCHEMA "o""ther"; CREATE TABLE "o""ther".audit_logs AS SELECT 1 AS one')
    restored = restore(warehouse, saved)
    assert restored.left_out == tuple(sorted(("zz", hostile, "../../OUTSIDE")))
    assert set(restored.rows) == set(table_rows(restored.replaced or saved))
    assert not owned.exists()
    with warehouse.transaction() as connection:
        assert relations(connection) == set(restored.rows)
        assert scalar(connection, "SELECT now() > TIMESTAMPTZ '2001-01-01 00:00:00+00'")


NOTE = Table("note", "A derived table.", (Column("text", "VARCHAR", "A text."),))
ACTING = {
    "beside the tables": """
        CREATE UNIQUE INDEX i ON coverage (batch_id);
        CREATE INDEX j ON note (text);
        CREATE SEQUENCE s;
        CREATE TYPE json AS INTEGER;
        CREATE TYPE t AS ENUM ('a');
        CREATE TABLE other (t t);
        CREATE TABLE b (a INTEGER PRIMARY KEY);
        CREATE TABLE c (a INTEGER PRIMARY KEY REFERENCES b);
        CREATE TABLE a (a INTEGER REFERENCES c);
        CREATE VIEW findings AS SELECT 1 AS one;
        CREATE MACRO trim(text) AS 'x';
        CREATE MACRO now() AS 'x';
    """,
    "in the tables": """
        ALTER TABLE audit_logs ALTER actor_name SET DEFAULT 'nobody';
        ALTER TABLE coverage ADD PRIMARY KEY (batch_id);
        DROP TABLE warehouse_meta;
        CREATE TABLE warehouse_meta (name VARCHAR NOT NULL, value VARCHAR NOT NULL CHECK (value <> 'x'), UNIQUE (name));
        INSERT INTO warehouse_meta VALUES ('schema_version', '2');
        DROP TABLE note;
        CREATE TABLE note (text VARCHAR CHECK (text <> 'b'));
    """,
    "a derived value": "DROP TABLE note; CREATE TABLE note (text VARCHAR GENERATED ALWAYS AS ('b'), other INTEGER)",
    "a trigger": """
        ATTACH '{path}.2' AS newer (STORAGE_VERSION 'v2.0.0');
        COPY FROM DATABASE backup TO newer;
        USE newer;
        CREATE TRIGGER t AFTER INSERT ON audit_logs FOR EACH STATEMENT DELETE FROM coverage;
    """,
}


def test_what_follows_from_the_log_is_not_restored(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    """A backup may claim that all rules have evaluated the log."""
    fill(3)
    with warehouse.transaction() as connection:
        for table in FOLLOWING:
            connection.execute(table.ddl)
    restored = restore(warehouse, backup(warehouse, tmp_path / "backup.duckdb").path, FOLLOWING)
    assert restored.left_out == ()
    with warehouse.transaction() as connection:
        assert relations(connection) == set(restored.rows)
    assert not {table.name for table in FOLLOWING} & set(restored.rows)


@pytest.mark.few(1)
@pytest.mark.parametrize("statements", ACTING.values(), ids=ACTING)
def test_nothing_that_acts_comes_back(warehouse: Warehouse, fill: Make, tmp_path: Path, statements: str) -> None:
    fill(3)
    expected = schema(warehouse.path)
    with warehouse.transaction() as connection:
        connection.execute(NOTE.ddl)
    saved = backup(warehouse, tmp_path / "backup.duckdb").path
    if "TRIGGER" in statements and duckdb.__version__ < "2":
        pytest.skip("this DuckDB has no triggers")
    with duckdb.connect(str(saved)) as connection:
        connection.execute(statements.format(path=saved))
    restore(warehouse, Path(f"{saved}.2") if "TRIGGER" in statements else saved, [NOTE])
    assert schema(warehouse.path) == expected
    fill(2)
    assert events_in(warehouse.path) == 5


REFUSED = [
    "CREATE MACRO m() AS 'x'; ALTER TABLE audit_logs ALTER actor_name SET DEFAULT m()",
    "CREATE SCHEMA s; CREATE SEQUENCE s.s; ALTER TABLE audit_logs ALTER actor_id SET DEFAULT nextval('s.s')",
    "ALTER TABLE coverage ALTER run_id DROP NOT NULL",
    "ALTER TABLE audit_logs ADD COLUMN more VARCHAR",
    "DROP TABLE coverage; CREATE VIEW coverage AS SELECT 1 AS one",
    "CREATE MACRO duckdb_tables() AS TABLE SELECT 1 AS one; CREATE MACRO duckdb_functions() AS TABLE SELECT 1 AS one",
]


@pytest.mark.few(2)
@pytest.mark.parametrize("statements", REFUSED)
def test_what_cannot_be_made_ours_is_refused(warehouse: Warehouse, fill: Make, tmp_path: Path, statements: str) -> None:
    fill(3)
    saved = backup(warehouse, tmp_path / "backup.duckdb").path
    with duckdb.connect(str(saved)) as connection:
        connection.execute(statements)
    with pytest.raises(WarehouseUnusable, match=r"backup\.duckdb (is no backup|cannot be made)") as refused:
        restore(warehouse, saved)
    assert refused.value.remedy
    assert files_beside(warehouse.path) == {"backup.duckdb"}


def schema(path: Path) -> list[tuple[str, str, str]]:
    """Kind, name and SQL of all that a file holds."""
    with duckdb.connect(str(path), read_only=True) as connection:
        queries = (
            f"SELECT '{kind}', {kind.rstrip('s').replace('indexe', 'index')}_name, {text} "
            f"FROM duckdb_{kind}() WHERE {condition}"
            for kind, text, condition in (
                ("schemas", "''", "NOT internal"),
                ("tables", "sql", "NOT internal"),
                ("views", "sql", "NOT internal"),
                ("indexes", "sql", "true"),
                ("sequences", "sql", "true"),
                ("types", "''", "NOT internal"),
                ("functions", "''", "NOT internal"),
                ("triggers", "sql", "true"),
            )
            if kind != "triggers" or duckdb.__version__ >= "2"
        )
        return sorted(connection.execute(" UNION ALL ".join(queries)).fetchall())


@pytest.fixture(
    params=[
        "itself",
        "link",
        "hard link",
        "published",
        "lock",
        "wal",
        "other file",
        "pipe",
        "device",
        "folder",
        "dangling",
    ]
)
def wrong_target(request: pytest.FixtureRequest, warehouse: Warehouse, fill: Make, tmp_path: Path) -> Path:
    """A place where a backup would destroy something, or be none."""
    fill(3)
    publish(warehouse)
    path = tmp_path / "target.duckdb"
    if request.param == "itself":
        return tmp_path / "published" / ".." / "audit.duckdb"
    if request.param == "link":
        path.symlink_to(warehouse.path)
    elif request.param == "hard link":
        path.hardlink_to(warehouse.path)
    elif request.param == "published":
        return warehouse.published_path
    elif request.param in ("lock", "wal"):
        return tmp_path / f"audit.duckdb.{request.param}"
    elif request.param == "other file":
        path.write_text("ZENDESK_CLIENT_SECRET=the only copy")
    elif request.param == "pipe":
        os.mkfifo(path)
    elif request.param == "device":
        return Path("/dev/null")
    elif request.param == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")
    return path


@pytest.mark.few(4)
def test_a_backup_destroys_nothing(warehouse: Warehouse, wrong_target: Path) -> None:
    before = wrong_target.lstat() if os.path.lexists(wrong_target) else None
    with pytest.raises(WarehouseUnusable) as refused:
        backup(warehouse, wrong_target)
    assert str(wrong_target) in refused.value.cause
    if before is not None:
        after = wrong_target.lstat()
        assert (after.st_ino, after.st_mode, after.st_size) == (before.st_ino, before.st_mode, before.st_size)
    assert events_in(warehouse.path) == 3


def test_a_backup_replaces_an_empty_file_and_an_older_backup(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    target = tmp_path / "backup.duckdb"
    target.touch(0o644)
    for events in (1, 2):
        fill(1)
        backup(warehouse, target)
        assert events_in(target) == events
        assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_the_warehouse_itself_is_no_backup(warehouse: Warehouse, fill: Make, tmp_path: Path) -> None:
    fill(3)
    (tmp_path / "link").symlink_to(warehouse.path)
    for source in (warehouse.path, tmp_path / "link"):
        with pytest.raises(WarehouseUnusable, match="is the warehouse itself"):
            restore(warehouse, source)
    assert events_in(warehouse.path) == 3


def test_the_published_copy_brings_a_damaged_warehouse_back(warehouse: Warehouse, fill: Make) -> None:
    fill(5_000)
    publish(warehouse)
    damage(warehouse.path)
    with pytest.raises(WarehouseUnusable, match="is damaged") as damaged:
        backup(warehouse, warehouse.path.with_name("backup.duckdb"))
    assert str(warehouse.published_path) in damaged.value.remedy
    restore(warehouse, warehouse.published_path)
    with warehouse.transaction() as connection:
        assert batches.row_count(connection) == 5_000
