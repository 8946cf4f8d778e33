"""Which findings are parts of others, so that what happened once is open once.

An event belongs to the most severe of the findings that hold it, and among equally severe ones to the largest. A
finding is a part when all its events belong to others: a deletion within a burst, an export within an escalation. A
finding that was first reported after the other one was closed stays open: nobody has looked at it.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from zendesk_audit_assets.severity import rank_sql
from zendesk_audit_assets.warehouse.catalog import scalar

# Informational findings are no work, and those about the log have no events.
_WORK = "severity <> 'informational' AND batch_id > 0"


def settle(connection: duckdb.DuckDBPyConnection, since: datetime | None) -> None:
    """Give `status` and `part_of` to the findings that share events with those that end at `since` or later.

    None settles all findings. Runs inside the caller's transaction.
    """
    judged, near = "true", "true"
    if since is not None:
        # Those that share events with a changed finding; and those that share events with these.
        judged = _ends_at(connection, f"last_event_at >= TIMESTAMPTZ '{since.isoformat()}'")
        near = _ends_at(connection, judged)
    connection.execute(
        f"""
        UPDATE findings SET
            status = CASE WHEN findings.status IN ('open', 'part') THEN settled.status ELSE findings.status END,
            part_of = settled.part_of
        FROM (
            WITH near AS (FROM findings WHERE {_WORK} AND {near}),
            held AS (
                SELECT uid, found_at, unnest(event_ids) AS event_id,
                    {{'severity': {rank_sql("severity")}, 'events': events}} AS size
                FROM near
            ),
            owners AS (
                SELECT event_id, arg_max(uid, {{'size': size, 'uid': uid}}) AS owner, max(size) AS size
                FROM held GROUP BY event_id
            ),
            closed AS (
                SELECT uid AS owner, max(decided_at) AS closed_at
                FROM finding_decisions JOIN near USING (uid)
                WHERE near.status = 'closed' AND finding_decisions.status = 'closed'
                GROUP BY uid
            )
            SELECT
                uid,
                bool_and(held.size < owners.size AND coalesce(closed_at >= found_at, true)) AS is_part,
                CASE WHEN is_part THEN 'part' ELSE 'open' END AS status,
                CASE WHEN is_part THEN arg_max(owner, {{'size': owners.size, 'owner': owner}}) END AS part_of
            FROM held JOIN owners USING (event_id) LEFT JOIN closed USING (owner)
            GROUP BY uid
        ) AS settled
        WHERE settled.uid = findings.uid AND {judged}
          AND (findings.part_of IS DISTINCT FROM settled.part_of
            OR findings.status IN ('open', 'part') AND findings.status <> settled.status)
        """
    )


def _ends_at(connection: duckdb.DuckDBPyConnection, condition: str) -> str:
    """The condition for findings that may share an event with those of `condition`."""
    first = scalar(connection, f"SELECT min(first_event_at) FROM findings WHERE {_WORK} AND {condition}")
    return "false" if first is None else f"last_event_at >= TIMESTAMPTZ '{first.isoformat()}'"
