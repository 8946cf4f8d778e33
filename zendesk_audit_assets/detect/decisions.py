"""The decisions about findings: reported, closed by a person, resolved because the condition has cleared, reopened.

`finding_decisions` is their history and the only part of `findings`, besides the findings about the log itself, that
cannot be recomputed. Every function runs inside the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from zendesk_audit_assets.detect.reports import EVENT_UID, NEW_STATUS
from zendesk_audit_assets.severity import at_least
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

    The former have the transaction's time as their `found_at`. Returns the number of the latter. Follows on
    `remember_closed`.
    """
    written = "found_at = now()"
    new = 0
    if scalar(connection, f"SELECT count(*) FROM findings WHERE {written}"):
        _take_over(connection, written)
        _reopen(connection, written)
        _show(connection, written)
        new = connection.execute(
            f"""
            INSERT INTO finding_decisions
            SELECT uid, 'open', found_at FROM findings
            WHERE {written} AND uid NOT IN (SELECT uid FROM finding_decisions)
            """
        ).fetchall()[0][0]
    connection.execute("DROP TABLE temp.known")
    return new


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
            FROM new JOIN single ON single.uid = {EVENT_UID.format("event_id")}
            GROUP BY new.uid
        )
        SELECT uid, 'open', first FROM taken
        UNION ALL SELECT uid, 'closed', last FROM taken WHERE closed
        """
    )


def remember_closed(connection: duckdb.DuckDBPyConnection, rule_ids: Sequence[str]) -> None:
    """Keep which events the closed findings of these rules hold, in the table `known`, for `record_reports`."""
    connection.execute(
        f"""
        CREATE TEMP TABLE known AS
        SELECT uid, event_ids FROM findings WHERE {_REOPENS} AND status = 'closed' AND list_contains($1, rule_id)
        """,
        [list(rule_ids)],
    )


# Findings about the log itself reopen by their condition.
_REOPENS = f"severity IN {at_least('medium')} AND batch_id > 0"


def _reopen(connection: duckdb.DuckDBPyConnection, written: str) -> None:
    """Reopen the closed findings of medium or higher severity that have gained events since.

    Those are events that the finding did not hold in `known`; where a rebuild has lost that, events that were stored
    after it was closed, which spares those that only a changed rule adds.
    """
    connection.execute(
        f"""
        CREATE TEMP TABLE closed AS
        SELECT findings.uid, first_event_at, last_event_at, event_ids, max(decided_at) AS closed_at
        FROM findings JOIN finding_decisions USING (uid)
        WHERE {written} AND {_REOPENS}
        GROUP BY ALL
        HAVING arg_max(finding_decisions.status, decided_at) = 'closed'
        """
    )
    ((first, last),) = connection.execute("SELECT min(first_event_at), max(last_event_at) FROM closed").fetchall()
    if first is not None:
        connection.execute(
            """
            INSERT INTO finding_decisions
            WITH stored AS (
                SELECT id, min(inserted_at) AS stored_at FROM audit_logs WHERE created_at BETWEEN $1 AND $2 GROUP BY id
            )
            SELECT uid, 'open', greatest(now(), closed_at + INTERVAL 1 MICROSECOND)
            FROM (SELECT uid, closed_at, unnest(event_ids) AS id FROM closed)
            JOIN stored USING (id) LEFT JOIN known USING (uid)
            WHERE CASE WHEN known.uid IS NULL THEN stored_at > closed_at ELSE NOT list_contains(known.event_ids, id) END
            GROUP BY uid, closed_at
            """,
            [first, last],
        )
    connection.execute("DROP TABLE temp.closed")


def _show(connection: duckdb.DuckDBPyConnection, condition: str) -> None:
    """Copy the newest decision into the rows of `findings` that meet the condition."""
    connection.execute(
        f"""
        UPDATE findings SET
            status = CASE newest.status WHEN 'open' THEN {NEW_STATUS.format("severity")} ELSE newest.status END,
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
