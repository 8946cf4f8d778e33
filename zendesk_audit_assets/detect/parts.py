"""Which findings are parts of others, so that what happened once is open once.

A finding is a part when a more severe finding, or an equally severe and larger one, holds each of its events: a
deletion within a burst, an export within an escalation. Nobody is told of what a whole gains after its report. A
finding of medium or higher severity is therefore a part only of those that were reported no earlier than itself; a low
one, of any but those that were closed before it was reported.
"""

from __future__ import annotations

from datetime import datetime

import duckdb

from zendesk_audit_assets.severity import at_least, rank_sql
from zendesk_audit_assets.warehouse.catalog import scalar

# Informational findings are no work, and those about the log have no events.
_WORK = "severity <> 'informational' AND batch_id > 0"


def settle(connection: duckdb.DuckDBPyConnection, since: datetime | None) -> None:
    """Give `status` and `part_of` to the findings that share events with those that end at `since` or later.

    None settles all findings. Runs inside the caller's transaction.
    """
    judged = near = "true"
    if since is not None:
        # Those that share events with a changed finding; and those that share events with these.
        judged = _ends_at(connection, f"last_event_at >= TIMESTAMPTZ '{since.isoformat()}'")
        near = _ends_at(connection, judged)
    # DuckDB plans the long query for longer than it reads a few findings.
    if not scalar(connection, f"SELECT EXISTS (FROM findings WHERE {_WORK} AND {judged})"):
        return
    connection.execute(
        f"""
        UPDATE findings SET
            status = CASE WHEN findings.status IN ('open', 'part') THEN settled.status ELSE findings.status END,
            part_of = settled.part_of
        FROM (
            WITH near AS (FROM findings WHERE {_WORK} AND {near}),
            held AS (
                SELECT
                    uid, found_at, unnest(event_ids) AS event_id, severity IN {at_least("medium")} AS is_severe,
                    {{'severity': {rank_sql("severity")}, 'events': events}} AS size
                FROM near
            ),
            closed AS (
                SELECT uid, max(decided_at) AS closed_at
                FROM finding_decisions JOIN near USING (uid)
                WHERE near.status = 'closed' AND finding_decisions.status = 'closed'
                GROUP BY uid
            ),
            wholes AS (
                SELECT held.*, coalesce(closed_at, 'infinity') AS settled_at FROM held LEFT JOIN closed USING (uid)
            ),
            owned AS (
                SELECT
                    held.uid, held.event_id,
                    max({{'size': whole.size, 'uid': whole.uid}}) FILTER (whole.uid IS NOT NULL) AS owner
                FROM held LEFT JOIN wholes AS whole
                    ON whole.event_id = held.event_id AND whole.size > held.size
                    AND held.found_at <= CASE WHEN held.is_severe THEN whole.found_at ELSE whole.settled_at END
                GROUP BY ALL
            )
            SELECT
                uid,
                bool_and(owner IS NOT NULL) AS is_part,
                CASE WHEN is_part THEN 'part' ELSE 'open' END AS status,
                CASE WHEN is_part THEN max(owner).uid END AS part_of
            FROM owned
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
