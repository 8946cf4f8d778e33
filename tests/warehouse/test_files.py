"""Files are private, the published copy is the group's, and a refusal of the system names the file and a remedy."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from support.warehouse import damage, files_beside
from zendesk_audit_assets import files
from zendesk_audit_assets.warehouse.backups import backup, restore
from zendesk_audit_assets.warehouse.copies import export_parquet, open_read_only, publish, table_rows, verify
from zendesk_audit_assets.warehouse.damage import WarehouseBusy, WarehouseUnusable
from zendesk_audit_assets.warehouse.database import Warehouse

Make = Callable[..., Any]

# A program that opens a database for writing, as many do even to read, and is killed.
LEAVES_A_WAL = """
import os, signal, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("CREATE VIEW v AS SELECT 1 AS a")
print("open", flush=True)
sys.stdin.readline()
os.kill(os.getpid(), signal.SIGKILL)
"""
NO_PROCESS = 2**22 + 1


@pytest.fixture(params=[0o000, 0o022, 0o077], ids="umask {:03o}".format)
def mask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    assert os.umask(before) == request.param


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.few(1)
def test_only_the_published_copy_is_for_the_group(tmp_path: Path, mask: int) -> None:
    warehouse = Warehouse(tmp_path / "data" / "audit.duckdb")
    with warehouse.transaction() as connection:
        connection.execute("INSERT INTO warehouse_meta VALUES ('a', 'b')")
    publish(warehouse)
    exported = export_parquet(warehouse)
    with warehouse.exclusive("alerts", "sending"):
        pass
    saved = backup(warehouse, tmp_path / "backups" / "monday.duckdb").path
    restored = restore(warehouse, saved)
    private = [warehouse.path, saved, restored.replaced, *warehouse.path.parent.glob("*.lock")]
    assert {mode(path) for path in private} == {0o600}
    assert (mode(warehouse.path.parent), mode(saved.parent)) == (0o710, 0o700)
    shared = [warehouse.published_path, *exported.path.iterdir()]
    assert {mode(path) for path in shared} == {0o640}
    assert (mode(warehouse.published_path.parent), mode(exported.path.resolve())) == (0o750, 0o750)


def test_what_a_writer_has_not_checkpointed_is_private(warehouse: Warehouse, mask: int) -> None:
    with warehouse.transactions() as transaction:
        with transaction() as connection:
            connection.execute("INSERT INTO warehouse_meta VALUES ('a', 'b')")
        assert mode(warehouse.path.with_name("audit.duckdb.wal")) == 0o600


def test_a_log_of_the_last_copy_never_meets_the_next_one(warehouse: Warehouse, fill: Make, program: Make) -> None:
    fill(3)
    publish(warehouse)
    gui = program("-c", LEAVES_A_WAL, warehouse.published_path)
    assert gui.says() == "open"
    with pytest.raises(WarehouseBusy, match="open for writing") as busy, open_read_only(warehouse.published_path):
        pass
    assert "read-only" in busy.value.remedy
    fill(2)
    publish(warehouse, force=True)  # while it is open
    assert table_rows(warehouse.published_path)["audit_logs"] == 5
    gui.tell()
    gui.end()
    fill(1)
    publish(warehouse, force=True)
    assert table_rows(warehouse.published_path)["audit_logs"] == 6
    assert export_parquet(warehouse).rows["audit_logs"] == 6


def test_a_log_that_belongs_to_another_file_is_named(warehouse: Warehouse, fill: Make, program: Make) -> None:
    fill(3)
    publish(warehouse)
    other = warehouse.published_path.with_name("other.duckdb")
    gui = program("-c", LEAVES_A_WAL, other)
    gui.says()
    gui.tell()
    gui.end()
    log = warehouse.published_path.with_name(f"{warehouse.published_path.name}.wal")
    os.replace(f"{other}.wal", log)
    with pytest.raises(WarehouseUnusable, match=r"audit\.duckdb\.wal") as unusable, open_read_only(log.with_suffix("")):
        pass
    assert str(log) in unusable.value.remedy


@pytest.mark.few(1)
@pytest.mark.parametrize("left", ["cut short", "flipped"])
def test_damage_replaces_no_good_copy_and_is_told_anywhere(warehouse: Warehouse, fill: Make, left: str) -> None:
    fill(5_000)
    publish(warehouse)
    if left == "cut short":
        os.truncate(warehouse.path, warehouse.path.stat().st_size // 2)
    else:
        damage(warehouse.path)

    def read() -> None:
        with warehouse.transaction() as connection:
            connection.execute("SELECT bit_xor(hash(COLUMNS(*))) FROM audit_logs").fetchall()

    def write() -> None:
        with warehouse.transaction() as connection:
            connection.execute("UPDATE audit_logs SET actor_name = source_label")

    for use in (lambda: publish(warehouse, force=True), lambda: verify(warehouse), read, write):
        with pytest.raises(WarehouseUnusable, match="is damaged") as damaged:
            use()
        assert str(warehouse.path) in damaged.value.cause
        assert "zendesk-audit restore" in damaged.value.remedy
    assert table_rows(warehouse.published_path)["audit_logs"] == 5_000
    assert files_beside(warehouse.published_path) == set()
    damage(warehouse.published_path)
    with (
        pytest.raises(WarehouseUnusable, match="is damaged") as damaged,
        open_read_only(warehouse.published_path) as connection,
    ):
        connection.execute("SELECT bit_xor(hash(COLUMNS(*))) FROM audit_logs").fetchall()
    assert str(warehouse.published_path) in damaged.value.cause


def test_copies_of_killed_runs_are_removed_those_of_others_stay(warehouse: Warehouse, fill: Make) -> None:
    fill(3)
    publish(warehouse)
    folder = warehouse.published_path.parent
    gone = [folder / f".audit.duckdb.{pid}.tmp{end}" for pid in (NO_PROCESS, os.getpid()) for end in ("", ".wal")]
    stay = [
        folder / name for name in (f".audit.duckdb.{os.getppid()}.tmp", ".audit.duckdb.mine.tmp", "audit.duckdb.1.tmp")
    ]
    for path in (*gone, *stay):
        path.write_text("a whole copy")
    publish(warehouse, force=True)
    assert [path for path in gone if path.exists()] == []
    assert [path for path in stay if not path.exists()] == []


def test_a_table_of_any_name_stays_in_the_exported_folder(warehouse: Warehouse, fill: Make) -> None:
    fill(1)
    names = ("../../../OUTSIDE", 'it\'s; "quoted"', "a/b", "%41")
    with warehouse.transaction() as connection:
        for name in names:
            quoted = name.replace('"', '""')
            connection.execute(f'CREATE TABLE "{quoted}" AS SELECT 1 AS one')
        connection.execute('CREATE SCHEMA "x.y"; CREATE TABLE "x.y".audit_logs AS SELECT 1 AS one')
    publish(warehouse)
    exported = export_parquet(warehouse)
    assert set(names) | {"x.y.audit_logs"} < set(exported.rows)
    assert len(list(exported.path.iterdir())) == len(exported.rows)
    assert not list(warehouse.path.parent.parent.rglob("OUTSIDE*"))


@pytest.mark.parametrize("place", ["published is a file", "published is a dangling link", "copy is a folder"])
def test_a_place_that_cannot_be_used_is_named(warehouse: Warehouse, fill: Make, place: str) -> None:
    fill(1)
    published = warehouse.published_path
    if place == "published is a file":
        published.parent.write_text("mine")
    elif place == "published is a dangling link":
        published.parent.symlink_to("nowhere")
    else:
        published.mkdir(parents=True)
    with pytest.raises(WarehouseUnusable, match="cannot be used") as unusable:
        publish(warehouse)
    assert str(published if "copy" in place else published.parent) in unusable.value.cause


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
@pytest.mark.parametrize("name", ["audit.duckdb.lock", "audit.duckdb.alerts.lock"])
def test_a_lock_that_is_no_plain_file_is_named(warehouse: Warehouse, kind: str, name: str) -> None:
    path, target = warehouse.path.with_name(name), warehouse.path.with_name("target")
    {"link": lambda: path.symlink_to(target), "pipe": lambda: os.mkfifo(path), "folder": path.mkdir}[kind]()
    held = warehouse.exclusive("alerts", "sending") if "alerts" in name else warehouse.locked()
    with pytest.raises(WarehouseUnusable, match="is not a plain file") as unusable, held:
        pass
    assert str(path) in unusable.value.cause
    assert not target.exists()


def test_a_copy_never_follows_a_planted_link(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("new")
    (tmp_path / "victim").write_text("kept")
    (tmp_path / "fresh").symlink_to(tmp_path / "victim")
    with pytest.raises(FileExistsError):
        files.copy(tmp_path / "source", tmp_path / "fresh")
    assert (tmp_path / "victim").read_text() == "kept"


def test_a_folder_of_another_kind_is_left_alone(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    files.make_folder(tmp_path)
    assert mode(tmp_path) == 0o755


def test_a_connection_to_a_copy_reaches_no_other_file(warehouse: Warehouse, fill: Make) -> None:
    fill(1)
    publish(warehouse)
    with open_read_only(warehouse.published_path) as connection, pytest.raises(duckdb.Error):
        connection.execute(f"FROM read_text('{__file__}')")
