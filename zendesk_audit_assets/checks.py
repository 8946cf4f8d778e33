"""What must hold of the log and of its summaries.

Checks whose cost grows with the whole log (`whole_table`) run nightly and when an asset is materialized by hand;
the others run with each refresh.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Any

import dagster as dg
import duckdb

from zendesk_audit_assets.assets.alerts import ALERTS_KEY
from zendesk_audit_assets.assets.audit_logs import AUDIT_LOGS_KEY
from zendesk_audit_assets.assets.common import errors_in_words
from zendesk_audit_assets.assets.findings import FINDINGS_KEY
from zendesk_audit_assets.record import KNOWN_ACTIONS, KNOWN_SOURCE_TYPES
from zendesk_audit_assets.resources import WarehouseResource
from zendesk_audit_assets.warehouse import log
from zendesk_audit_assets.warehouse.derived import STATE
from zendesk_audit_assets.warehouse.findings import FINDINGS
from zendesk_audit_assets.warehouse.outbox import DELIVERIES
from zendesk_audit_assets.warehouse.schema import scalar

# An hourly refresh may fail once without anybody being told.
READ_WITHIN = timedelta(hours=3)
# A company signs in on any working day; a longer silence is worth a look.
EVENT_WITHIN = timedelta(days=4)
# Actions and source types are open sets: what has been there for longer than this is nothing to warn of.
NEW_WITHIN = timedelta(days=30)
# When Zendesk words its texts otherwise, or the reading user's language changes, less is understood than before.
PARSED_WITHIN = timedelta(days=30)
PARSED_LESS = 0.05
# Fewer lines than this say nothing about a share.
PARSED_LINES = 50


@dataclass(frozen=True)
class Finding:
    """What a check found: whether all is well, in a sentence, and figures."""

    passed: bool
    sentence: str
    figures: dict[str, Any] = field(default_factory=dict)
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR


@dataclass(frozen=True)
class Check:
    """A promise about an asset, and the test of it: a function of a connection and the first day of the log."""

    asset: dg.AssetKey
    name: str
    promise: str
    test: Callable[[duckdb.DuckDBPyConnection, datetime], Finding]
    whole_table: bool = False

    @property
    def key(self) -> dg.AssetCheckKey:
        """How Dagster knows the check."""
        return dg.AssetCheckKey(self.asset, self.name)


def build_checks(start: date) -> list[dg.AssetChecksDefinition]:
    """The checks of each asset, in one step per asset and kind."""
    groups = {(check.asset, check.whole_table): None for check in CHECKS}
    return [_definition(asset, whole_table, start) for asset, whole_table in groups]


def ids_are_unique(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """No event is stored twice. The insert looks only at the batch's own time range, this looks at everything."""
    twice = scalar(connection, "SELECT count(*) - count(DISTINCT id) FROM audit_logs")
    return Finding(twice == 0, f"{twice:,} rows repeat an id.", {"repeated": twice})


def rows_lie_in_coverage(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
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
    return Finding(outside == 0, f"{outside:,} rows lie in no window that was read.", {"outside": outside})


def coverage_has_no_gap(connection: duckdb.DuckDBPyConnection, start: datetime) -> Finding:
    """Everything between the first day and the newest read was read."""
    newest = log.covered_to(connection)
    if newest is None or newest <= start:
        return Finding(True, "Nothing has been read yet.")
    complete_to = log.complete_to(connection, start)
    figures = {"complete_to": dg.MetadataValue.timestamp(complete_to), "read_to": dg.MetadataValue.timestamp(newest)}
    if complete_to >= newest:
        return Finding(True, f"Everything from {start:%Y-%m-%d} to {newest:%Y-%m-%d %H:%M:%S} UTC was read.", figures)
    sentence = f"Nothing was read just after {complete_to:%Y-%m-%d %H:%M:%S} UTC; run the job `refresh`."
    return Finding(False, sentence, figures)


def nothing_was_rejected(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """Every record could be typed."""
    rejected = scalar(connection, "SELECT count(*) FROM audit_log_rejects")
    return Finding(
        rejected == 0, f"{rejected:,} records are in audit_log_rejects, with the reason.", {"rows": rejected}
    )


def no_event_has_changed(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """No event was read twice with different content. Only labels may change with the reader's language or a name."""
    revised = scalar(connection, "SELECT count(*) FROM audit_log_revisions")
    core = ("actor_id", "source_id", "source_type", "action", "ip_address", "created_at")
    differs = " OR ".join(f"revision.{name} IS DISTINCT FROM stored.{name}" for name in core)
    core_revised = scalar(
        connection,
        f"SELECT count(*) FROM audit_log_revisions AS revision JOIN audit_logs AS stored USING (id) WHERE {differs}",
    )
    return Finding(
        revised == 0,
        f"{revised:,} other versions are in audit_log_revisions, {core_revised:,} of them with other facts than text.",
        {"revisions": revised, "revisions_of_facts": core_revised},
        dg.AssetCheckSeverity.ERROR if core_revised else dg.AssetCheckSeverity.WARN,
    )


def schema_has_not_drifted(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """No field, action or source type has turned up lately that was never seen before, here or anywhere."""
    drift = {
        "fields": _new(connection, "unnest(json_keys(extra))", frozenset()),
        "actions": _new(connection, "action", KNOWN_ACTIONS),
        "source_types": _new(connection, "source_type", KNOWN_SOURCE_TYPES),
    }
    new = [f"{kind.replace('_', ' ')} {', '.join(names[:20])}" for kind, names in drift.items() if names]
    sentence = f"New in the last {NEW_WITHIN.days} days: {'; '.join(new)}. All is stored." if new else "Nothing new."
    return Finding(not new, sentence, drift, dg.AssetCheckSeverity.WARN)


def an_event_is_recent(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """The account has not fallen silent."""
    return _recent(scalar(connection, "SELECT max(created_at) FROM audit_logs"), EVENT_WITHIN, "The newest event")


def a_read_is_recent(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """The log is kept current."""
    return _recent(log.covered_to(connection), READ_WITHIN, "The newest second read")


def events_equal_the_log(table: str) -> Callable[[duckdb.DuckDBPyConnection, datetime], Finding]:
    """The events of a summary are as many as the log had when it was made."""

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
        if not _exists(connection, table):
            return _missing(table)
        seen = scalar(connection, f"SELECT batch_id FROM {STATE.name} WHERE table_name = ?", [table])
        in_log = scalar(connection, "SELECT count(*) FROM audit_logs WHERE batch_id <= ?", [seen])
        in_summary = scalar(connection, f"SELECT coalesce(sum(events), 0)::BIGINT FROM {table}")
        sentence = f"{in_summary:,} events in {table}, {in_log:,} in the log."
        return Finding(in_summary == in_log, sentence, {"in_log": in_log, "in_summary": in_summary})

    return test


def share_parsed_is_steady(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """As much of what is written lately is understood as of what was written before. Sign-ins are no changes."""
    if not _exists(connection, "audit_changes"):
        return _missing("audit_changes")
    ((recent, share_recent, before, share_before),) = connection.execute(
        f"""
        SELECT
            count(*) FILTER (recent), avg(parsed) FILTER (recent),
            count(*) FILTER (NOT recent), avg(parsed) FILTER (NOT recent)
        FROM (
            SELECT
                created_at > (SELECT max(created_at) FROM audit_changes) - to_days({PARSED_WITHIN.days}) AS recent,
                (confidence <> 'unparsed')::INTEGER AS parsed
            FROM audit_changes WHERE action IS DISTINCT FROM 'login'
        )
        """
    ).fetchall()
    if min(recent, before) < PARSED_LINES:
        return Finding(True, "There are too few changes to compare yet.", {"lines": recent + before})
    return Finding(
        share_recent >= share_before - PARSED_LESS,
        f"{share_recent:.1%} of the lines of the last {PARSED_WITHIN.days} days are understood, "
        f"{share_before:.1%} of those before.",
        {"share_recent": share_recent, "share_before": share_before},
        dg.AssetCheckSeverity.WARN,
    )


def one_period_is_open(table: str, *keys: str) -> Callable[[duckdb.DuckDBPyConnection, datetime], Finding]:
    """Of each thing one value holds today, neither none nor several."""

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
        if not _exists(connection, table):
            return _missing(table)
        wrong = scalar(
            connection,
            f"""
            SELECT count(*) FROM (
                SELECT 1 FROM {table} GROUP BY {", ".join(keys)}
                HAVING count(DISTINCT (event_id, line)) FILTER (valid_to IS NULL) <> 1
            )
            """,
        )
        return Finding(wrong == 0, f"{wrong:,} of them have no value today, or more than one.", {"wrong": wrong})

    return test


def nothing_is_missing(
    table: str, counted: str, base: str, expected: str
) -> Callable[[duckdb.DuckDBPyConnection, datetime], Finding]:
    """A count over a table is what it should be by its base, as far as the table follows it."""

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
        if not _exists(connection, table):
            return _missing(table)
        seen = scalar(connection, f"SELECT batch_id FROM {STATE.name} WHERE table_name = ?", [table])
        there = scalar(connection, f"SELECT {counted} FROM {table}")
        should = scalar(connection, f"SELECT {expected} FROM {base} WHERE batch_id <= ?", [seen])
        sentence = f"{there:,} in {table}, {should:,} by {base}."
        return Finding(there == should, sentence, {"there": there, "expected": should})

    return test


def uids_are_unique(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """No finding is there twice: each is alerted of once."""
    if not _exists(connection, FINDINGS.name):
        return _missing(FINDINGS.name)
    twice = scalar(connection, f"SELECT count(*) - count(DISTINCT uid) FROM {FINDINGS.name}")
    return Finding(twice == 0, f"{twice:,} findings repeat a uid.", {"repeated": twice})


def no_delivery_has_failed(connection: duckdb.DuckDBPyConnection, _: datetime) -> Finding:
    """Every alert has arrived or may yet. Closing the finding settles one that has not."""
    if not (_exists(connection, DELIVERIES.name) and _exists(connection, FINDINGS.name)):
        return _missing(DELIVERIES.name)
    failed = connection.execute(
        f"SELECT channel, count(*) FROM {DELIVERIES.name} AS delivery JOIN {FINDINGS.name} AS found USING (uid) "
        "WHERE delivery.status = 'failed' AND found.status = 'open' GROUP BY channel ORDER BY channel"
    ).fetchall()
    if not failed:
        return Finding(True, "No alert has failed for good.")
    channels = ", ".join(f"{count:,} to {channel}" for channel, count in failed)
    sentence = f"Alerts have failed for good: {channels}. The reason is in {DELIVERIES.name}; correct it, then run "
    return Finding(False, f"{sentence}`alerts` with try_failed_again.", dict(failed))


_KEYS = {
    "object_history": ("object_type", "source_id", "field"),
    "user_role_history": ("user_id", "product"),
    "schedule_history": ("schedule_id",),
}
# What is counted in a table, the table that it comes from, and what is counted there.
_COUNTS = {
    "audit_changes": (
        "count(DISTINCT event_id)",
        "audit_logs",
        r"count(*) FILTER (regexp_matches(change_description, '[^ \r\n]'))",
    ),
    "object_history": (
        "count(event_id)",
        "audit_changes",
        "count(*) FILTER (field IS NOT NULL AND source_id IS NOT NULL)",
    ),
    "setting_state": ("coalesce(sum(times_changed), 0)::BIGINT", "audit_events", "count(setting)"),
    "sign_ins": ("count(*)", "audit_logs", "count(*) FILTER (action = 'login')"),
    "actor_networks": ("coalesce(sum(events), 0)::BIGINT", "audit_logs", "count(*)"),
    "privileged_changes": ("count(*)", "privileged_changes", "count(DISTINCT event_id)"),
}

CHECKS: tuple[Check, ...] = (
    Check(AUDIT_LOGS_KEY, "nothing_was_rejected", "Every record could be typed.", nothing_was_rejected),
    Check(AUDIT_LOGS_KEY, "no_event_has_changed", "No event was read with other content.", no_event_has_changed),
    Check(AUDIT_LOGS_KEY, "coverage_has_no_gap", "All since the first day was read.", coverage_has_no_gap),
    Check(AUDIT_LOGS_KEY, "an_event_is_recent", "The account has not fallen silent.", an_event_is_recent),
    Check(AUDIT_LOGS_KEY, "a_read_is_recent", "The log is kept current.", a_read_is_recent),
    Check(AUDIT_LOGS_KEY, "ids_are_unique", "No event is stored twice.", ids_are_unique, whole_table=True),
    Check(
        AUDIT_LOGS_KEY,
        "rows_lie_in_coverage",
        "No row lies outside what was read.",
        rows_lie_in_coverage,
        whole_table=True,
    ),
    Check(
        AUDIT_LOGS_KEY,
        "schema_has_not_drifted",
        "No new field, action or source type.",
        schema_has_not_drifted,
        whole_table=True,
    ),
    *(
        Check(dg.AssetKey(table), "events_equal_the_log", "As many events as the log.", events_equal_the_log(table))
        for table in ("daily_activity", "actor_summary", "action_summary")
    ),
    Check(
        dg.AssetKey("audit_changes"),
        "share_parsed_is_steady",
        "Of recent changes as much is understood as before.",
        share_parsed_is_steady,
        whole_table=True,
    ),
    *(
        Check(
            dg.AssetKey(table),
            "nothing_is_missing",
            "Holds all that it should, once.",
            nothing_is_missing(table, *counts),
            whole_table=True,
        )
        for table, counts in _COUNTS.items()
    ),
    *(
        Check(
            dg.AssetKey(table),
            "one_period_is_open",
            "One value of each holds today.",
            one_period_is_open(table, *keys),
            whole_table=True,
        )
        for table, keys in _KEYS.items()
    ),
    Check(FINDINGS_KEY, "uids_are_unique", "No finding is there twice.", uids_are_unique),
    Check(ALERTS_KEY, "no_delivery_has_failed", "Every alert has arrived or may yet.", no_delivery_has_failed),
)

WHOLE_TABLE_CHECK_KEYS = [check.key for check in CHECKS if check.whole_table]


def _definition(asset: dg.AssetKey, whole_table: bool, start: date) -> dg.AssetChecksDefinition:
    checks = [check for check in CHECKS if (check.asset, check.whole_table) == (asset, whole_table)]
    first_second = datetime(start.year, start.month, start.day, tzinfo=timezone.utc)

    @dg.multi_asset_check(
        name=f"{asset.to_python_identifier()}_{'whole_table_' if whole_table else ''}checks",
        specs=[dg.AssetCheckSpec(check.name, asset=check.asset, description=check.promise) for check in checks],
        can_subset=True,
    )
    def run_checks(
        context: dg.AssetCheckExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.AssetCheckResult]:
        with errors_in_words(), warehouse.get_connection() as connection:
            for check in checks:
                if check.key in context.selected_asset_check_keys:
                    yield _result(check, check.test(connection, first_second))

    return run_checks


def _result(check: Check, finding: Finding) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=finding.passed,
        asset_key=check.asset,
        check_name=check.name,
        severity=finding.severity,
        description=finding.sentence,
        metadata=finding.figures,
    )


def _new(connection: duckdb.DuckDBPyConnection, expression: str, known: frozenset[str]) -> list[str]:
    """The values of an expression that are not known and occur for the first time close to the log's end."""
    first_seen = f"""
        SELECT value, min(created_at) FROM (SELECT {expression} AS value, created_at FROM audit_logs)
        WHERE value IS NOT NULL GROUP BY value
        HAVING min(created_at) > (SELECT max(created_at) FROM audit_logs) - to_days({NEW_WITHIN.days})
    """
    return sorted({str(value) for value, _ in connection.execute(first_seen).fetchall()} - known)


def _exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    return bool(scalar(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [table]))


def _missing(table: str) -> Finding:
    return Finding(False, f"{table} does not exist yet; materialize it.", severity=dg.AssetCheckSeverity.WARN)


def _recent(instant: datetime | None, within: timedelta, what: str) -> Finding:
    if instant is None:
        return Finding(False, f"{what} does not exist yet.", severity=dg.AssetCheckSeverity.WARN)
    age = datetime.now(timezone.utc) - instant
    sentence = f"{what} is {age / timedelta(hours=1):,.1f} hours old."
    return Finding(age <= within, sentence, {"at": dg.MetadataValue.timestamp(instant)}, dg.AssetCheckSeverity.WARN)
