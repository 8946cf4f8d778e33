"""Derived tables follow the log, at a cost that depends on what is new in it and not on its length.

The query of a table runs unchanged over less of the log: inside the transaction a temporary view of the same name
stands before the table that it reads. After an error the caller's ROLLBACK removes the view again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from hashlib import sha256

import duckdb

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE
from zendesk_audit_assets.transform import (
    DERIVED,
    ByDay,
    ByEvent,
    ByKey,
    ByPeriod,
    ByTouched,
    DerivedTable,
    View,
    Whole,
)
from zendesk_audit_assets.warehouse.catalog import drop, ensure_derived, scalar
from zendesk_audit_assets.warehouse.table import Column, Table

STATE = Table(
    "derived_state",
    "How far each derived table has followed the log, and by which definition.",
    (
        Column("table_name", "VARCHAR", "The derived table.", required=True),
        Column("batch_id", "BIGINT", "It holds the rows of audit_logs up to this batch.", required=True),
        Column(
            "definition",
            "VARCHAR",
            "SHA-256 of its query, columns and time zone.",
            required=True,
        ),
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
    its columns, the IANA `timezone` of business hours, or any of these in a derived table that it reads. Either way
    the result is the same. The variable `timezone` stays set on the connection.

    Raises `DependencyNotBuilt` when a derived table that it reads is missing or has another definition.
    """
    connection.execute("SET VARIABLE timezone = ?", [timezone])
    ensure_derived(connection, STATE)
    seen = None if full else _seen(connection, table, timezone)
    newest = min(_batches(connection, table, timezone, seen or 0))
    if seen is None:
        _create(connection, table)

    follows = table.follows
    if isinstance(follows, View):
        written, note = 0, "a view: computed when it is read"
    elif isinstance(follows, Whole):
        written, note = _replace(connection, table, newest)
    elif isinstance(follows, ByEvent):
        written, note = _append(connection, table, seen, newest)
    elif seen is None:
        written, note = _insert(connection, table), "built from the whole log"
    elif isinstance(follows, ByDay):
        written, note = _recompute_days(connection, table, seen)
    elif isinstance(follows, ByKey):
        written, note = _add_to_keys(connection, table, follows, seen)
    elif isinstance(follows, ByPeriod):
        written, note = _recompute_periods(connection, table, follows, seen)
    else:
        written, note = _recompute_keys(connection, table, follows, seen)

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
            FROM information_schema.tables
            WHERE table_catalog = current_database() AND table_schema = current_schema() AND table_name = $1
        )
        """,
        [table.name, _definition(table, timezone)],
    )
    return seen


def _definition(table: DerivedTable, timezone: str) -> str:
    below = [_definition(dependency, timezone) for dependency in _dependencies(table)]
    return sha256(repr((table.sql, table.follows, _ddl(table), timezone, below)).encode()).hexdigest()


def _dependencies(table: DerivedTable) -> list[DerivedTable]:
    return [dependency for dependency in DERIVED if dependency.name in table.depends_on]


def _ddl(table: DerivedTable) -> str:
    return Table(table.name, table.description, table.columns).ddl


def _create(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> None:
    drop(connection, table.name)
    if isinstance(table.follows, View):
        connection.execute(f'CREATE VIEW "{table.name}" AS {table.sql}')
    else:
        connection.execute(_ddl(table))


def _batches(connection: duckdb.DuckDBPyConnection, table: DerivedTable, timezone: str, seen: int) -> Iterator[int]:
    """The batch up to which each of the things that it reads follows the log."""
    if AUDIT_LOGS.name in table.depends_on:
        yield _newest_batch(connection, seen)
    for dependency in _dependencies(table):
        reached = _seen(connection, dependency, timezone)
        if reached is None:
            raise DependencyNotBuilt(
                f"{table.name} is computed from {dependency.name}, which is missing or was built otherwise.",
                f"Materialize {dependency.name} first.",
            )
        yield _newest_batch(connection, seen) if isinstance(dependency.follows, View) else reached


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
    with _only(connection, COVERAGE.name, [f"WHERE batch_id <= {newest}"]):
        return _insert(connection, table), f"computed from {', '.join(table.depends_on)}"


def _append(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int | None, newest: int
) -> tuple[int, str]:
    # Of tables that have come to different batches, only what all of them hold.
    new = f"WHERE batch_id > {-1 if seen is None else seen} AND batch_id <= {newest}"
    with ExitStack() as limited:
        for name in table.depends_on:
            limited.enter_context(_only(connection, name, [new]))
        written = _insert(connection, table)
    return written, "built from the whole log" if seen is None else f"{_count(written, 'new row')}"


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
    parts = [
        f"WHERE created_at >= TIMESTAMPTZ '{start} 00:00:00+00' AND created_at < TIMESTAMPTZ '{end} 00:00:00+00'"
        for start, end in stretches
    ]
    with _only(connection, AUDIT_LOGS.name, parts):
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
    (base,) = table.depends_on
    with _only(connection, base, [f"WHERE batch_id > {seen}"]):
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


def _recompute_keys(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, by: ByTouched, seen: int
) -> tuple[int, str]:
    (base,) = table.depends_on
    names = list(zip(by.keys, by.base_keys, strict=True))
    touched = scalar(
        connection,
        f"""
        CREATE TEMP TABLE touched AS
        SELECT DISTINCT {", ".join(f'"{in_base}" AS "{key}"' for key, in_base in names)}
        FROM "{base}" WHERE batch_id > {seen} AND ({by.rows})
        """,
    )
    written = 0
    if touched:
        of_key = _touched((key, key) for key in by.keys)
        connection.execute(f'DELETE FROM "{table.name}" AS stored USING touched WHERE {of_key}')
        with _only(connection, base, [f"JOIN touched ON {_touched(names)}"]):
            written = _insert(connection, table)
    connection.execute("DROP TABLE temp.touched")
    return written, f"{_count(touched, 'key')} touched" if touched else "nothing new"


def _recompute_periods(
    connection: duckdb.DuckDBPyConnection, table: DerivedTable, by: ByPeriod, seen: int
) -> tuple[int, str]:
    (base,) = table.depends_on
    of_key = _touched((key, key) for key in by.keys)
    # Each key from the last change before the new ones on, or anew when there is none.
    touched = scalar(
        connection,
        f"""
        CREATE TEMP TABLE touched AS
        SELECT touched.*, max(valid_from) IS NULL AS anew, coalesce(max(valid_from), max(first_new)) AS since
        FROM (
            SELECT {", ".join(f'"{key}"' for key in by.keys)}, min(created_at) AS first_new
            FROM "{base}" WHERE batch_id > {seen} AND ({by.rows}) GROUP BY ALL
        ) AS touched
        LEFT JOIN "{table.name}" AS stored ON {of_key} AND valid_from < first_new
        GROUP BY ALL
        """,
    )
    written = 0
    if touched:
        connection.execute(
            f'DELETE FROM "{table.name}" AS stored USING touched WHERE {of_key} AND (anew OR valid_from >= since)'
        )
        # Not by EXISTS, which takes DuckDB twenty times as long with such a condition.
        with _only(connection, base, [f"JOIN touched ON {of_key} AND stored.created_at >= since"]):
            connection.execute(f"CREATE TEMP TABLE news AS {table.sql}")
        written = scalar(
            connection,
            f"""
            INSERT INTO "{table.name}" BY NAME
            SELECT stored.* FROM news AS stored JOIN touched ON {of_key} WHERE valid_from IS NOT NULL OR anew
            """,
        )
        connection.execute("DROP TABLE temp.news")
    connection.execute("DROP TABLE temp.touched")
    return written, f"{_count(touched, 'key')} touched" if touched else "nothing new"


def _touched(names: Iterable[tuple[str, str]]) -> str:
    return " AND ".join(f'touched."{key}" IS NOT DISTINCT FROM stored."{name}"' for key, name in names)


@contextmanager
def _only(connection: duckdb.DuckDBPyConnection, name: str, parts: Sequence[str]) -> Iterator[None]:
    """Unqualified, `name` means only parts of it, which exclude each other: each a WHERE or a JOIN of `stored`."""
    # The view lives in a schema `main` of its own, so nothing less than the database's name reaches past it.
    ((database, schema),) = connection.execute("SELECT current_database(), current_schema()").fetchall()
    stored = ".".join(f'"{part.replace(_QUOTE, 2 * _QUOTE)}"' for part in (database, schema, name))
    rows = " UNION ALL ".join(f"SELECT stored.* FROM {stored} AS stored {part}" for part in parts)
    connection.execute(f'CREATE TEMP VIEW "{name}" AS {rows}')
    yield
    connection.execute(f'DROP VIEW temp."{name}"')


def _insert(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> int:
    return int(scalar(connection, f'INSERT INTO "{table.name}" BY NAME {table.sql}'))


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
