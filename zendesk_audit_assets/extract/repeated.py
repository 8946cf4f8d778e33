"""Events that are stored twice: versions before 0.3 did so when Zendesk had sent one id with two times far apart."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE, REVISIONS
from zendesk_audit_assets.warehouse.catalog import scalar

# Within an id the row that came first stays: later ones are its revisions, as within a batch.
_NUMBERED = f"""
    SELECT rowid AS row, id, created_at, row_number() OVER (PARTITION BY id ORDER BY batch_id, inserted_at, rowid) AS n
    FROM {AUDIT_LOGS.name}
    WHERE id IN (SELECT id FROM {AUDIT_LOGS.name} GROUP BY id HAVING count(*) > 1)
"""
_CONTENT = [*(field.name for field in FIELDS), "extra"]
_SAME = " AND ".join(f'revision."{name}" IS NOT DISTINCT FROM later."{name}"' for name in _CONTENT)


@dataclass(frozen=True)
class Repeated:
    """An id that several rows have: the time of the row that stays, and those of the others."""

    id: int
    kept: datetime
    others: tuple[datetime, ...]


def find(connection: duckdb.DuckDBPyConnection) -> list[Repeated]:
    """Return the events that are stored more than once, by id."""
    rows = connection.execute(
        f"SELECT id, list(created_at ORDER BY n) FROM ({_NUMBERED}) GROUP BY id ORDER BY id"
    ).fetchall()
    return [Repeated(id, times[0], tuple(times[1:])) for id, times in rows]


def set_aside(connection: duckdb.DuckDBPyConnection) -> int:
    """Move all but the first row of each event to the revisions, inside the caller's transaction; the rows moved.

    A row that repeats another one in every field is no revision. Coverage counts what is left. Tables that follow from
    the log know nothing of this: the caller drops them.
    """
    later = f"SELECT * FROM {AUDIT_LOGS.name} WHERE rowid IN (SELECT row FROM ({_NUMBERED}) WHERE n > 1)"
    moved = int(scalar(connection, f"SELECT count(*) FROM ({later})"))
    connection.execute(
        f"""
        INSERT INTO {REVISIONS.name} BY NAME
        SELECT * FROM ({later}) AS later
        WHERE NOT EXISTS (FROM {REVISIONS.name} AS revision WHERE {_SAME})
          AND NOT EXISTS (
              FROM {AUDIT_LOGS.name} AS revision
              WHERE {_SAME} AND (revision.batch_id, revision.inserted_at) < (later.batch_id, later.inserted_at)
          )
        """
    )
    # Coverage and the log then differ by as much as before: what somebody else did with a batch is still told.
    connection.execute(
        f"""
        UPDATE {COVERAGE.name} SET rows_inserted = greatest(rows_inserted - moved.rows, 0)
        FROM (SELECT batch_id, count(*) AS rows FROM ({later}) GROUP BY batch_id) AS moved
        WHERE moved.batch_id = {COVERAGE.name}.batch_id
        """
    )
    connection.execute(f"DELETE FROM {AUDIT_LOGS.name} WHERE rowid IN (SELECT row FROM ({_NUMBERED}) WHERE n > 1)")
    return moved
