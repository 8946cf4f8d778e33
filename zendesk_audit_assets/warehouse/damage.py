"""What DuckDB's errors mean for a file: it is damaged, somebody else has it open, or the disk fails."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from zendesk_audit_assets.errors import AuditError, causes
from zendesk_audit_assets.text import first_line
from zendesk_audit_assets.warehouse.migrations import changed_table


class WarehouseBusy(AuditError):
    """Another program holds the file; trying again later may help."""

    permanent = False


class WarehouseUnusable(AuditError):
    """The file or its folder cannot be used as a warehouse."""


class Exhausted(AuditError):
    """The machine has no memory or no disk space left."""


# Of the system, of DuckDB, whose own limit for what does not fit into memory is a part of the disk, and of SQLite.
_FULL_DISK = re.compile(
    r"no space left|quota exceeded|file too large|max_temp_directory_size|disk is full", re.IGNORECASE
)


def exhausted(error: BaseException, what: str) -> Exhausted | None:
    """The sentences for an error of `what` whose cause is a lack of memory or of disk space; None for another one."""
    for cause in causes(error):
        if isinstance(cause, OSError | duckdb.Error | sqlite3.Error) and _FULL_DISK.search(str(cause)):
            return Exhausted(f"The disk is full ({first_line(cause)}).", "Free some space on it, then run again.")
        if isinstance(cause, MemoryError | duckdb.OutOfMemoryException):
            return Exhausted(
                f"{what} ran out of memory.",
                "Stop other programs of this machine, or give it more memory; then run again.",
            )
    return None


# DuckDB has no class of its own for damage: a wrong checksum, a file cut short, a block that makes no sense.
_DAMAGE = re.compile(r"corrupt|checksum|could not read|not a valid duckdb|deserializ|failed to load", re.IGNORECASE)
_FOREIGN_WAL = re.compile(r"\bWAL\b")


def is_open_elsewhere(error: BaseException) -> bool:
    """Whether another process has the file open, or a connection of this one that was opened differently."""
    if isinstance(error, duckdb.IOException):
        return "Could not set lock" in str(error)
    return isinstance(error, duckdb.ConnectionException)


def is_damage(error: BaseException) -> bool:
    """Whether an error of DuckDB means that the file itself is damaged."""
    if isinstance(error, duckdb.SerializationException):
        return True
    return isinstance(error, duckdb.Error) and _DAMAGE.search(str(error)) is not None


@contextmanager
def damage_explained(path: Path, remedy: str) -> Iterator[None]:
    """Turn the errors that mean damage of the file `path` into `WarehouseUnusable`; let all others pass."""
    try:
        yield
    except duckdb.Error as error:
        if not is_damage(error):
            raise
        raise WarehouseUnusable(f"{path} is damaged ({first_line(error)}).", remedy) from error


def require_unchanged(connection: duckdb.DuckDBPyConnection, path: Path, remedy: str) -> None:
    """Raise `WarehouseUnusable` for a file whose durable tables are not what this version makes of them."""
    if table := changed_table(connection):
        raise WarehouseUnusable(f"Another program has changed the table {table} of {path}.", remedy)


@contextmanager
def changes_explained(connection: duckdb.DuckDBPyConnection, path: Path, remedy: str) -> Iterator[None]:
    """Turn what fails because another program has changed the file into `WarehouseUnusable`; let all others pass."""
    try:
        yield
    except duckdb.Error:
        with suppress(duckdb.Error):  # of a connection that the first error has ended
            require_unchanged(connection, path, remedy)
        raise


def opening_failed(error: Exception, path: Path, remedy: str) -> WarehouseUnusable:
    """Say why a file cannot be opened; `remedy` is for one that is damaged or no database."""
    if _FOREIGN_WAL.search(str(error)):
        return WarehouseUnusable(
            f"{path} cannot be opened with the write-ahead log {path.name}.wal beside it ({first_line(error)}).",
            f"The log is of another file, or of another program: move {path}.wal away.",
        )
    what = (
        "is damaged"
        if is_damage(error) and "not a valid" not in str(error)
        else "cannot be opened as a DuckDB database"
    )
    return WarehouseUnusable(f"{path} {what} ({first_line(error)}).", remedy)
