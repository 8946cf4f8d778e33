"""Backups of the warehouse: a verified copy, and the warehouse from one."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from zendesk_audit_assets import files
from zendesk_audit_assets.text import first_line, sql_name
from zendesk_audit_assets.warehouse.catalog import columns_of, drop
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
from zendesk_audit_assets.warehouse.table import Table

_ACCESS = "Give this user access to it."
_ANOTHER_BACKUP = "Use another backup."


@dataclass(frozen=True)
class Restored(Published):
    """A restored warehouse; where the replaced one is now, if there was one, and the foreign tables that were left out.

    `kept` has all replaced ones, the oldest first, and this one last.
    """

    replaced: Path | None
    kept: tuple[Path, ...]
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


def restore(warehouse: Warehouse, source: Path, derived: Collection[Table] = ()) -> Restored:
    """Put a copy of the backup `source`, which is read to its end before, in the place of the warehouse.

    Only the durable tables are restored, as this version makes them, whatever else the file holds. The `derived` ones
    follow from the log, and a file may claim what the log does not say: the next refresh makes them. What was there is
    kept beside it, with the ending `.before-restore` and a number from the second one on; nothing removes it. Raises
    `WarehouseUnusable` when `source` is not a warehouse that this version can open, or is damaged.
    """
    started = time.monotonic()
    with files.explained(source, _ACCESS, WarehouseUnusable):
        if not files.exists(source):
            raise WarehouseUnusable(f"There is no file {source}.", "Check the path.")
    if _same(source, warehouse.path):
        raise WarehouseUnusable(f"{source} is the warehouse itself.", "Name the file of a backup.")
    if warehouse.path.is_symlink():  # which the restored file would replace
        raise WarehouseUnusable(
            f"The warehouse {warehouse.path} is a symbolic link.",
            f"Restore the file that it leads to: set ZENDESK_AUDIT_DB to {os.path.realpath(warehouse.path)}.",
        )
    with _refused(source):
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
            with _refused(source):
                left_out = _keep_only(fresh, source, derived)
                with open_copy(fresh, _ANOTHER_BACKUP, origin=source) as connection:
                    rows = rows_of(connection, COUNT_AND_READ)
            replaced = _move_aside(warehouse.path)
    seconds = time.monotonic() - started
    kept = tuple(_kept(warehouse.path).values())
    return Restored(warehouse.path, warehouse.path.stat().st_size, seconds, rows, replaced, kept, left_out)


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


def _keep_only(path: Path, origin: Path, derived: Collection[Table]) -> tuple[str, ...]:
    """Bring a copy of a backup up to date, and leave nothing but durable tables; the names of foreign ones it had.

    One with a default, a constraint or a generated column of somebody else becomes a plain one. Raises
    `WarehouseUnusable` when that cannot be done.
    """
    with closing(connect(":memory:")) as empty:
        migrate(empty)
        durable = _definitions(empty)
    with files.private(), closing(connect(path)) as connection:
        connection.execute("BEGIN")
        _drop_what_acts(connection)
        migrate(connection)
        found = _definitions(connection)
        for name in reversed(found):  # a table that others refer to is older than they are
            if name not in durable:
                drop(connection, name)
        for name, definition in durable.items():
            if found.get(name) != definition:
                _make_plain(connection, name, definition, origin)
        connection.execute("COMMIT")
    return tuple(sorted(found.keys() - durable.keys() - {table.name for table in derived}))


@contextmanager
def _refused(origin: Path) -> Iterator[None]:
    """Turn all that DuckDB raises about a backup, or a copy of one, into `WarehouseUnusable`."""
    try:
        with damage_explained(origin, _ANOTHER_BACKUP):
            yield
    except duckdb.Error as error:
        cause = f"{origin} cannot be made a warehouse of this version ({first_line(error)})."
        raise WarehouseUnusable(cause, _ANOTHER_BACKUP) from error


# What a DuckDB file can hold beside tables, in the order in which it can be dropped. Macros go first, and are asked for
# by full names, because a macro can take the place of each function, be it one that lists macros.
_MACRO = "NOT internal AND function_type ="
_BESIDE_TABLES = (
    ("MACRO", "functions", "function_name", f"{_MACRO} 'macro'"),
    ("MACRO TABLE", "functions", "function_name", f"{_MACRO} 'table_macro'"),
    ("SCHEMA", "schemas", "schema_name", "NOT internal AND schema_name <> 'main'"),
    ("TRIGGER", "triggers", "trigger_name", "true"),
    ("INDEX", "indexes", "index_name", "true"),
    ("VIEW", "views", "view_name", "NOT internal"),
    ("SEQUENCE", "sequences", "sequence_name", "true"),
    ("TYPE", "types", "type_name", "NOT internal"),
)


def _drop_what_acts(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop all that is no table of the main schema. Raises `duckdb.DependencyException` when a table needs it."""
    for kind, source, column, condition in _BESIDE_TABLES:
        if source == "triggers" and not _knows_triggers(connection):
            continue
        found = connection.execute(
            f"SELECT DISTINCT {column}{', table_name' if kind == 'TRIGGER' else ''} "
            f"FROM system.main.duckdb_{source}() "
            f"WHERE database_name = system.main.current_database() AND {condition}"
        )
        for name, *table in found.fetchall():
            place = f" ON {sql_name(table[0])}" if table else ""
            connection.execute(f"DROP {kind} {sql_name(name)}{place}{' CASCADE' if kind == 'SCHEMA' else ''}")


def _knows_triggers(connection: duckdb.DuckDBPyConnection) -> bool:
    """DuckDB has triggers from 2.0 on."""
    query = "SELECT DISTINCT true FROM system.main.duckdb_functions() WHERE function_name = 'duckdb_triggers'"
    return bool(connection.execute(query).fetchall())


def _definitions(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """How each table of the open database is made: its columns with all that acts on them, as SQL."""
    query = "SELECT table_name, sql FROM duckdb_tables() WHERE database_name = current_database() ORDER BY table_oid"
    return dict(connection.execute(query).fetchall())


def _make_plain(connection: duckdb.DuckDBPyConnection, name: str, definition: str, origin: Path) -> None:
    """Put the rows of a table into one that has our `definition`. Raises `WarehouseUnusable`, `duckdb.Error`."""
    before = columns_of(connection, name)
    aside = f"{name} before"
    if before:
        connection.execute(f"ALTER TABLE {sql_name(name)} RENAME TO {sql_name(aside)}")
    connection.execute(definition)
    if before != columns_of(connection, name):
        raise WarehouseUnusable(
            f"{origin} is no backup of an audit-log warehouse: its table {name} has other columns.", _ANOTHER_BACKUP
        )
    connection.execute(f"INSERT INTO {sql_name(name)} FROM {sql_name(aside)}")
    drop(connection, aside)


def _kept(path: Path) -> dict[int, Path]:
    """The databases that restores have replaced, by their numbers, which rise with time."""
    ours = re.compile(rf"{re.escape(path.name)}\.before-restore(?:-([1-9]\d*))?")
    found = ((ours.fullmatch(entry.name), entry.path) for entry in os.scandir(path.parent))
    return dict(sorted((int(match[1] or 1), Path(place)) for match, place in found if match))


def _move_aside(path: Path) -> Path | None:
    """Keep a database, which may be damaged, and its write-ahead log, without which it is incomplete; where they are.

    The database stays where it is as well, if the disk can do that, until a new one takes its place.
    """
    if not os.path.lexists(path):
        return None
    number = max(_kept(path), default=0) + 1
    aside = path.with_name(f"{path.name}.before-restore{f'-{number}' if number > 1 else ''}")
    wal = files.wal_of(path)
    if wal.exists():
        os.replace(wal, files.wal_of(aside))
    try:
        os.link(path, aside, follow_symlinks=False)
    except (OSError, NotImplementedError):  # not every file system and system can
        os.replace(path, aside)
    return aside
