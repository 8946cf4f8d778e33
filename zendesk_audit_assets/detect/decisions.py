"""The decisions about findings: reported, closed by a person, resolved because the condition has cleared.

`finding_decisions` is their history and the only part of `findings`, besides the findings about the log itself, that
cannot be recomputed. Every function runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from zendesk_audit_assets.warehouse.catalog import scalar


def record(connection: duckdb.DuckDBPyConnection, uids: Sequence[str], status: str) -> None:
    """Append a decision (open, closed or resolved) per finding, and show it in `findings`."""
    if not uids:
        return
    # After all earlier decisions, even when the clock was set back.
    connection.execute(
        """
        INSERT INTO finding_decisions
        SELECT decided.uid, $status, greatest(now(), max(earlier.decided_at) + INTERVAL 1 MICROSECOND)
        FROM (SELECT unnest($uids::VARCHAR[]) AS uid) AS decided
        LEFT JOIN finding_decisions AS earlier USING (uid)
        GROUP BY decided.uid
        """,
        {"status": status, "uids": list(uids)},
    )
    _show(connection, f"uid IN (SELECT unnest({list(uids)!r}))")


def record_reports(connection: duckdb.DuckDBPyConnection) -> int:
    """Give the findings written in this transaction their status, and record the first report of the new ones.

    The former have the transaction's time as their `found_at`. Returns the number of the latter.
    """
    written = "found_at = now()"
    if not scalar(connection, f"SELECT count(*) FROM findings WHERE {written}"):
        return 0
    _take_over(connection, written)
    _show(connection, written)
    new = connection.execute(
        f"""
        INSERT INTO finding_decisions
        SELECT uid, 'open', found_at FROM findings
        WHERE {written} AND uid NOT IN (SELECT uid FROM finding_decisions)
        """
    ).fetchall()
    return int(new[0][0])


def _take_over(connection: duckdb.DuckDBPyConnection, written: str) -> None:
    """Let a finding that stands for many take over what was decided of each: closed when all of them were closed.

    These are low findings; they were single ones in versions before 0.3.0, or while their rule had another level.
    """
    connection.execute(
        f"""
        INSERT INTO finding_decisions
        WITH new AS (
            SELECT uid, events, rule_id, unnest(event_ids) AS event_id FROM findings
            WHERE {written} AND severity = 'low' AND uid NOT IN (SELECT uid FROM finding_decisions)
        ),
        single AS (
            SELECT uid, arg_max(status, decided_at) AS status, min(decided_at) AS first, max(decided_at) AS last
            FROM finding_decisions GROUP BY uid
        ),
        taken AS (
            SELECT
                new.uid, min(first) AS first, max(last) AS last,
                count(*) FILTER (status = 'closed') = any_value(events) AS closed
            FROM new JOIN single ON single.uid = sha256(rule_id || ' ' || event_id)
            GROUP BY new.uid
        )
        SELECT uid, 'open', first FROM taken
        UNION ALL SELECT uid, 'closed', last FROM taken WHERE closed
        """
    )


def _show(connection: duckdb.DuckDBPyConnection, condition: str) -> None:
    """Copy the newest decision into the rows of `findings` that meet the condition."""
    connection.execute(
        f"""
        UPDATE findings SET
            status = CASE
                WHEN severity = 'informational' AND newest.status = 'open' THEN 'noted' ELSE newest.status
            END,
            found_at = newest.found_at
        FROM (
            SELECT
                uid, arg_max(status, decided_at) AS status,
                coalesce(max(decided_at) FILTER (status = 'open'), min(decided_at)) AS found_at
            FROM finding_decisions
            WHERE uid IN (SELECT uid FROM findings WHERE {condition})
            GROUP BY uid
        ) AS newest
        WHERE newest.uid = findings.uid
        """
    )
