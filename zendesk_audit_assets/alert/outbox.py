"""Which findings are to be sent where, and what became of each: a row per finding and channel.

A message is sent first and noted after, so that one whose sender is killed in between is sent again: at least once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.severity import at_least, rank_sql
from zendesk_audit_assets.warehouse.catalog import relations, scalar
from zendesk_audit_assets.warehouse.table import Column, Table

DELIVERIES = Table(
    "alert_deliveries",
    "What became of each finding that was to be sent, per channel.",
    (
        Column("uid", "VARCHAR", "The finding: findings.uid.", required=True),
        Column("channel", "VARCHAR", "Where to: slack, webhook, pagerduty or email.", required=True),
        Column(
            "status",
            "VARCHAR",
            "pending; sent; failed for good; suppressed: counted in one message for many; expired: too old to be sent.",
            required=True,
        ),
        Column("attempts", "BIGINT", "How often it was tried.", required=True),
        Column("last_error", "VARCHAR", "Why the last try failed, without secrets; NULL after one that did not."),
        Column("first_tried_at", "TIMESTAMPTZ", "When it was first tried, UTC."),
        Column("last_tried_at", "TIMESTAMPTZ", "When it was last tried, UTC."),
        Column("sent_at", "TIMESTAMPTZ", "When the receiver had taken it, UTC."),
    ),
)

# Messages to one channel in one run; what is beyond is counted in one more.
MOST_MESSAGES = 20

# After one failed try, after two, ...; the last one stands for all that follow.
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
MOST_ATTEMPTS = 8


class NoFindings(AuditError):
    """The table of findings is not there."""


@dataclass(frozen=True)
class Due:
    """What a channel is to be sent now: findings, each in a message; the severities of the others by uid, in one."""

    channel: str
    findings: tuple[Mapping[str, Any], ...] = ()
    suppressed: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ChannelState:
    """The rows of one channel by status, the newest error among those that are not sent, and the next try."""

    counts: Mapping[str, int]
    last_error: str | None
    next_try: datetime | None


def enqueue(
    connection: duckdb.DuckDBPyConnection, channels: Sequence[str], level: str, max_age: timedelta, now: datetime
) -> None:
    """Put the open findings of at least this severity in, once per channel, inside the caller's transaction.

    Those that are older than `max_age`, by their last event or by their discovery if they are about the log itself,
    are 'expired' from the start, so that years of history wake nobody up. So is what waits for a channel that is no
    longer given, once it is that old. What waits for a finding that is not open is 'suppressed' until it is open again.
    Raises `NoFindings` before the table of findings exists.
    """
    if "findings" not in relations(connection):
        raise NoFindings("There are no findings yet.", "Materialize findings first; the job `refresh` does both.")
    given = {"oldest": now - max_age, "channels": list(channels)}
    connection.execute(
        f"""
        INSERT INTO {DELIVERIES.name} BY NAME
        SELECT
            uid, channel, CASE WHEN {_HAPPENED} < $oldest THEN 'expired' ELSE 'pending' END AS status, 0 AS attempts
        FROM findings CROSS JOIN (SELECT unnest($channels::VARCHAR[]) AS channel) AS given
        WHERE findings.status = 'open' AND list_contains($levels::VARCHAR[], severity)
          AND NOT EXISTS (
            FROM {DELIVERIES.name} AS known WHERE known.uid = findings.uid AND known.channel = given.channel
          )
        ORDER BY ALL
        """,
        {**given, "levels": list(at_least(level))},
    )
    connection.execute(
        f"""
        UPDATE {DELIVERIES.name} SET status = 'suppressed'
        WHERE status = 'pending' AND uid NOT IN (SELECT uid FROM findings WHERE status = 'open')
        """
    )
    # Open once more: what waited when its rule was off for a while, and what was over and is so again.
    connection.execute(
        f"""
        UPDATE {DELIVERIES.name} AS delivery SET status = 'pending', attempts = 0, last_tried_at = NULL
        FROM findings WHERE findings.uid = delivery.uid AND findings.status = 'open' AND {_HAPPENED} >= $oldest
          AND (
            delivery.status = 'suppressed' AND attempts = 0
            OR delivery.status <> 'pending' AND last_tried_at < found_at
          )
        """,
        {"oldest": given["oldest"]},
    )
    connection.execute(
        f"""
        UPDATE {DELIVERIES.name} SET status = 'expired'
        WHERE status = 'pending' AND NOT list_contains($channels::VARCHAR[], channel)
          AND uid IN (SELECT uid FROM findings WHERE {_HAPPENED} < $oldest)
        """,
        given,
    )


def due(connection: duckdb.DuckDBPyConnection, channel: str, now: datetime, limit: int = MOST_MESSAGES) -> Due:
    """What to send to a channel now: the `limit` most severe findings, oldest first, and the others in one message.

    What was tried less often comes first, so that a message that the receiver never takes holds up no other.
    """
    answer = connection.sql(
        f"""
        SELECT findings.* FROM {DELIVERIES.name} AS delivery JOIN findings USING (uid)
        WHERE delivery.status = 'pending' AND findings.status = 'open' AND channel = $channel
          AND (last_tried_at IS NULL OR {_NEXT_TRY} <= $now)
        ORDER BY attempts, {rank_sql("findings.severity")} DESC, first_event_at, uid
        """,
        params={"channel": channel, "now": now},
    )
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.fetchall()]
    return Due(channel, tuple(rows[:limit]), {row["uid"]: row["severity"] for row in rows[limit:]})


def note(connection: duckdb.DuckDBPyConnection, channel: str, uids: Sequence[str], status: str, now: datetime) -> None:
    """Note, inside the caller's transaction, that these are 'sent', or 'suppressed' by a message that was sent."""
    sent_at = now if status == "sent" else None
    _note(connection, channel, uids, "$status", now, {"status": status, "error": None, "sent_at": sent_at})


def note_failure(
    connection: duckdb.DuckDBPyConnection, channel: str, uids: Sequence[str], error: AuditError, now: datetime
) -> None:
    """Note a failed try: 'failed' when the error is permanent or enough was tried, else due again after a pause."""
    tried_enough = f"$permanent OR attempts + 1 >= {MOST_ATTEMPTS}"
    status = f"CASE WHEN {tried_enough} THEN 'failed' ELSE 'pending' END"
    values = {"permanent": error.permanent, "error": str(error), "sent_at": None}
    _note(connection, channel, uids, status, now, values)


def postpone(connection: duckdb.DuckDBPyConnection, channel: str, uids: Sequence[str], now: datetime) -> None:
    """Let these wait for as long as after a failed try, although they were not tried."""
    connection.execute(
        f"UPDATE {DELIVERIES.name} SET last_tried_at = $now "
        "WHERE channel = $channel AND list_contains($uids::VARCHAR[], uid) AND status = 'pending'",
        {"channel": channel, "uids": list(uids), "now": now},
    )


def try_failed_again(connection: duckdb.DuckDBPyConnection, channels: Sequence[str]) -> None:
    """Make what failed for good due at once, with all its tries, inside the caller's transaction."""
    connection.execute(
        f"UPDATE {DELIVERIES.name} SET status = 'pending', attempts = 0, last_tried_at = NULL "
        "WHERE status = 'failed' AND list_contains($channels::VARCHAR[], channel) "
        "AND uid IN (SELECT uid FROM findings WHERE status = 'open')",
        {"channels": list(channels)},
    )


def state(connection: duckdb.DuckDBPyConnection, channel: str) -> ChannelState:
    """How a channel stands. A finding that was closed after its delivery had failed counts as suppressed."""
    of_channel = f"FROM {DELIVERIES.name} AS delivery LEFT JOIN findings USING (uid) WHERE channel = $1"
    status = "CASE WHEN delivery.status = 'failed' AND findings.status IS DISTINCT FROM 'open' THEN 'suppressed' "
    status += "ELSE delivery.status END"
    counts = connection.execute(f"SELECT {status}, count(*) {of_channel} GROUP BY 1", [channel]).fetchall()
    unsent = f"{of_channel} AND {status} IN ('pending', 'failed')"
    last_error = scalar(connection, f"SELECT arg_max(last_error, last_tried_at) {unsent}", [channel])
    at_once = "TIMESTAMPTZ '1970-01-01 00:00:00+00'"
    waiting = f"{of_channel} AND delivery.status = 'pending'"
    next_try = scalar(connection, f"SELECT min(coalesce({_NEXT_TRY}, {at_once})) {waiting}", [channel])
    return ChannelState(dict(counts), last_error, None if next_try is None else next_try.astimezone(timezone.utc))


# When what a finding is about happened: for what the events show, their last; about the log itself, when it was found.
_HAPPENED = "CASE WHEN batch_id = 0 THEN found_at ELSE last_event_at END"

_PAUSE_SECONDS = [int(pause.total_seconds()) for pause in PAUSES]
_NEXT_TRY = f"last_tried_at + to_seconds({_PAUSE_SECONDS}[least(greatest(attempts, 1), {len(PAUSES)})])"


def _note(
    connection: duckdb.DuckDBPyConnection,
    channel: str,
    uids: Sequence[str],
    status: str,
    now: datetime,
    values: Mapping[str, Any],
) -> None:
    connection.execute(
        f"""
        UPDATE {DELIVERIES.name} SET
            status = {status},
            attempts = attempts + 1,
            last_error = $error,
            first_tried_at = coalesce(first_tried_at, $now),
            last_tried_at = $now,
            sent_at = $sent_at
        WHERE channel = $channel AND list_contains($uids::VARCHAR[], uid) AND status = 'pending'
        """,
        {"channel": channel, "uids": list(uids), "now": now, **values},
    )
