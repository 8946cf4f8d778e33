"""The checks of the log and of its coverage."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import duckdb

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.coverage import union
from zendesk_audit_assets.extract.gaps import open_gaps
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.warehouse.catalog import scalar
from zendesk_audit_assets.warehouse.check import Check, CheckResult

# An hourly refresh may fail once without anybody being told.
READ_WITHIN = timedelta(hours=3)


def ids_are_unique(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """No event is stored twice. The insert sees to it; other programs, and earlier versions of this one, may not."""
    twice = scalar(connection, "SELECT count(*) - count(DISTINCT id) FROM audit_logs")
    return CheckResult(twice == 0, f"{twice:,} rows repeat an id.", {"repeated": twice})


def rows_lie_in_coverage(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """No row came in without a window that vouches for its second."""
    outside = scalar(
        connection,
        """
        WITH ordered AS (
            SELECT window_start, window_end, max(window_end) OVER before AS read_to FROM coverage
            WHERE window_start < window_end
            WINDOW before AS (ORDER BY window_start, window_end ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        ),
        numbered AS (
            SELECT *, count(*) FILTER (read_to IS NULL OR window_start > read_to)
                OVER (ORDER BY window_start, window_end ROWS UNBOUNDED PRECEDING) AS stretch
            FROM ordered
        ),
        stretches AS (
            SELECT min(window_start) AS first, max(window_end) AS after FROM numbered GROUP BY stretch
        )
        SELECT count(*) FROM audit_logs ASOF LEFT JOIN stretches ON created_at >= first
        WHERE after IS NULL OR created_at >= after
        """,
    )
    return CheckResult(outside == 0, f"{outside:,} rows lie in no window that was read.", {"outside": outside})


def coverage_has_no_gap(connection: duckdb.DuckDBPyConnection, start: datetime) -> CheckResult:
    """Everything between the first day and the newest read was read, and no attempt to read it again has failed."""
    newest = batches.covered_to(connection)
    gaps = open_gaps(connection)
    if gaps:
        first = gaps[0]
        seconds = sum((window.end - window.start).total_seconds() for window in union(gap.window for gap in gaps))
        return CheckResult(
            False,
            f"{seconds:,.0f} s of the log cannot be read, first those from {first.window.start:%Y-%m-%d %H:%M:%S} to "
            f"{first.window.end:%Y-%m-%d %H:%M:%S} UTC, after {first.attempt} attempts: {first.reason}",
            {"unreadable_seconds": seconds, "next_attempt": min(gap.due_at for gap in gaps), "read_to": newest},
        )
    if newest is None or newest <= start:
        return CheckResult(True, "Nothing has been read yet.")
    complete_to = batches.complete_to(connection, start)
    metrics = {"complete_to": complete_to, "read_to": newest}
    if complete_to >= newest:
        return CheckResult(
            True, f"Everything from {start:%Y-%m-%d} to {newest:%Y-%m-%d %H:%M:%S} UTC was read.", metrics
        )
    sentence = f"Nothing was read just after {complete_to:%Y-%m-%d %H:%M:%S} UTC."
    return CheckResult(False, sentence, metrics)


def nothing_was_rejected(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """Every record could be typed."""
    rejected = scalar(connection, "SELECT count(*) FROM audit_log_rejects")
    return CheckResult(
        rejected == 0, f"{rejected:,} records are in audit_log_rejects, with the reason.", {"rows": rejected}
    )


def no_event_has_changed(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """No event was read twice with different content. Only labels may change with the reader's language or a name."""
    revised = scalar(connection, "SELECT count(*) FROM audit_log_revisions")
    core = ("actor_id", "source_id", "source_type", "action", "ip_address", "created_at")
    differs = " OR ".join(f"revision.{name} IS DISTINCT FROM stored.{name}" for name in core)
    core_revised = scalar(
        connection,
        f"SELECT count(*) FROM audit_log_revisions AS revision JOIN audit_logs AS stored USING (id) WHERE {differs}",
    )
    return CheckResult(
        revised == 0,
        f"{revised:,} other versions are in audit_log_revisions, {core_revised:,} of them with other facts than text.",
        {"revisions": revised, "revisions_of_facts": core_revised},
        "error" if core_revised else "warn",
    )


def a_read_is_recent(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """The log is kept current."""
    return _recent(batches.covered_to(connection), READ_WITHIN, "The newest second read")


_REPORT = "Restore a backup, and report the fault: this should never happen."

CHECKS: tuple[Check, ...] = (
    Check(
        AUDIT_LOGS.name,
        "nothing_was_rejected",
        "Every record was parsed.",
        "Read `reason` and `raw` in audit_log_rejects, and look for a newer version of this project.",
        nothing_was_rejected,
    ),
    Check(
        AUDIT_LOGS.name,
        "no_event_has_changed",
        "No event was read with different content.",
        "Compare audit_log_revisions with audit_logs by `id`. Text alone changes with a user's name or language; "
        "investigate any other difference.",
        no_event_has_changed,
    ),
    Check(
        AUDIT_LOGS.name,
        "coverage_has_no_gap",
        "Every second since the first day was read.",
        "Run `zendesk-audit sync` with `--from` the day that is named, or wait for the next refresh. Runs try what "
        "cannot be read again, once a day in the end; look at `failed_reads` and `audit_log_rejects`, and ask Zendesk.",
        coverage_has_no_gap,
    ),
    Check(
        AUDIT_LOGS.name,
        "a_read_is_recent",
        "The log was read within the last 3 hours.",
        "Look under **Runs** for the failure, and run `zendesk-audit doctor`.",
        a_read_is_recent,
    ),
    Check(
        AUDIT_LOGS.name,
        "ids_are_unique",
        "No event is stored twice.",
        "Run `zendesk-audit repair`, which shows the rows that repeat an id, and sets them aside with `--yes`.",
        ids_are_unique,
        whole_table=True,
    ),
    Check(
        AUDIT_LOGS.name,
        "rows_lie_in_coverage",
        "Every row lies in a window that was read.",
        _REPORT,
        rows_lie_in_coverage,
        whole_table=True,
    ),
)


def _recent(instant: datetime | None, within: timedelta, what: str) -> CheckResult:
    if instant is None:
        return CheckResult(False, f"{what} does not exist yet.", severity="warn")
    age = datetime.now(timezone.utc) - instant
    sentence = f"{what} is {age / timedelta(hours=1):,.1f} hours old."
    return CheckResult(age <= within, sentence, {"at": instant}, "warn")
