"""Copies of the warehouse for readers: the published file, and Parquet. Each replaces its target as a whole."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import duckdb

from zendesk_audit_assets import files
from zendesk_audit_assets.text import first_line, sql_literal, sql_name
from zendesk_audit_assets.warehouse.catalog import get_meta, scalar, set_meta
from zendesk_audit_assets.warehouse.damage import (
    WarehouseBusy,
    WarehouseUnusable,
    changes_explained,
    damage_explained,
    is_open_elsewhere,
    opening_failed,
    require_unchanged,
)
from zendesk_audit_assets.warehouse.database import Warehouse, connect
from zendesk_audit_assets.warehouse.migrations import NewerWarehouse, NotAWarehouse, applied

# Copying takes at most this share of the elapsed time: a large file is published less often.
PUBLISHING_SHARE = 0.05

# What is asked of each table of a copy. DuckDB counts without reading; what it reads it verifies.
COUNT = "count(*)"
COUNT_AND_READ = "count(*), bit_xor(hash(COLUMNS(*)))"

_NEW_COPY = "Run `zendesk-audit sync`, which puts a new copy in its place."
_WRITE_ACCESS = "Give this user write access to it, or move it away; then run again."


@dataclass(frozen=True)
class Published:
    """A finished copy: where, how large, how long it took, and the rows of each table."""

    path: Path
    bytes: int
    seconds: float
    rows: dict[str, int]


def publish(warehouse: Warehouse, *, force: bool = False) -> Published | None:
    """Replace the published copy; None when the last one is so recent that copying would take too much time.

    All of the new copy is read first: a damaged one replaces nothing. Readers who have the old copy open keep it
    undisturbed. Raises `DiskAlmostFull` before anything is written, and `WarehouseUnusable`.
    """
    if not force and not _due(warehouse):
        return None
    started = time.monotonic()
    with warehouse.transaction() as connection:
        set_meta(connection, "published_at", datetime.now(timezone.utc).isoformat())
    path = warehouse.published_path
    with files.explained(path, _WRITE_ACCESS, WarehouseUnusable):
        files.make_folder(path.parent, files.SHARED_FOLDER)
        rows = copy_whole(warehouse, path, files.SHARED_FILE)
    seconds = time.monotonic() - started
    with warehouse.transaction() as connection:
        set_meta(connection, "publish_seconds", f"{seconds:.3f}")
    return Published(path, path.stat().st_size, seconds, rows)


def copy_whole(warehouse: Warehouse, target: Path, mode: int) -> dict[str, int]:
    """Put a copy of the warehouse in the place of `target` once all of it has been read; the rows of each table.

    Raises `OSError`, `DiskAlmostFull` and `WarehouseUnusable`.
    """
    with warehouse.locked():
        warehouse.checkpoint()
        warehouse.require_disk_space(warehouse.path.stat().st_size, target.parent)
        with files.replacing(target, mode) as fresh:
            files.copy(warehouse.path, fresh)
            with open_copy(fresh, warehouse.remedy_for_damage, origin=warehouse.path) as connection:
                require_unchanged(connection, warehouse.path, warehouse.remedy_for_damage)
                return rows_of(connection, COUNT_AND_READ)


def verify(warehouse: Warehouse) -> None:
    """Read all of the warehouse, and try whether its published copy can be read and replaced.

    Raises `WarehouseUnusable` and `WarehouseBusy`, as the next sync or query would.
    """
    if warehouse.exists():
        with warehouse.transaction() as connection:
            require_unchanged(connection, warehouse.path, warehouse.remedy_for_damage)
            rows_of(connection, COUNT_AND_READ)
    path = warehouse.published_path
    with files.explained(path, _WRITE_ACCESS, WarehouseUnusable):
        for folder in (path.parent.parent, path.parent):
            if os.path.lexists(folder):
                files.require_folder(folder)
        published = files.exists(path)
    if published:
        table_rows(path, _NEW_COPY)


def export_parquet(warehouse: Warehouse) -> Published:
    """Replace the folder `<name>_parquet` beside the published copy: a file per table, all of the same moment.

    The folder is a link that is swapped at the end, so that a reader never sees tables of two moments.
    Raises `WarehouseUnusable` when nothing has been published yet.
    """
    started = time.monotonic()
    source = warehouse.published_path
    if not os.path.exists(source):
        raise WarehouseUnusable(f"There is no published copy {source} to export.", "Materialize published_warehouse.")
    link = source.with_name(f"{source.stem}_parquet")
    exporting = warehouse.exclusive("export", "exporting tables")
    with exporting, files.explained(link, _WRITE_ACCESS, WarehouseUnusable):
        warehouse.require_disk_space(source.stat().st_size, source.parent)
        _remove_exports(link, but=link.resolve().name)
        folder = link.with_name(f"{link.name}-{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}")
        files.make_folder(folder, files.SHARED_FOLDER)
        try:
            rows = _write_parquet(source, folder)
            _point(link, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        _remove_exports(link, but=folder.name)
        size = sum(file.stat().st_size for file in folder.iterdir())
    return Published(link, size, time.monotonic() - started, rows)


@contextmanager
def open_read_only(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published copy to read from.

    Raises `WarehouseUnusable` when it is missing, damaged or no warehouse, and `WarehouseBusy` when another program
    has it open for writing.
    """
    with files.explained(path, "Give this user access to it.", WarehouseUnusable):
        there = files.exists(path)
    if not there:
        remedy = "Check the path; `zendesk-audit sync` makes the published copy."
        raise WarehouseUnusable(f"There is no file {path}.", remedy)
    with open_copy(path, _NEW_COPY) as connection:
        yield connection


@contextmanager
def open_copy(
    path: Path, remedy: str, *, writes_to: Path | None = None, origin: Path | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Any finished copy to read from; `remedy` says what to do about one that is damaged or no warehouse.

    `COPY` may write to the folder `writes_to` only. Messages name the file of which it is a copy, its `origin`.
    Raises as `open_read_only` does.
    """
    named = origin or path
    with damage_explained(named, remedy), _opened(path, named, remedy, writes_to) as connection:
        yield connection


def table_rows(path: Path, remedy: str = "Use another backup.") -> dict[str, int]:
    """The rows of each table of a finished copy. Raises as `open_copy` does."""
    with open_copy(path, remedy) as connection:
        return rows_of(connection)


def rows_of(connection: duckdb.DuckDBPyConnection, question: str = COUNT) -> dict[str, int]:
    """The rows of each table of an open copy, by the table's name."""
    return {
        ".".join(table): scalar(connection, f"SELECT {question} FROM {_sql(table)}") for table in _tables(connection)
    }


@contextmanager
def _opened(path: Path, named: Path, remedy: str, writes_to: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    with files.explained(path, "Name another file, or give this user access to it.", WarehouseUnusable):
        files.require_plain(path)
        path.open("rb").close()  # DuckDB tells a file that may not be read from a damaged one in its message only
    try:
        connection = connect(path, read_only=True, writes_to=writes_to)
    except duckdb.Error as error:
        if is_open_elsewhere(error):
            raise WarehouseBusy(
                f"Another program has {named} open for writing ({first_line(error)}).",
                "Close it, or open the file read-only there.",
            ) from error
        raise opening_failed(error, named, remedy) from error
    try:
        try:
            known = applied(connection)
        except NewerWarehouse as error:
            raise WarehouseUnusable(
                f"{named} was written by a newer version of zendesk_audit_assets.", "Upgrade, or use another file."
            ) from error
        except NotAWarehouse:
            known = ()
        if not known:
            raise WarehouseUnusable(f"{named} is not an audit-log warehouse.", "Use another file.")
        with changes_explained(connection, named, remedy):
            yield connection
    finally:
        connection.close()


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, ...]]:
    """The tables of the open database, each by its schema, unless that is the current one, and its name."""
    names = connection.execute(
        "SELECT schema_name, table_name, schema_name = current_schema() FROM duckdb_tables() "
        "WHERE database_name = current_database() ORDER BY ALL"
    )
    return [(table,) if current else (schema, table) for schema, table, current in names.fetchall()]


def _sql(table: tuple[str, ...]) -> str:
    return ".".join(map(sql_name, table))


def _due(warehouse: Warehouse) -> bool:
    if not os.path.exists(warehouse.published_path):
        return True
    with warehouse.transaction() as connection:
        published_at, seconds = get_meta(connection, "published_at"), get_meta(connection, "publish_seconds")
    try:
        pause = timedelta(seconds=float(seconds or "") / PUBLISHING_SHARE)
        now, published = datetime.now(timezone.utc), datetime.fromisoformat(published_at or "")
        return not published <= now < published + pause  # one that lies ahead was written before the clock jumped back
    except (ValueError, TypeError, OverflowError):  # nothing was published yet, or another program has changed it
        return True


def _write_parquet(source: Path, folder: Path) -> dict[str, int]:
    with open_copy(source, _NEW_COPY, writes_to=folder) as connection:
        rows = rows_of(connection)
        for table in _tables(connection):
            # A name that somebody gave a table must not lead to another folder.
            file = folder / f"{quote('.'.join(table), safe=' ')}.parquet"
            connection.execute(f"COPY {_sql(table)} TO {sql_literal(str(file))} (FORMAT parquet, COMPRESSION zstd)")
            file.chmod(files.SHARED_FILE)
    return rows


def _remove_exports(link: Path, but: str) -> None:
    """Remove the folders of earlier exports, finished or not, except one."""
    exports = re.compile(rf"{re.escape(link.name)}-\d{{8}}T\d{{12}}")
    for entry in os.scandir(link.parent):
        if exports.fullmatch(entry.name) and entry.name != but:
            shutil.rmtree(entry.path)


def _point(link: Path, folder: Path) -> None:
    fresh = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name, target_is_directory=True)
    try:
        os.replace(fresh, link)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
