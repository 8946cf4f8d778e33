"""Copies of the warehouse for readers: the published file, Parquet, backups. Each replaces its target as a whole."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

import duckdb

from zendesk_audit_assets.text import first_line
from zendesk_audit_assets.warehouse.catalog import get_meta, scalar, set_meta
from zendesk_audit_assets.warehouse.database import (
    Warehouse,
    WarehouseUnusable,
    connect,
)
from zendesk_audit_assets.warehouse.migrations import NewerWarehouse, applied

# Copying takes at most this share of the elapsed time: a large file is published less often.
PUBLISHING_SHARE = 0.05


@dataclass(frozen=True)
class Published:
    """A finished copy: where, how large, how long it took, and the rows of each table."""

    path: Path
    bytes: int
    seconds: float
    rows: dict[str, int]


def publish(warehouse: Warehouse, *, force: bool = False) -> Published | None:
    """Replace the published copy; None when the last one is so recent that copying would take too much time.

    Readers who have the old copy open keep it undisturbed. Raises `DiskAlmostFull` before anything is written.
    """
    if not force and not _due(warehouse):
        return None
    started = time.monotonic()
    with warehouse.transaction() as connection:
        set_meta(connection, "published_at", datetime.now(timezone.utc).isoformat())
    rows = _copy(warehouse, warehouse.published_path, _COUNT)
    seconds = time.monotonic() - started
    with warehouse.transaction() as connection:
        set_meta(connection, "publish_seconds", f"{seconds:.3f}")
    path = warehouse.published_path
    return Published(path, path.stat().st_size, seconds, rows)


def export_parquet(warehouse: Warehouse) -> Published:
    """Replace the folder `<name>_parquet` beside the published copy: a file per table, all of the same moment.

    The folder is a link that is swapped at the end, so that a reader never sees tables of two moments.
    Raises `WarehouseUnusable` when nothing has been published yet.
    """
    started = time.monotonic()
    source = warehouse.published_path
    if not source.exists():
        raise WarehouseUnusable(f"There is no published copy {source} to export.", "Materialize published_warehouse.")
    link = source.with_name(f"{source.stem}_parquet")
    warehouse.require_disk_space(source.stat().st_size)
    folder = link.with_name(f"{link.name}-{datetime.now(timezone.utc):%Y%m%dT%H%M%S%f}")
    folder.mkdir()
    try:
        with open_read_only(source, writes_to=folder) as connection:
            rows = _rows(connection)
            for table in rows:
                target = str(folder / f"{table}.parquet").replace("'", "''")
                connection.execute(f"COPY \"{table}\" TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        _point(link, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    for old in set(source.parent.glob(f"{link.name}-*")) - {folder}:
        shutil.rmtree(old)
    size = sum(file.stat().st_size for file in folder.iterdir())
    return Published(link, size, time.monotonic() - started, rows)


def backup(warehouse: Warehouse, target: Path) -> Published:
    """Copy the warehouse to `target`, read all of the copy, and only then put it in place.

    Raises `WarehouseUnusable` when there is nothing to copy, or when it is damaged.
    """
    if not warehouse.path.exists():
        raise WarehouseUnusable(f"There is no warehouse {warehouse.path} yet.", "Run `zendesk-audit sync` first.")
    started = time.monotonic()
    with warehouse.transaction():
        pass  # brings an older file up to date
    rows = _copy(warehouse, target, _COUNT_AND_READ)
    return Published(target, target.stat().st_size, time.monotonic() - started, rows)


def restore(warehouse: Warehouse, source: Path) -> Published:
    """Put a copy of the backup `source`, which is read to its end before, in the place of the warehouse.

    What was there is kept beside it with the ending `.before-restore`.
    Raises `WarehouseUnusable` when `source` is not a warehouse that this version can open, or is damaged.
    """
    started = time.monotonic()
    table_rows(source)
    if Path(f"{source}.wal").exists():
        raise WarehouseUnusable(
            f"{source} is not complete: a part of it is still in {source.name}.wal beside it.",
            "Open it with DuckDB once, which brings the two together, or use another backup.",
        )
    with warehouse.locked():
        warehouse.require_disk_space(source.stat().st_size)
        with _temporary_beside(warehouse.path) as temporary:
            _copy_durably(source, temporary)
            rows = _rows_of(temporary, source, _COUNT_AND_READ)
            _move_aside(warehouse.path)
            os.replace(temporary, warehouse.path)
    return Published(warehouse.path, warehouse.path.stat().st_size, time.monotonic() - started, rows)


def table_rows(path: Path) -> dict[str, int]:
    """The rows of each table of a finished copy. Raises `WarehouseUnusable` when it is not one."""
    return _rows_of(path, path, _COUNT)


@contextmanager
def open_read_only(path: Path, *, writes_to: Path | None = None) -> Iterator[duckdb.DuckDBPyConnection]:
    """A finished copy to read from; `COPY` may write to the folder `writes_to` only.

    Raises `WarehouseUnusable` when the copy is missing, or is not one.
    """
    if not path.exists():
        remedy = "Check the path; `zendesk-audit sync` makes the published copy."
        raise WarehouseUnusable(f"There is no file {path}.", remedy)
    try:
        connection = connect(path, read_only=True, writes_to=writes_to)
    except duckdb.Error as error:
        raise WarehouseUnusable(
            f"{path} cannot be opened as a DuckDB database ({first_line(error)}).",
            "Check the path, or use another backup.",
        ) from error
    try:
        try:
            known = applied(connection)
        except NewerWarehouse as error:
            raise WarehouseUnusable(
                f"{path} was written by a newer version of zendesk_audit_assets.", "Upgrade, or use another file."
            ) from error
        if not known:
            raise WarehouseUnusable(f"{path} is not an audit-log warehouse.", "Use another file.")
        yield connection
    finally:
        connection.close()


def _due(warehouse: Warehouse) -> bool:
    if not warehouse.published_path.exists():
        return True
    with warehouse.transaction() as connection:
        published_at, seconds = get_meta(connection, "published_at"), get_meta(connection, "publish_seconds")
    if published_at is None or seconds is None:
        return True
    pause = timedelta(seconds=float(seconds) / PUBLISHING_SHARE)
    return datetime.now(timezone.utc) >= datetime.fromisoformat(published_at) + pause


# What is asked of each table of a copy. DuckDB counts without reading; what it reads it verifies.
_COUNT = "count(*)"
_COUNT_AND_READ = "count(*), bit_xor(hash(COLUMNS(*)))"


def _copy(warehouse: Warehouse, target: Path, question: str) -> dict[str, int]:
    """The rows of each table of the copy."""
    with warehouse.locked():
        target.parent.mkdir(parents=True, exist_ok=True)
        warehouse.checkpoint()
        warehouse.require_disk_space(warehouse.path.stat().st_size, target.parent)
        with _temporary_beside(target) as temporary:
            _copy_durably(warehouse.path, temporary)
            rows = _rows_of(temporary, warehouse.path, question)
            os.replace(temporary, target)
    return rows


@contextmanager
def _temporary_beside(target: Path) -> Iterator[Path]:
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _move_aside(path: Path) -> None:
    """Rename a database, which may be damaged, together with its write-ahead log, without which it is incomplete."""
    aside = path.with_name(f"{path.name}.before-restore")
    for ending in ("", ".wal"):
        Path(f"{aside}{ending}").unlink(missing_ok=True)
        if Path(f"{path}{ending}").exists():
            os.replace(f"{path}{ending}", f"{aside}{ending}")


def _copy_durably(source: Path, target: Path) -> None:
    shutil.copyfile(source, target)
    with target.open("rb+") as file:
        os.fsync(file.fileno())


def _rows_of(path: Path, origin: Path, question: str) -> dict[str, int]:
    """The rows of each table of a file, which may be a copy of its origin."""
    try:
        with open_read_only(path) as connection:
            return _rows(connection, question)
    except duckdb.Error as error:
        raise WarehouseUnusable(
            f"{origin} is damaged ({first_line(error)}).",
            "Use another backup; `zendesk-audit restore` puts it in the place of the warehouse.",
        ) from error


def _rows(connection: duckdb.DuckDBPyConnection, question: str = _COUNT) -> dict[str, int]:
    names = "SELECT table_name FROM duckdb_tables() WHERE database_name = current_database() ORDER BY table_name"
    return {
        name: scalar(connection, f'SELECT {question} FROM "{name}"') for (name,) in connection.execute(names).fetchall()
    }


def _point(link: Path, folder: Path) -> None:
    fresh = link.with_name(f".{link.name}.{os.getpid()}.tmp")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name, target_is_directory=True)
    os.replace(fresh, link)
