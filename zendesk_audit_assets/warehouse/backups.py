"""Backups of the warehouse: a verified copy, and the warehouse from one."""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import duckdb

from zendesk_audit_assets import files
from zendesk_audit_assets.text import sql_name
from zendesk_audit_assets.warehouse.catalog import columns_of, drop, relations
from zendesk_audit_assets.warehouse.copies import (
    COUNT_AND_READ,
    Published,
    copy_whole,
    open_copy,
    rows_of,
    table_rows,
)
from zendesk_audit_assets.warehouse.damage import WarehouseUnusable, damage_explained
from zendesk_audit_assets.warehouse.database import Warehouse, connect
from zendesk_audit_assets.warehouse.migrations import migrate

_ACCESS = "Give this user access to it."
_ANOTHER_BACKUP = "Use another backup."


@dataclass(frozen=True)
class Restored(Published):
    """A restored warehouse; where the replaced one is now, if there was one, and the tables that were left out."""

    replaced: Path | None
    left_out: tuple[str, ...]


def backup(warehouse: Warehouse, target: Path) -> Published:
    """Copy the warehouse to `target`, read all of the copy, and only then put it in place.

    Raises `WarehouseUnusable` when there is nothing to copy, when it is damaged, and when a backup at `target` would
    replace the warehouse, its published copy or what is no database.
    """
    if not warehouse.exists():
        raise WarehouseUnusable(f"There is no warehouse {warehouse.path} yet.", "Run `zendesk-audit sync` first.")
    started = time.monotonic()
    with warehouse.transaction():
        pass  # brings an older file up to date
    remedy = "Give this user write access to it, or use another target."
    with files.explained(target, remedy, WarehouseUnusable):
        files.make_folder(target.absolute().parent)
        _require_target(warehouse, target)
        rows = copy_whole(warehouse, target, files.PRIVATE_FILE)
    return Published(target, target.stat().st_size, time.monotonic() - started, rows)


def restore(warehouse: Warehouse, source: Path, derived: Collection[str] = ()) -> Restored:
    """Put a copy of the backup `source`, which is read to its end before, in the place of the warehouse.

    Only the durable tables and those named `derived` are restored, whatever else the file holds; views come back with
    the next refresh. What was there is kept beside it, with the ending `.before-restore` and a number from the second
    one on. Raises `WarehouseUnusable` when `source` is not a warehouse that this version can open, or is damaged.
    """
    started = time.monotonic()
    with files.explained(source, _ACCESS, WarehouseUnusable):
        if not files.exists(source):
            raise WarehouseUnusable(f"There is no file {source}.", "Check the path.")
    if _same(source, warehouse.path):
        raise WarehouseUnusable(f"{source} is the warehouse itself.", "Name the file of a backup.")
    table_rows(source)
    if files.wal_of(source).exists():
        raise WarehouseUnusable(
            f"{source} is not complete: a part of it is still in {source.name}.wal beside it.",
            "Open it with DuckDB once, which brings the two together, or use another backup.",
        )
    with warehouse.locked(), files.explained(warehouse.path, _ACCESS, WarehouseUnusable):
        warehouse.require_disk_space(source.stat().st_size)
        with files.replacing(warehouse.path) as fresh:
            files.copy(source, fresh)
            with damage_explained(source, _ANOTHER_BACKUP):
                left_out = _keep_only(fresh, source, derived)
                with open_copy(fresh, _ANOTHER_BACKUP, origin=source) as connection:
                    rows = rows_of(connection, COUNT_AND_READ)
            replaced = _move_aside(warehouse.path)
    seconds = time.monotonic() - started
    return Restored(warehouse.path, warehouse.path.stat().st_size, seconds, rows, replaced, left_out)


def _require_target(warehouse: Warehouse, target: Path) -> None:
    """Refuse a target that a backup would destroy. Raises `WarehouseUnusable`, `OSError`."""
    remedy = "Name another file."
    own = {warehouse.path, warehouse.published_path}
    beside = target.name.startswith(f"{warehouse.path.name}.") and _same(
        target.absolute().parent, warehouse.path.parent
    )
    if any(_same(target, one) for one in own):
        raise WarehouseUnusable(
            f"{target} is the warehouse or its published copy, so it is no place for a backup.", remedy
        )
    if beside and target.name.endswith((".lock", ".wal", ".json")):
        raise WarehouseUnusable(f"{target} is a file of the warehouse.", remedy)
    if not os.path.lexists(target):
        return
    files.require_plain(target)
    with target.open("rb") as file:
        head = file.read(_MAGIC_AT + len(_MAGIC))
    if head and head[_MAGIC_AT:] != _MAGIC:
        raise WarehouseUnusable(f"{target} exists and is no DuckDB file: a backup would destroy it.", remedy)


# How each DuckDB file begins, after a checksum.
_MAGIC, _MAGIC_AT = b"DUCK", 8


def _same(one: Path, other: Path) -> bool:
    """Whether two paths lead to the same file, however they are written."""
    return os.path.exists(one) and os.path.exists(other) and os.path.samefile(one, other)


def _keep_only(path: Path, origin: Path, derived: Collection[str]) -> tuple[str, ...]:
    """Bring a copy of a backup up to date, and drop all but our own tables; the names of those that were dropped.

    Raises `WarehouseUnusable` when a durable table is not what this version makes of it.
    """
    with closing(connect(":memory:")) as empty:
        migrate(empty)
        durable = {name: columns_of(empty, name) for name in relations(empty)}
    with files.private(), closing(connect(path)) as connection:
        connection.execute("BEGIN")
        migrate(connection)
        for schema in _names(connection, _OTHER_SCHEMAS):
            connection.execute(f"DROP SCHEMA {sql_name(schema)} CASCADE")
        for view in _names(connection, _VIEWS):
            drop(connection, view)
        unknown = sorted(relations(connection) - {*durable, *derived})
        for table in unknown:
            drop(connection, table)
        for macro, kind in connection.execute(_MACROS).fetchall():
            connection.execute(f"DROP MACRO {'TABLE ' if kind == 'table_macro' else ''}{sql_name(macro)}")
        for name, columns in durable.items():
            if columns_of(connection, name) != columns:
                raise WarehouseUnusable(
                    f"{origin} is no backup of an audit-log warehouse: its table {name} has other columns.",
                    _ANOTHER_BACKUP,
                )
        connection.execute("COMMIT")
    return tuple(unknown)


_OTHER_SCHEMAS = (
    "SELECT schema_name FROM duckdb_schemas() WHERE database_name = current_database() "
    "AND NOT internal AND schema_name <> current_schema()"
)
_VIEWS = "SELECT view_name FROM duckdb_views() WHERE database_name = current_database() AND NOT internal"
_MACROS = (
    "SELECT DISTINCT function_name, function_type FROM duckdb_functions() "
    "WHERE database_name = current_database() AND NOT internal AND function_type IN ('macro', 'table_macro')"
)


def _names(connection: duckdb.DuckDBPyConnection, query: str) -> list[str]:
    return [name for (name,) in connection.execute(query).fetchall()]


def _move_aside(path: Path) -> Path | None:
    """Keep a database, which may be damaged, and its write-ahead log, without which it is incomplete; where they are.

    The database stays where it is as well, if the disk can do that, until a new one takes its place.
    """
    if not os.path.lexists(path):
        return None
    named = f"{path.name}.before-restore"
    places = (path.with_name(named if number == 1 else f"{named}-{number}") for number in count(1))
    aside = next(place for place in places if not os.path.lexists(place))
    wal = files.wal_of(path)
    if wal.exists():
        os.replace(wal, files.wal_of(aside))
    try:
        os.link(path, aside, follow_symlinks=False)
    except (OSError, NotImplementedError):  # not every file system and system can
        os.replace(path, aside)
    return aside
