"""The outbox: a row per finding and channel, with the status of its delivery.

Delivery is at least once: a message is sent before its result is recorded, so a crash in between sends it again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb

from zendesk_audit_assets.alert.channels import NAMES
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.detect.reports import EVENT_UID
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.severity import at_least, rank_sql
from zendesk_audit_assets.warehouse.catalog import get_meta, relations, scalar, set_meta
from zendesk_audit_assets.warehouse.table import Column, Table

STATUSES = {
    "pending": "not sent yet",
    "sent": "the receiver has it",
    "failed": "given up, see last_error",
    "suppressed": "counted in one message for many, or its finding is no longer open",
    "expired": "too old to be sent",
}
"""Each status of a delivery, and its description."""

DELIVERIES = Table(
    "alert_deliveries",
    "The delivery of each alert: a row per finding and channel.",
    (
        Column("uid", "VARCHAR", "The finding: findings.uid.", required=True),
        Column("channel", "VARCHAR", f"The channel: {', '.join(NAMES)}.", required=True),
        Column(
            "status",
            "VARCHAR",
            f"{'; '.join(f'{status}: {description}' for status, description in STATUSES.items())}.",
            required=True,
        ),
        Column("attempts", "BIGINT", "Number of tries.", required=True),
        Column("last_error", "VARCHAR", "Error of the last try, without secrets; NULL after a success."),
        Column("first_tried_at", "TIMESTAMPTZ", "Time of the first try, UTC."),
        Column("last_tried_at", "TIMESTAMPTZ", "Time of the last try, UTC."),
        Column("sent_at", "TIMESTAMPTZ", "Time at which the receiver took it, UTC."),
    ),
)

# Messages to one channel in one run; one more message counts the findings beyond.
MAX_MESSAGES = 20

# Before the second try, the third, ...; the last pause stands for all that follow.
PAUSES = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
MAX_ATTEMPTS = 8


class NoFindings(AuditError):
    """The table `findings` does not exist yet."""


@dataclass(frozen=True)
class Due:
    """The findings to send to a channel now, a message each; the others share one message: their severities by uid.

    `keys` has the key under which a receiver knows each of them, by uid. It is the uid until a finding opens again
    after somebody was told: a receiver that drops what it has seen must take that for news.
    """

    findings: tuple[Finding, ...]
    suppressed: Mapping[str, str]
    keys: Mapping[str, str]


@dataclass(frozen=True)
class ChannelState:
    """The number of deliveries of one channel by status, the newest error among the unsent ones, and the next try."""

    counts: Mapping[str, int]
    last_error: str | None
    next_try: datetime | None


def enqueue(
    connection: duckdb.DuckDBPyConnection, channels: Sequence[str], level: str, max_age: timedelta, now: datetime
) -> None:
    """Add the open findings of at least the severity `level`, once per channel, inside the caller's transaction.

    Findings that were older than `max_age` at their discovery, by their last event or, about the log itself, by that
    discovery, are 'expired' from the start, so that years of history wake nobody up. For a new channel and another
    level `now` counts: only what was found since the last call may have waited for this one. A delivery to a channel
    that is no longer configured expires at that age. A pending delivery is 'suppressed' while its finding is not open.
    A finding that opens again after its delivery is due once more.
    Raises `NoFindings` before the table of findings exists.
    """
    if "findings" not in relations(connection):
        raise NoFindings("There are no findings yet.", "Materialize findings first; the job `refresh` does both.")
    oldest = now - max_age
    fresh = {"oldest": oldest, "max_age": max_age, "looked_at": get_meta(connection, _LOOKED_AT)}
    set_meta(connection, _LOOKED_AT, now.isoformat())
    levels = at_least(level)
    connection.execute(
        f"""
        INSERT INTO {DELIVERIES.name} BY NAME
        SELECT
            uid, channel, CASE WHEN {_IS_FRESH} THEN 'pending' ELSE 'expired' END AS status, 0 AS attempts
        FROM findings CROSS JOIN (SELECT unnest($channels::VARCHAR[]) AS channel) AS configured
        WHERE findings.status = 'open' AND list_contains($levels::VARCHAR[], severity)
          AND NOT EXISTS (
            FROM {DELIVERIES.name} AS known WHERE known.uid = findings.uid AND known.channel = configured.channel
          ) {_NOT_SENT_SINGLY if "low" in levels else ""}
        ORDER BY ALL
        """,
        {**fresh, "channels": list(channels), "levels": list(levels)},
    )
    connection.execute(
        f"""
        UPDATE {DELIVERIES.name} SET status = 'suppressed'
        WHERE status = 'pending' AND uid NOT IN (SELECT uid FROM findings WHERE status = 'open')
        """
    )
    # Open once more: its rule was off for a while, its condition has returned, or, closed, it has gained events.
    connection.execute(
        f"""
        UPDATE {DELIVERIES.name} AS delivery SET status = 'pending', attempts = 0, last_tried_at = NULL
        FROM findings WHERE findings.uid = delivery.uid AND findings.status = 'open' AND {_IS_FRESH}
          AND (
            delivery.status = 'suppressed' AND attempts = 0
            OR delivery.status <> 'pending' AND last_tried_at < found_at
          )
        """,
        fresh,
    )
    connection.execute(
        f"""
        UPDATE {DELIVERIES.name} SET status = 'expired'
        WHERE status = 'pending' AND NOT list_contains($channels::VARCHAR[], channel)
          AND uid IN (SELECT uid FROM findings WHERE {_HAPPENED} < $oldest)
        """,
        {"oldest": oldest, "channels": list(channels)},
    )


def due(connection: duckdb.DuckDBPyConnection, channel: str, now: datetime, limit: int = MAX_MESSAGES) -> Due:
    """The findings to send to a channel now: the `limit` most severe, oldest first, and the others in one message.

    The findings with the fewest tries come first, so that a message that keeps failing cannot block the rest.
    """
    relation = connection.sql(
        f"""
        SELECT
            findings.*,
            CASE WHEN first_tried_at < found_at THEN concat(uid, '-', epoch_us(found_at)) ELSE uid END AS key
        FROM {DELIVERIES.name} AS delivery JOIN findings USING (uid)
        WHERE delivery.status = 'pending' AND findings.status = 'open' AND channel = $channel
          AND {_IS_DUE}
        ORDER BY attempts, {rank_sql("findings.severity")} DESC, first_event_at, uid
        """,
        params={"channel": channel, "now": now},
    )
    rows = relation.fetchall()
    findings = [Finding.from_row(relation.columns, row) for row in rows]
    keys = {finding.uid: str(row[-1]) for finding, row in zip(findings, rows, strict=True)}
    return Due(tuple(findings[:limit]), {finding.uid: finding.severity for finding in findings[limit:]}, keys)


def record_result(
    connection: duckdb.DuckDBPyConnection, channel: str, uids: Sequence[str], status: str, now: datetime
) -> None:
    """Record a message that arrived: its findings are 'sent', or 'suppressed' if one message stands for them all."""
    sent_at = now if status == "sent" else None
    _record(connection, channel, uids, "$status", now, {"status": status, "error": None, "sent_at": sent_at})


def record_failure(
    connection: duckdb.DuckDBPyConnection, channel: str, uids: Sequence[str], error: AuditError, now: datetime
) -> None:
    """Record a failed try: 'failed' after a permanent error or the last try, else due again after a pause."""
    is_last = f"$permanent OR attempts + 1 >= {MAX_ATTEMPTS}"
    status = f"CASE WHEN {is_last} THEN 'failed' ELSE 'pending' END"
    values = {"permanent": error.permanent, "error": str(error), "sent_at": None}
    _record(connection, channel, uids, status, now, values)


def postpone(connection: duckdb.DuckDBPyConnection, channel: str, uids: Sequence[str], now: datetime) -> None:
    """Let these wait as long as after a failed try, without counting one."""
    connection.execute(
        f"UPDATE {DELIVERIES.name} SET last_tried_at = $now "
        "WHERE channel = $channel AND list_contains($uids::VARCHAR[], uid) AND status = 'pending'",
        {"channel": channel, "uids": list(uids), "now": now},
    )


def retry_failed(connection: duckdb.DuckDBPyConnection, channels: Sequence[str]) -> None:
    """Make failed deliveries of open findings due at once, with all their tries, inside the caller's transaction."""
    connection.execute(
        f"UPDATE {DELIVERIES.name} SET status = 'pending', attempts = 0, last_tried_at = NULL "
        "WHERE status = 'failed' AND list_contains($channels::VARCHAR[], channel) "
        "AND uid IN (SELECT uid FROM findings WHERE status = 'open')",
        {"channels": list(channels)},
    )


def state(connection: duckdb.DuckDBPyConnection, channel: str) -> ChannelState:
    """The state of a channel. A failed delivery counts as suppressed once its finding is closed."""
    deliveries = f"FROM {DELIVERIES.name} AS delivery LEFT JOIN findings USING (uid) WHERE channel = $1"
    status = "CASE WHEN delivery.status = 'failed' AND findings.status IS DISTINCT FROM 'open' THEN 'suppressed' "
    status += "ELSE delivery.status END"
    counts = connection.execute(f"SELECT {status}, count(*) {deliveries} GROUP BY 1", [channel]).fetchall()
    unsent = f"{deliveries} AND {status} IN ('pending', 'failed')"
    last_error = scalar(connection, f"SELECT arg_max(last_error, last_tried_at) {unsent}", [channel])
    at_once = "TIMESTAMPTZ '1970-01-01 00:00:00+00'"
    waiting = f"{deliveries} AND delivery.status = 'pending'"
    next_try = scalar(connection, f"SELECT min(coalesce({_NEXT_TRY}, {at_once})) {waiting}", [channel])
    return ChannelState(dict(counts), last_error, None if next_try is None else next_try.astimezone(timezone.utc))


PENDING, NEXT_TRY = "pending", "next_try"
"""Names of the two metrics that say whether and when to deliver again."""


def metrics(states: Mapping[str, ChannelState]) -> dict[str, int | str | datetime]:
    """The states of the channels as flat metrics: deliveries by channel and status, the last errors, the next try."""
    result: dict[str, int | str | datetime] = {
        "channels": ", ".join(states) or "none is configured; see docs/alerts.md",
        PENDING: sum(one.counts.get("pending", 0) for one in states.values()),
    }
    next_tries = [one.next_try for one in states.values() if one.next_try is not None]
    if next_tries:
        result[NEXT_TRY] = min(next_tries)
    for name, one in states.items():
        result |= {f"{name}_{status}": one.counts.get(status, 0) for status in STATUSES}
        if one.last_error is not None:
            result[f"{name}_last_error"] = one.last_error
    return result


# A low finding stands for a day; an earlier version sent those of its events one by one.
_NOT_SENT_SINGLY = f"""
          AND (findings.uid, configured.channel) NOT IN (
            SELECT (whole.uid, known.channel)
            FROM (SELECT uid, rule_id, unnest(event_ids) AS id FROM findings WHERE severity = 'low') AS whole
            JOIN {DELIVERIES.name} AS known ON known.uid = {EVENT_UID.format("id")}
          )
"""

# The moment that a finding's age counts from: its last event, or its discovery when it is about the log itself.
_HAPPENED = "CASE WHEN batch_id = 0 THEN found_at ELSE last_event_at END"

# When findings were last looked through: of those found since, the age at their discovery counts.
_LOOKED_AT = "alerts_looked_at"
_IS_FRESH = f"""(
    {_HAPPENED} >= $oldest
    OR found_at > try_cast($looked_at AS TIMESTAMPTZ) AND {_HAPPENED} >= found_at - $max_age::INTERVAL
)"""

_PAUSE_SECONDS = [int(pause.total_seconds()) for pause in PAUSES]
_NEXT_TRY = f"last_tried_at + to_seconds({_PAUSE_SECONDS}[least(greatest(attempts, 1), {len(PAUSES)})])"
# A try that lies ahead, since the clock has jumped back, delays nothing.
_IS_DUE = f"(last_tried_at IS NULL OR last_tried_at > $now OR {_NEXT_TRY} <= $now)"


def _record(
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
