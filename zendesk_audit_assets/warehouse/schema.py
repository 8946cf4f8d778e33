"""The warehouse's own tables, and the steps that bring an older file up to date.

Plain tables only: no keys, constraints, sequences or indexes, so that everything here also holds on DuckLake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.record import FIELDS, Column


@dataclass(frozen=True)
class Table:
    """A table with its meaning, in the order of its columns."""

    name: str
    meaning: str
    columns: tuple[Column, ...]

    @property
    def ddl(self) -> str:
        """`CREATE TABLE IF NOT EXISTS` for this table."""
        columns = ", ".join(
            f'"{column.name}" {column.type}{" NOT NULL" if column.required else ""}' for column in self.columns
        )
        return f'CREATE TABLE IF NOT EXISTS "{self.name}" ({columns})'


_ORIGIN = (
    Column("batch_id", "BIGINT", "The batch that brought it: coverage.batch_id.", required=True),
    Column("inserted_at", "TIMESTAMPTZ", "When it was committed here, UTC.", required=True),
    Column("run_id", "VARCHAR", "The Dagster run that brought it.", required=True),
)
_EVENT = (*FIELDS, Column("extra", "JSON", "Fields that the documented record does not have, untouched."), *_ORIGIN)

AUDIT_LOGS = Table("audit_logs", "Every event of the account's audit log, once, as Zendesk sent it.", _EVENT)
REVISIONS = Table(
    "audit_log_revisions",
    "Other versions of an event already stored: same id, other content. The first version stays in audit_logs.",
    _EVENT,
)
REJECTS = Table(
    "audit_log_rejects",
    "Records that could not be typed, with the reason and their raw text.",
    (
        Column("reason", "VARCHAR", "Why the record could not be typed.", required=True),
        Column("raw", "VARCHAR", "The record as Zendesk sent it, as JSON text.", personal=True, required=True),
        *_ORIGIN,
    ),
)
COVERAGE = Table(
    "coverage",
    "The stretches of time that were read completely, one row per committed batch.",
    (
        Column("batch_id", "BIGINT", "Number of the batch, ascending in the order of commits.", required=True),
        Column("window_start", "TIMESTAMPTZ", "First second that was read, UTC.", required=True),
        Column("window_end", "TIMESTAMPTZ", "The second after the last one that was read, UTC.", required=True),
        Column("read_at", "TIMESTAMPTZ", "Zendesk's clock when the first of its answers came.", required=True),
        Column("run_id", "VARCHAR", "The Dagster run that read it.", required=True),
        Column("requests", "BIGINT", "HTTP requests that it took, retries included.", required=True),
        Column("rows_received", "BIGINT", "Records received for this window.", required=True),
        Column("rows_inserted", "BIGINT", "Of these, new to the warehouse.", required=True),
        Column("rows_revised", "BIGINT", "New rows of audit_log_revisions: known ids, other content.", required=True),
        Column("rows_rejected", "BIGINT", "Of these, new rows of audit_log_rejects.", required=True),
        Column("committed_at", "TIMESTAMPTZ", "When the batch was committed, UTC.", required=True),
    ),
)  # fmt: skip
META = Table(
    "warehouse_meta",
    "Facts about this file: schema version, account, last publication.",
    (
        Column("name", "VARCHAR", "Name of the fact.", required=True),
        Column("value", "VARCHAR", "Its value, as text.", required=True),
    ),
)

TABLES: tuple[Table, ...] = (AUDIT_LOGS, REVISIONS, REJECTS, COVERAGE, META)

# Each step takes a file from version n to n + 1; the version is the number of steps. Never change a step that
# was released: add one.
MIGRATIONS: tuple[tuple[str, ...], ...] = (tuple(table.ddl for table in TABLES),)
SCHEMA_VERSION = len(MIGRATIONS)


class NewerWarehouse(AuditError):
    """The file was written by a newer version of this project."""


def migrate(connection: duckdb.DuckDBPyConnection, steps: Sequence[Sequence[str]] = MIGRATIONS) -> None:
    """Bring the open database up to date, inside the caller's transaction.

    Raises `NewerWarehouse` when the file is ahead of this code.
    """
    version = stored_version(connection)
    if version > len(steps):
        raise NewerWarehouse(
            f"The warehouse has schema version {version}, this project knows versions up to {len(steps)}.",
            "Upgrade zendesk_audit_assets, or point ZENDESK_AUDIT_DB at another file.",
        )
    if version == len(steps):
        return
    for step in steps[version:]:
        for statement in step:
            connection.execute(statement)
    set_meta(connection, "schema_version", str(len(steps)))


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the open database has the schema of this code. Not for within a transaction: it may abort it.

    The usual answer, at a tenth of the price of asking DuckDB first which tables there are.
    """
    try:
        version = scalar(connection, f"SELECT max(value) FROM {META.name} WHERE name = 'schema_version'")
    except duckdb.CatalogException:
        return False
    return bool(version == str(SCHEMA_VERSION))


def stored_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The schema version of the open database; 0 for an empty one."""
    return int(get_meta(connection, "schema_version") or 0)


def get_meta(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """A fact of `warehouse_meta`, or None when it is not there (yet)."""
    if META.name not in relations(connection):
        return None
    value = scalar(connection, f"SELECT max(value) FROM {META.name} WHERE name = ?", [name])
    return None if value is None else str(value)


def set_meta(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Store or replace a fact of `warehouse_meta`."""
    connection.execute("DELETE FROM warehouse_meta WHERE name = ?", [name])
    connection.execute("INSERT INTO warehouse_meta VALUES (?, ?)", [name, value])


def relations(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The names of all tables and views of the open database."""
    names = connection.execute(
        "SELECT table_name FROM information_schema.tables WHERE table_catalog = current_database()"
    )
    return frozenset(name for (name,) in names.fetchall())


def scalar(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> Any:
    """The first value of a query's answer, None when it is empty.

    Reads the answer to its end: since DuckDB 2.0 a connection refuses other work while rows are left to fetch.
    """
    rows = connection.execute(query, list(parameters)).fetchall()
    return rows[0][0] if rows else None
