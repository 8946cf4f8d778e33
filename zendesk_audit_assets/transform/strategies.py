"""The strategies by which a derived table follows the log, at a cost that depends on its new rows alone.

The query of a table runs unchanged over less of the log: inside the transaction a temporary view of the same name
stands in front of the table that it reads. After an error the caller's ROLLBACK removes the view again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import duckdb

from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE
from zendesk_audit_assets.warehouse.catalog import qualified, scalar

if TYPE_CHECKING:
    from zendesk_audit_assets.transform.table import DerivedTable

# More separate stretches of touched days than this are read as one: each is a branch of the query.
MAX_STRETCHES = 60


@dataclass(frozen=True)
class Written:
    """The rows that a refresh wrote, and a note that says what it did."""

    rows: int
    note: str


class Strategy(ABC):
    """How a derived table takes in new rows of the log."""

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns that identify a row, where the strategy tells them."""
        return ()

    @property
    def open_period(self) -> tuple[str, ...]:
        """The columns that identify a thing with one period without an end, where the strategy tells them."""
        return ()

    @abstractmethod
    def refresh(
        self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int | None, newest: int
    ) -> Written:
        """Take in the batches after `seen` up to `newest`; all of them, into an empty table, when `seen` is None."""


class _Incremental(Strategy):
    """A strategy whose first refresh runs the query over the whole log."""

    def refresh(
        self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int | None, newest: int
    ) -> Written:
        if seen is None:
            return Written(_insert(connection, table), "built from the whole log")
        return self._take_in(connection, table, seen)

    @abstractmethod
    def _take_in(self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int) -> Written: ...


@dataclass(frozen=True)
class Full(Strategy):
    """Compute the whole table each time, from derived tables, which are small."""

    def refresh(
        self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int | None, newest: int
    ) -> Written:
        connection.execute(f'DELETE FROM "{table.name}"')
        # Coverage that the tables below have not seen yet would vouch for events that they do not hold.
        with _only(connection, COVERAGE.name, [f"WHERE batch_id <= {newest}"]):
            return Written(_insert(connection, table), f"computed from {', '.join(table.depends_on)}")


@dataclass(frozen=True)
class ByEvent(Strategy):
    """Append the rows of new events.

    Each row comes from one event. The tables that it reads have a `batch_id`, and a row reads one batch. Rows whose
    value may change with new events meet the condition `again`, where `{seen}` is the last batch before those; they are
    computed again, by their `id`.
    """

    again: str = ""

    def refresh(
        self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int | None, newest: int
    ) -> Written:
        if seen == newest:
            return Written(0, "nothing new")
        # Of tables that have come to different batches, only what all of them hold.
        rows = [f"WHERE batch_id > {-1 if seen is None else seen} AND batch_id <= {newest}"]
        if self.again and seen is not None:
            condition = self.again.format(seen=seen)
            connection.execute(f'CREATE TEMP TABLE touched AS SELECT id FROM "{table.name}" WHERE {condition}')
            connection.execute(f'DELETE FROM "{table.name}" WHERE id IN (FROM touched)')
            rows.append(f"WHERE batch_id <= {seen} AND id IN (FROM touched)")
        written = 0
        # DuckDB plans a long query for longer than it reads a few events.
        if any(_are_there(connection, name, rows) for name in table.depends_on):
            with ExitStack() as limited:
                for name in table.depends_on:
                    limited.enter_context(_only(connection, name, rows))
                written = _insert(connection, table)
        connection.execute("DROP TABLE IF EXISTS temp.touched")
        return Written(written, "built from the whole log" if seen is None else f"{_count(written, 'row')} written")


@dataclass(frozen=True)
class ByDay(_Incremental):
    """Recompute the UTC days on which new rows fall; the column `day` holds the day."""

    def _take_in(self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int) -> Written:
        touched = connection.execute(
            f"""
            SELECT DISTINCT (created_at AT TIME ZONE 'UTC')::DATE AS day
            FROM {AUDIT_LOGS.name} WHERE batch_id > {seen} ORDER BY day
            """
        ).fetchall()
        if not touched:
            return Written(0, "nothing new")
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
            return Written(_insert(connection, table), f"{_count(len(touched), 'day')} touched")


@dataclass(frozen=True)
class ByKey(_Incremental):
    """Add the `events`, `first_seen` and `last_seen` of new rows to those stored for the same keys."""

    keys: tuple[str, ...]

    @property
    def row_key(self) -> tuple[str, ...]:
        return self.keys

    def _take_in(self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int) -> Written:
        (base,) = table.depends_on
        with _only(connection, base, [f"WHERE batch_id > {seen}"]):
            connection.execute(f"CREATE TEMP TABLE news AS {table.sql}")
        same_key = " AND ".join(f'stored."{key}" IS NOT DISTINCT FROM news."{key}"' for key in self.keys)
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
            ORDER BY {_columns(self.keys)}
            """,
        )
        connection.execute("DROP TABLE temp.news")
        return Written(known + new, f"{_count(new, 'new row')}, {_count(known, 'known one')} updated")


@dataclass(frozen=True)
class ByKeyRecompute(_Incremental):
    """Recompute the keys that new rows touch, each from all rows of the key.

    The table reads one table, which has a `batch_id`. `keys` are its columns, `in_base` the same ones in the table
    that it reads, where their names differ. Every row that concerns it meets the condition `rows`.
    """

    keys: tuple[str, ...]
    in_base: tuple[str, ...] = ()
    rows: str = "true"

    def _take_in(self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int) -> Written:
        (base,) = table.depends_on
        names = list(zip(self.keys, self.in_base or self.keys, strict=True))
        touched = scalar(
            connection,
            f"""
            CREATE TEMP TABLE touched AS
            SELECT DISTINCT {", ".join(f'"{in_base}" AS "{key}"' for key, in_base in names)}
            FROM {qualified(connection, base)} WHERE batch_id > {seen} AND ({self.rows})
            """,
        )
        written = 0
        if touched:
            same_key = _touched((key, key) for key in self.keys)
            connection.execute(f'DELETE FROM "{table.name}" AS stored USING touched WHERE {same_key}')
            with _only(connection, base, [f"JOIN touched ON {_touched(names)}"]):
                written = _insert(connection, table)
        connection.execute("DROP TABLE temp.touched")
        return Written(written, f"{_count(touched, 'key')} touched" if touched else "nothing new")


@dataclass(frozen=True)
class ByPeriod(_Incremental):
    """Recompute the periods of the keys that new rows touch, from the last change before the new rows on.

    Each key has a row per change, from `valid_from` to `valid_to`, which is the time of the next change. A row without
    `valid_from` tells of the time before the first change of its key. The table reads one table, which has the keys,
    `created_at` and a `batch_id`; `rows` is as in `ByKeyRecompute`.
    """

    keys: tuple[str, ...]
    rows: str = "true"

    @property
    def open_period(self) -> tuple[str, ...]:
        return self.keys

    def _take_in(self, connection: duckdb.DuckDBPyConnection, table: DerivedTable, seen: int) -> Written:
        (base,) = table.depends_on
        same_key = _touched((key, key) for key in self.keys)
        # A key without a change before the new ones is rebuilt.
        touched = scalar(
            connection,
            f"""
            CREATE TEMP TABLE touched AS
            SELECT touched.*, max(valid_from) IS NULL AS rebuild, coalesce(max(valid_from), max(first_new)) AS since
            FROM (
                SELECT {_columns(self.keys)}, min(created_at) AS first_new
                FROM {qualified(connection, base)} WHERE batch_id > {seen} AND ({self.rows}) GROUP BY ALL
            ) AS touched
            LEFT JOIN "{table.name}" AS stored ON {same_key} AND valid_from < first_new
            GROUP BY ALL
            """,
        )
        written = 0
        if touched:
            connection.execute(
                f'DELETE FROM "{table.name}" AS stored USING touched '
                f"WHERE {same_key} AND (rebuild OR valid_from >= since)"
            )
            # Not by EXISTS, which takes DuckDB twenty times as long with such a condition.
            with _only(connection, base, [f"JOIN touched ON {same_key} AND stored.created_at >= since"]):
                connection.execute(f"CREATE TEMP TABLE news AS {table.sql}")
            written = scalar(
                connection,
                f"""
                INSERT INTO "{table.name}" BY NAME
                SELECT stored.* FROM news AS stored JOIN touched ON {same_key} WHERE valid_from IS NOT NULL OR rebuild
                """,
            )
            connection.execute("DROP TABLE temp.news")
        connection.execute("DROP TABLE temp.touched")
        return Written(written, f"{_count(touched, 'key')} touched" if touched else "nothing new")


@contextmanager
def _only(connection: duckdb.DuckDBPyConnection, name: str, parts: Sequence[str]) -> Iterator[None]:
    """Let `name`, unqualified, mean only parts of the table of that name.

    The parts exclude each other: each is a WHERE or a JOIN of `stored`.
    """
    stored = qualified(connection, name)
    rows = " UNION ALL ".join(f"SELECT stored.* FROM {stored} AS stored {part}" for part in parts)
    connection.execute(f'CREATE TEMP VIEW "{name}" AS {rows}')
    yield
    connection.execute(f'DROP VIEW temp."{name}"')


def _are_there(connection: duckdb.DuckDBPyConnection, name: str, parts: Sequence[str]) -> bool:
    """Tell whether any part of the table has a row."""
    found = " OR ".join(f"EXISTS (FROM {qualified(connection, name)} {part})" for part in parts)
    return bool(scalar(connection, f"SELECT {found}"))


def _insert(connection: duckdb.DuckDBPyConnection, table: DerivedTable) -> int:
    return int(scalar(connection, f'INSERT INTO "{table.name}" BY NAME {table.sql}'))


def _touched(names: Iterable[tuple[str, str]]) -> str:
    return " AND ".join(f'touched."{key}" IS NOT DISTINCT FROM stored."{name}"' for key, name in names)


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _stretches(days: Sequence[date]) -> list[tuple[date, date]]:
    """Sorted days as half-open stretches; one over all of them when there would be too many."""
    stretches: list[tuple[date, date]] = []
    for day in days:
        start = stretches.pop()[0] if stretches and stretches[-1][1] == day else day
        stretches.append((start, day + timedelta(days=1)))
    if len(stretches) > MAX_STRETCHES:
        return [(stretches[0][0], stretches[-1][1])]
    return stretches


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
