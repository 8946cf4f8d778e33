"""Fill a warehouse by SQL with the history that a busy account has after five years."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import duckdb
import polars as pl

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.frames import REJECTS_SCHEMA, ROWS_SCHEMA
from zendesk_audit_assets.warehouse.database import Warehouse

START = datetime(2022, 1, 1, tzinfo=timezone.utc)
SPAN = timedelta(days=5 * 365)
# A refresh commits about 100 events and one row of coverage.
ROWS_PER_BATCH = 100

# A few actors do most of the work: the n-th of 500 acts about n^(-2/3) as often as the first. The 30 kinds of change
# have the same distribution. The events concern 30,000 objects and come from 1,500 addresses.
_EVENTS = """
    SELECT
        'https://demo.zendesk.com/api/v2/audit_logs/' || id || '.json' AS url,
        id,
        ['Updated', 'Signed in', 'Created', 'Deleted', 'Exported'][kind % 5 + 1] AS action_label,
        CASE WHEN actor = 0 THEN -1 ELSE 1_000_000 + actor END AS actor_id,
        2_000_000 + kind * 1000 + hash(id + 1) % 1000 AS source_id,
        ['rule', 'user', 'macro', 'trigger', 'ticket', 'view'][kind % 6 + 1] AS source_type,
        'Item: Number ' || (kind * 1000 + hash(id + 1) % 1000) AS source_label,
        ['update', 'login', 'create', 'destroy', 'exported'][kind % 5 + 1] AS action,
        CASE WHEN kind % 2 = 0 THEN 'Title changed from Tier ' || id % 97 || ' to Team ' || id % 89 ELSE '' END
            AS change_description,
        CASE WHEN actor > 0 THEN '203.' || actor % 250 || '.' || actor // 250 || '.' || hash(id + 2) % 3 END
            AS ip_address,
        to_timestamp({start} + n * {span} // {rows}) AS created_at,
        CASE WHEN actor = 0 THEN 'Zendesk' ELSE 'Agent ' || actor END AS actor_name,
        NULL::JSON AS extra,
        n // {per_batch} + 1 AS batch_id,
        to_timestamp({start} + n * {span} // {rows} + 60) AS inserted_at,
        'benchmark' AS run_id
    FROM (
        SELECT
            range AS n,
            9_000_000_000_000 + range * 7 AS id,
            (500 * pow(hash(range) % 100_000 / 100_000, 3))::INTEGER AS actor,
            (29 * pow(hash(range + 3) % 100_000 / 100_000, 3))::INTEGER AS kind
        FROM range({first}, {last})
    )
"""
_COVERAGE = """
    SELECT
        batch_id, min(created_at) AS window_start, max(created_at) + INTERVAL 1 SECOND AS window_end,
        max(created_at) + INTERVAL 1 MINUTE AS read_at, 'benchmark' AS run_id, 2 AS requests,
        count(*) AS rows_received, count(*) AS rows_inserted, 0 AS rows_revised, 0 AS rows_rejected,
        max(inserted_at) AS committed_at
    FROM audit_logs GROUP BY batch_id ORDER BY batch_id
"""
# A single INSERT of all rows takes several GB of memory.
_ROWS_PER_INSERT = 2_000_000


def fill(warehouse: Warehouse, rows: int) -> None:
    """Insert `rows` events and their coverage into an empty warehouse."""
    for first in range(0, rows, _ROWS_PER_INSERT):
        with warehouse.transaction() as connection:
            connection.execute(
                f"INSERT INTO audit_logs BY NAME {_select(first, min(rows, first + _ROWS_PER_INSERT), rows)}"
            )
    with warehouse.transaction() as connection:
        connection.execute(f"INSERT INTO coverage BY NAME {_COVERAGE}")


def next_batch(rows: int, number: int, events: int) -> batches.Batch:
    """The `number`-th batch of `events` new events after a history of `rows`, for `batches.append`."""
    first = rows + number * events
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        frame = connection.sql(_select(first, first + events, rows)).pl()
    frame = frame.select(pl.col(name).cast(kind) for name, kind in ROWS_SCHEMA.items())
    start, end = frame["created_at"].min(), frame["created_at"].max()
    assert isinstance(start, datetime)
    assert isinstance(end, datetime)
    return batches.Batch(
        Interval(start, end + timedelta(seconds=1)),
        end + timedelta(minutes=1),
        requests=events // 100,
        rows=frame,
        rejects=pl.DataFrame(schema=REJECTS_SCHEMA),
    )


def _select(first: int, last: int, rows: int) -> str:
    return _EVENTS.format(
        first=first,
        last=last,
        rows=rows,
        start=int(START.timestamp()),
        span=int(SPAN.total_seconds()),
        per_batch=ROWS_PER_BATCH,
    )
