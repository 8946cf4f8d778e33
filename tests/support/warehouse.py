"""Batches of the log; databases in memory, and transactions on a plain DuckDB connection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from zendesk_audit_assets.extract.batches import Batch
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.frames import parse_page, to_frames
from zendesk_audit_assets.warehouse.copies import table_rows
from zendesk_audit_assets.warehouse.migrations import migrate

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def batch(
    records: Iterable[Any] = (), window: Interval | None = None, read_at: datetime | None = None, requests: int = 1
) -> Batch:
    """A batch of records; without a window it vouches for the first day of 2026, read when that was over."""
    records = list(records)
    if window is None:  # an empty one would be false
        window = Interval(START, START + DAY)
    frames = to_frames([parse_page(records, lambda: records)])
    return Batch(window, read_at or START + DAY, requests, frames.rows, frames.rejects)


@contextmanager
def database() -> Iterator[duckdb.DuckDBPyConnection]:
    """A new warehouse in memory, in use on a connection of its own, in UTC.

    A process has one DuckDB for all of them, and a template: another one takes 40 ms to start, the migrations 60 ms.
    """
    connection = _duckdb().cursor()
    name = f"audit_{next(_NUMBERS)}"
    connection.execute(f"ATTACH ':memory:' AS {name}; COPY FROM DATABASE template TO {name}; USE {name}")
    connection.execute("SET TimeZone = 'UTC'")
    try:
        yield connection
    finally:
        connection.close()
        _duckdb().execute(f"DETACH {name}")


@cache
def _duckdb() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("ATTACH ':memory:' AS template; USE template")
    migrate(connection)
    connection.execute("USE memory")
    return connection


_NUMBERS = count()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """A transaction that commits at the end, or rolls back when its body raises."""
    connection.execute("BEGIN")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def files_beside(path: Path) -> set[str]:
    return {file.name for file in path.parent.iterdir()} - {path.name, f"{path.name}.lock", "published"}


def no_replace(source: Path, target: Path) -> None:
    raise OSError(28, "No space left on device")


def events_in(path: Path) -> int:
    return table_rows(path)["audit_logs"]


# A program that commits and is killed before it closes the file.
WRITES_UNTIL_KILLED = """
import sys
from zendesk_audit_assets.warehouse import catalog, database, migrations
connection = database.connect(sys.argv[1])
connection.execute("BEGIN")
migrations.migrate(connection)
catalog.set_meta(connection, "greeting", "from the dead")
connection.execute("COMMIT")
print("committed", flush=True)
sys.stdin.readline()
"""


def damage(path: Path) -> None:
    """Turn over a byte of each 4 KiB, as a failing disk might; the head of the file stays readable."""
    content = bytearray(path.read_bytes())
    for place in range(len(content) // 4, len(content), 4096):
        content[place] ^= 0xFF
    path.write_bytes(content)
