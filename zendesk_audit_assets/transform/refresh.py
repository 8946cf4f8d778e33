"""Bring derived tables up to date with the log, each by its strategy, and rebuild those whose definition changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256

import duckdb

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE
from zendesk_audit_assets.transform import DERIVED, DerivedTable, query
from zendesk_audit_assets.warehouse.catalog import drop, ensure_derived, has_shape, kinds, scalar
from zendesk_audit_assets.warehouse.table import Column, Table

STATE = Table(
    "derived_state",
    "Progress and definition of each derived table, one row per table.",
    (
        Column("table_name", "VARCHAR", "Name of the derived table.", required=True),
        Column("batch_id", "BIGINT", "Newest batch of audit_logs in the table.", required=True),
        Column(
            "definition",
            "VARCHAR",
            "SHA-256 of its query, strategy, columns and time zone.",
            required=True,
        ),
        Column("refreshed_at", "TIMESTAMPTZ", "Time of the last refresh, UTC.", required=True),
    ),
)


class DependencyNotBuilt(AuditError):
    """A derived table that another one reads is missing, or was built by another definition."""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did, in rows. `full`: the table was rebuilt; `batch_id`: how far it has seen the log."""

    rows_total: int
    rows_written: int
    full: bool
    batch_id: int
    note: str


def refresh(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, *, timezone: str = "UTC", full: bool = False
) -> Refreshed:
    """Bring a derived table up to date with the log, inside the caller's transaction.

    It is rebuilt when asked for (`full`), when it is missing or has another shape, and when its definition has changed:
    its query, its columns, the IANA `timezone` of business hours, or any of these in a derived table that it reads.
    Either way the result is the same. The variable `timezone` stays set on the connection.

    Raises `DependencyNotBuilt` when a derived table that it reads is missing or has another definition.
    """
    connection.execute("SET VARIABLE timezone = ?", [timezone])
    there = kinds(connection)
    ensure_derived(connection, STATE, there)
    progress = _progress(connection, there)
    seen = None if full else _seen(progress, table, timezone)
    if seen is not None and not has_shape(connection, table, there):
        seen = None
    newest = min(_batches(connection, progress, table, timezone, seen or 0))
    if seen is None:
        drop(connection, table.name, there)
        connection.execute(table.ddl)
    if seen != newest:
        for name in table.variables:
            connection.execute(f"SET VARIABLE {name} = ({query(name)})")
    written = table.strategy.refresh(connection, table, seen, newest)
    connection.execute(f"DELETE FROM {STATE.name} WHERE table_name = ?", [table.name])
    connection.execute(
        f"INSERT INTO {STATE.name} VALUES (?, ?, ?, now())", [table.name, newest, _definition(table, timezone)]
    )
    total = scalar(connection, f'SELECT count(*) FROM "{table.name}"')
    return Refreshed(rows_total=total, rows_written=written.rows, full=seen is None, batch_id=newest, note=written.note)


def _progress(connection: duckdb.DuckDBPyConnection, there: Mapping[str, str]) -> dict[str, tuple[str, int]]:
    """The definition of each derived table that is there, and the batch up to which it holds the log."""
    # Somebody may have put a view in the place of a table.
    stored = connection.execute(f"SELECT table_name, definition, batch_id FROM {STATE.name}").fetchall()
    return {name: (definition, batch_id) for name, definition, batch_id in stored if there.get(name) == "TABLE"}


def _seen(progress: Mapping[str, tuple[str, int]], table: DerivedTable, timezone: str) -> int | None:
    """The batch up to which the stored table holds the log; None when it must be rebuilt."""
    definition, batch_id = progress.get(table.name, (None, None))
    return batch_id if definition == _definition(table, timezone) else None


def _definition(table: DerivedTable, timezone: str) -> str:
    queries = [table.sql, *map(query, table.variables)]
    below = [_definition(dependency, timezone) for dependency in _dependencies(table)]
    return sha256(repr((queries, table.strategy, table.ddl, timezone, below)).encode()).hexdigest()


def _dependencies(table: DerivedTable) -> list[DerivedTable]:
    return [dependency for dependency in DERIVED if dependency.name in table.depends_on]


def _batches(
    connection: duckdb.DuckDBPyConnection,
    progress: Mapping[str, tuple[str, int]],
    table: DerivedTable,
    timezone: str,
    seen: int,
) -> Iterator[int]:
    """The batch up to which each of the things that it reads follows the log."""
    if AUDIT_LOGS.name in table.depends_on:
        yield _newest_batch(connection, seen)
    for dependency in _dependencies(table):
        reached = _seen(progress, dependency, timezone)
        if reached is None:
            raise DependencyNotBuilt(
                f"{table.name} reads {dependency.name}, which is missing or was built by another definition.",
                f"Materialize {dependency.name} first.",
            )
        yield reached


def _newest_batch(connection: duckdb.DuckDBPyConnection, seen: int) -> int:
    """Batches without new rows count as well: their coverage is news."""
    newer = " UNION ALL ".join(
        f"SELECT max(batch_id) AS batch_id FROM {name} WHERE batch_id > {seen}"
        for name in (AUDIT_LOGS.name, COVERAGE.name)
    )
    return int(scalar(connection, f"SELECT coalesce(max(batch_id), {seen}) FROM ({newer})"))
