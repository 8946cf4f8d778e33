"""Derived tables follow the log, at a cost that depends on what is new in it and not on its length.

The query of a table runs unchanged over less of the log: inside the transaction a temporary view of the same name
stands before the table that it reads. After an error the caller's ROLLBACK removes the view again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

import duckdb

from zendesk_audit_assets.analysis.tables import DERIVED, ByDay, ByKey, DerivedTable, Whole
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.record import Column
from zendesk_audit_assets.warehouse.schema import AUDIT_LOGS, COVERAGE, Table, scalar

STATE = Table(
    "derived_state",
    "How far each derived table has followed the log, and by which definition.",
    (
        Column("table_name", "VARCHAR", "The derived table.", required=True),
        Column("batch_id", "BIGINT", "It holds the rows of audit_logs up to this batch.", required=True),
        Column("definition", "VARCHAR", "SHA-256 of its query, columns and time zone.", required=True),
        Column("refreshed_at", "TIMESTAMPTZ", "When it was last brought up to date, UTC.", required=True),
    ),
)

# More separate stretches of touched days than this are read as one: each is a branch of the query.
MAX_STRETCHES = 60

_QUOTE = '"'


class DependencyNotBuilt(AuditError):
    """A derived table that another one reads is missing, or was built by another definition."""


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did, in rows. `full`: the table was built anew; `batch_id`: how far it has seen the log."""

    rows_total: int
    rows_written: int
    full: bool
    batch_id: int
    note: str


def refresh(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, *, timezone: str = "UTC", full: bool = False
) -> Refreshed:
    """Bring a derived table up to date with the log, inside the caller's transaction.

    It is built anew when asked for (`full`), when it is missing, and when its definition has changed: its query,
    its columns or the IANA `timezone` of business hours. Either way the result is the same. The variable
    `timezone` stays set on the connection.

    Raises `DependencyNotBuilt` when a derived table that it reads is missing or has another definition.
    """
    connection.execute("SET VARIABLE timezone = ?", [timezone])
    connection.execute(STATE.ddl)
    seen = None if full else _seen(connection, table, timezone)
    if seen is None:
        connection.execute(f'DROP TABLE IF EXISTS "{table.name}"')
        connection.execute(_ddl(table))

    if isinstance(table.follows, Whole):
        newest = min(_seen_by_dependencies(connection, table, timezone))
        written, note = _replace(connection, table, newest)
    else:
        newest = _newest_batch(connection, seen or 0)
        if seen is None:
            written, note = _insert(connection, table), "built from the whole log"
        elif isinstance(table.follows, ByDay):
            written, note = _recompute_days(connection, table, seen)
        else:
            written, note = _add_to_keys(connection, table, table.follows, seen)

    connection.execute(f"DELETE FROM {STATE.name} WHERE table_name = ?", [table.name])
    connection.execute(
        f"INSERT INTO {STATE.name} VALUES (?, ?, ?, now())", [table.name, newest, _definition(table, timezone)]
    )
    total = scalar(connection, f'SELECT count(*) FROM "{table.name}"')
    return Refreshed(rows_total=total, rows_written=written, full=seen is None, batch_id=newest, note=note)


def _seen(connection: duckdb.DuckDBPyConnection, table: DerivedTable, timezone: str) -> int | None:
    """The batch up to which the stored table holds the log; None when it must be built anew."""
    seen: int | None = scalar(
        connection,
        f"""
        SELECT batch_id FROM {STATE.name} WHERE table_name = $1 AND definition = $2 AND EXISTS (
            FROM duckdb_tables()
            WHERE database_name = current_database() AND schema_name = current_schema() AND table_name = $1
        )
        """,
        [table.name, _definition(table, timezone)],
    )
    return seen


def _definition(table: DerivedTable, timezone: str) -> str:
    return sha256(repr((table.sql, table.follows, _ddl(table), timezone)).encode()).hexdigest()


def _ddl(table: DerivedTable) -> str:
    return Table(table.name, table.meaning, table.columns).ddl


def _seen_by_dependencies(connection: duckdb.DuckDBPyConnection, table: DerivedTable, timezone: str) -> Iterator[int]:
    for dependency in DERIVED:
        if dependency.name in table.depends_on:
            seen = _seen(connection, dependency, timezone)
            if seen is None:
                raise DependencyNotBuilt(
                    f"{table.name} is computed from {dependency.name}, which is missing or was built otherwise.",
                    f"Materialize {dependency.name} first.",
                )
            yield seen


def _newest_batch(connection: duckdb.DuckDBPyConnection, seen: int) -> int:
    """Batches without new rows count as well: their coverage is news."""
    newer = " UNION ALL ".join(
        f"SELECT max(batch_id) AS batch_id FROM {name} WHERE batch_id > {seen}"
        for name in (AUDIT_LOGS.name, COVERAGE.name)
    )
    return int(scalar(connection, f"SELECT coalesce(max(batch_id), {seen}) FROM ({newer})"))


def _replace(connection: duckdb.DuckDBPyConnection, table: DerivedTable, newest: int) -> tuple[int, str]:
    connection.execute(f'DELETE FROM "{table.name}"')
    # Coverage that the tables below have not seen yet would vouch for events that they do not hold.
    with _only(connection, COVERAGE.name, [f"batch_id <= {newest}"]):
        return _insert(connection, table), f"computed from {', '.join(table.depends_on)}"


def _recompute_days(connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int) -> tuple[int, str]:
    touched = connection.execute(
        f"""
        SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::DATE AS day
        FROM {AUDIT_LOGS.name} WHERE batch_id > {seen} ORDER BY day
        """
    ).fetchall()
    if not touched:
        return 0, "nothing new"
    stretches = _stretches([day for (day,) in touched])
    days = " OR ".join(f"day >= DATE '{start}' AND day < DATE '{end}'" for start, end in stretches)
    connection.execute(f'DELETE FROM "{table.name}" WHERE {days}')
    # One branch per stretch, with constants: DuckDB skips the rest of the log by its minima and maxima, which it
    # does not do for the same conditions joined by OR.
    conditions = [
        f"created_at >= TIMESTAMPTZ '{start} 00:00:00+00' AND created_at < TIMESTAMPTZ '{end} 00:00:00+00'"
        for start, end in stretches
    ]
    with _only(connection, AUDIT_LOGS.name, conditions):
        return _insert(connection, table), f"{_count(len(touched), 'day')} touched"


def _stretches(days: Sequence[date]) -> list[tuple[date, date]]:
    """Sorted days as half-open stretches; one over all of them when there would be too many."""
    stretches: list[tuple[date, date]] = []
    for day in days:
        start = stretches.pop()[0] if stretches and stretches[-1][1] == day else day
        stretches.append((start, day + timedelta(days=1)))
    if len(stretches) > MAX_STRETCHES:
        return [(stretches[0][0], stretches[-1][1])]
    return stretches


def _add_to_keys(connection: duckdb.DuckDBPyConnection, table: DerivedTable, by: ByKey, seen: int) -> tuple[int, str]:
    with _only(connection, AUDIT_LOGS.name, [f"batch_id > {seen}"]):
        connection.execute(f"CREATE TEMP TABLE news AS {table.sql}")
    same_key = " AND ".join(f'stored."{key}" IS NOT DISTINCT FROM news."{key}"' for key in by.keys)
    known = scalar(
        connection,
        f"""
        UPDATE "{table.name}" AS stored SET
            events = stored.events + news.events,
            first_seen = least(stored.first_seen, news.first_seen),
            last_seen = greatest(stored.last_seen, news.last_seen)
        FROM news WHERE {same_key}
        """,
    )
    new = scalar(
        connection,
        f"""
        INSERT INTO "{table.name}" BY NAME
        SELECT * FROM news WHERE NOT EXISTS (FROM "{table.name}" AS stored WHERE {same_key})
        ORDER BY {", ".join(f'"{key}"' for key in by.keys)}
        """,
    )
    connection.execute("DROP TABLE temp.news")
    return known + new, f"{_count(new, 'new row')}, {_count(known, 'known one')} updated"


@contextmanager
def _only(connection: duckdb.DuckDBPyConnection, name: str, conditions: Sequence[str]) -> Iterator[None]:
    """Unqualified, `name` means only its rows that meet one of the conditions, which exclude each other."""
    # The view lives in a schema `main` of its own, so nothing less than the database's name reaches past it.
    ((database, schema),) = connection.execute("SELECT current_database(), current_schema()").fetchall()
    stored = ".".join(f'"{part.replace(_QUOTE, 2 * _QUOTE)}"' for part in (database, schema, name))
    rows = " UNION ALL ".join(f"SELECT * FROM {stored} WHERE {condition}" for condition in conditions)
    connection.execute(f'CREATE TEMP VIEW "{name}" AS {rows}')
    yield
    connection.execute(f'DROP VIEW temp."{name}"')


def _insert(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> int:
    return int(scalar(connection, f'INSERT INTO "{table.name}" BY NAME {table.sql}'))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
