"""Batches of the log into the warehouse, with the coverage that vouches for them; and coverage back out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta, timezone

import duckdb
import polars as pl

from zendesk_audit_assets.extract.coverage import SECOND, Interval, Read
from zendesk_audit_assets.extract.gaps import FailedRead
from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE, FAILED_READS, REJECTS, REVISIONS
from zendesk_audit_assets.warehouse.catalog import scalar
from zendesk_audit_assets.warehouse.table import Table


@dataclass(frozen=True)
class Batch:
    """A stretch of time that a run read completely, with every record received for it.

    `rows` has `frames.ROWS_SCHEMA`, `rejects` has `frames.REJECTS_SCHEMA`. `read_at` is the smallest server time of the
    responses for the window. An empty window adds no coverage and only delivers rejects, and what `failed`.
    """

    window: Interval
    read_at: datetime
    requests: int
    rows: pl.DataFrame
    rejects: pl.DataFrame
    failed: FailedRead | None = None


@dataclass(frozen=True)
class Appended:
    """The numbers of records received, inserted, revised and rejected, of one or more batches."""

    received: int = 0
    inserted: int = 0
    revised: int = 0
    rejected: int = 0

    def __add__(self, other: Appended) -> Appended:
        return Appended(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(self)))


def append(connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch], run_id: str) -> Appended:
    """Store batches inside the caller's transaction. Appending them again adds coverage and nothing else.

    One statement inserts all of them, because it costs the same for one batch as for many. An id is known wherever in
    the log it is: DuckDB skips what lies above and below the ids of the batches by its minima and maxima.
    """
    first_id = scalar(connection, f"SELECT coalesce(max(batch_id), 0) + 1 FROM {COVERAGE.name}")
    now = datetime.now(timezone.utc)
    batch_ids = range(first_id, first_id + len(batches))
    rows = _with_origin([batch.rows for batch in batches], batch_ids, now, run_id)
    rejects = _with_origin([batch.rejects for batch in batches], batch_ids, now, run_id)
    if not rows.is_empty():
        _insert_rows(connection, rows)
    if not rejects.is_empty():
        with _view(connection, "incoming_rejects", rejects):
            connection.execute(_INSERT_REJECTS)
    counts = [_count_by_batch(connection, table, first_id) for table in (AUDIT_LOGS, REVISIONS, REJECTS)]
    appended = [
        Appended(batch.rows.height + batch.rejects.height, *(count.get(batch_id, 0) for count in counts))
        for batch_id, batch in zip(batch_ids, batches, strict=True)
    ]
    connection.executemany(
        f"INSERT INTO {COVERAGE.name} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            [
                batch_id,
                batch.window.start,
                batch.window.end,
                batch.read_at,
                run_id,
                batch.requests,
                *astuple(stored),
                now,
            ]
            for batch_id, batch, stored in zip(batch_ids, batches, appended, strict=True)
        ],
    )
    for batch_id, batch in zip(batch_ids, batches, strict=True):
        if (failed := batch.failed) is not None:
            connection.execute(
                f"INSERT INTO {FAILED_READS.name} VALUES (?, ?, ?, ?, ?, ?, ?)",
                [batch_id, *astuple(failed.window), failed.reason, failed.attempt, failed.tried_at, run_id],
            )
    return sum(appended, Appended())


def hold_known_events(connection: duckdb.DuckDBPyConnection, batches: Sequence[Batch]) -> bool:
    """Tell whether one of the batches' events is stored already, with the same id and time."""
    rows = pl.concat([batch.rows.select("id", "created_at") for batch in batches])
    if rows.is_empty():
        return False
    with _view(connection, "incoming", rows):
        return bool(scalar(connection, f"SELECT count(*) FROM incoming JOIN {AUDIT_LOGS.name} USING (id, created_at)"))


def reads(connection: duckdb.DuckDBPyConnection, window: Interval) -> list[Read]:
    """Return the coverage that overlaps or touches `window`."""
    rows = connection.execute(
        f"SELECT window_start, window_end, read_at FROM {COVERAGE.name} "
        "WHERE window_start < window_end AND window_end >= ? AND window_start <= ?",
        [window.start, window.end],
    ).fetchall()
    return [Read(Interval(_utc(start), _utc(end)), _utc(read_at)) for start, end, read_at in rows]


def covered_to(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the end of the newest window in the coverage, or None before the first."""
    end = scalar(connection, f"SELECT max(window_end) FROM {COVERAGE.name} WHERE window_start < window_end")
    return None if end is None else _utc(end)


def complete_to(connection: duckdb.DuckDBPyConnection, start: datetime) -> datetime:
    """Return the end of the unbroken coverage that begins at `start`; `start` itself if its second has no coverage."""
    return _unbroken_to(connection, start, COVERAGE.name)


def tried_to(connection: duckdb.DuckDBPyConnection, start: datetime) -> datetime:
    """Return what `complete_to` would, if the windows that could not be read had been: all before it was tried."""
    windows = " UNION ALL ".join(
        f"SELECT window_start, window_end FROM {table.name}" for table in (COVERAGE, FAILED_READS)
    )
    return _unbroken_to(connection, start, f"({windows})")


def _unbroken_to(connection: duckdb.DuckDBPyConnection, start: datetime, windows: str) -> datetime:
    # In order of their starts, the first window that begins after all earlier ones end lies behind a gap.
    end = scalar(
        connection,
        f"""
        WITH reach AS (
            SELECT window_start, window_end, coalesce(max(window_end) OVER before, $1) AS read_to
            FROM {windows} WHERE window_start < window_end AND window_end > $1
            WINDOW before AS (ORDER BY window_start, window_end ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        )
        SELECT max(greatest(window_end, read_to)) FROM reach
        WHERE window_start < coalesce((SELECT min(window_start) FROM reach WHERE window_start > read_to), 'infinity')
        """,
        [start],
    )
    return start if end is None else _utc(end)


def row_count(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the number of stored events."""
    return int(scalar(connection, f"SELECT count(*) FROM {AUDIT_LOGS.name}"))


def start_of_last_rows(
    connection: duckdb.DuckDBPyConnection, *, before: datetime, rows: int, at_most: timedelta
) -> datetime:
    """Return the earliest second, at most `at_most` before `before`, since which at most `rows` events are stored."""
    earliest = before - at_most
    one_too_many = scalar(
        connection,
        f"SELECT created_at FROM {AUDIT_LOGS.name} WHERE created_at >= ? ORDER BY created_at DESC OFFSET ? LIMIT 1",
        [earliest, rows],
    )
    return earliest if one_too_many is None else min(_utc(one_too_many) + SECOND, before)


_COLUMNS = ", ".join(f'"{column.name}"' for column in AUDIT_LOGS.columns)
_CONTENT = [*(field.name for field in FIELDS if field.name != "id"), "extra"]
_EQUALS = " AND ".join(f'version."{name}" IS NOT DISTINCT FROM incoming."{name}"' for name in _CONTENT)

_KNOWN = f"SELECT log.rowid AS row, id FROM {AUDIT_LOGS.name} AS log SEMI JOIN incoming USING (id)"

_INSERT_NEW = f"""
    INSERT INTO {AUDIT_LOGS.name} BY NAME
    SELECT {_COLUMNS} FROM incoming WHERE id NOT IN (SELECT id FROM known) ORDER BY created_at, id
"""

_INSERT_REVISIONS = f"""
    INSERT INTO {REVISIONS.name} BY NAME
    WITH versions AS (
        FROM {AUDIT_LOGS.name} WHERE rowid IN (SELECT row FROM known)
        UNION ALL BY NAME
        FROM {REVISIONS.name}
    )
    SELECT DISTINCT ON ({", ".join(f'"{name}"' for name in ["id", *_CONTENT])}) {_COLUMNS} FROM incoming
    WHERE NOT EXISTS (FROM versions AS version WHERE version.id = incoming.id AND {_EQUALS})
    ORDER BY batch_id
"""

_INSERT_REJECTS = f"""
    INSERT INTO {REJECTS.name} BY NAME
    SELECT DISTINCT ON (reason, raw) * FROM incoming_rejects
    WHERE raw NOT IN (SELECT raw FROM {REJECTS.name})
    ORDER BY batch_id
"""


def _with_origin(frames: Sequence[pl.DataFrame], batch_ids: Sequence[int], now: datetime, run_id: str) -> pl.DataFrame:
    numbered = [
        frame.with_columns(pl.lit(batch_id, pl.Int64()).alias("batch_id"))
        for batch_id, frame in zip(batch_ids, frames, strict=True)
    ]
    return pl.concat(numbered).with_columns(
        pl.lit(now, pl.Datetime("us", "UTC")).alias("inserted_at"), pl.lit(run_id).alias("run_id")
    )


def _insert_rows(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> None:
    first_of_each = rows.unique("id", keep="first", maintain_order=True)
    known = _known(connection, first_of_each)
    with _view(connection, "incoming", first_of_each), _view(connection, "known", known):
        connection.execute(_INSERT_NEW)
    again = rows.filter(pl.col("id").is_in(known["id"].implode()) | pl.col("id").is_duplicated())
    if first_of_each.height < rows.height:  # the first of them is stored only now
        known = _known(connection, again)
    if not again.is_empty():
        with _view(connection, "incoming", again), _view(connection, "known", known):
            connection.execute(_INSERT_REVISIONS)


def _known(connection: duckdb.DuckDBPyConnection, rows: pl.DataFrame) -> pl.DataFrame:
    """Return `row` and `id` of the stored events with an id of these rows, wherever in the log they are."""
    with _view(connection, "incoming", rows):
        known: pl.DataFrame = connection.sql(_KNOWN).pl()
    return known


@contextmanager
def _view(connection: duckdb.DuckDBPyConnection, name: str, frame: pl.DataFrame) -> Iterator[None]:
    connection.register(name, frame)
    yield
    # Not after an error: an aborted transaction refuses it, and its ROLLBACK takes the view away anyway.
    connection.unregister(name)


def _count_by_batch(connection: duckdb.DuckDBPyConnection, table: Table, first_id: int) -> dict[int, int]:
    counted = f"SELECT batch_id, count(*) FROM {table.name} WHERE batch_id >= {first_id} GROUP BY batch_id"
    return dict(connection.execute(counted).fetchall())


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(timezone.utc)
