"""What the rules find, as an asset: how much of what, the newest, and how it has been lately."""

from datetime import datetime, timezone
from typing import Any

import dagster as dg
import duckdb

from zendesk_audit_assets import markdown
from zendesk_audit_assets.detect import findings as table
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.masking import mask
from zendesk_audit_assets.orchestration.assets.common import (
    OWNERS,
    TAGS,
    failures_as_messages,
    file_uri,
    table_metadata,
)
from zendesk_audit_assets.orchestration.resources import RULES, WAREHOUSE, needed, rules_of, warehouse_of
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.severity import SEVERITIES, rank_sql
from zendesk_audit_assets.text import one_line
from zendesk_audit_assets.transform import CHANGES, HISTORIES

NO_FINDINGS = "No findings yet."

_NEWEST = 10
_DAYS = 30
_TITLE_LENGTH = 40
_RANK = rank_sql("severity")


class FindingsConfig(dg.Config):
    """What a run may choose."""

    full_rebuild: bool = False
    """Run every rule over the whole log instead of over what is new; the result is the same."""


def build_findings(scope: Scope, start: datetime) -> dg.AssetsDefinition:
    """The asset `findings`, for a log that begins at `start`."""

    @dg.asset(
        key=scope.asset_key(FINDINGS.name),
        # A rule may read any of them.
        deps=[scope.asset_key(name) for name in (AUDIT_LOGS.name, *(table.name for table in (*CHANGES, *HISTORIES)))],
        required_resource_keys=needed(scope, WAREHOUSE, RULES),
        group_name="findings",
        kinds={"duckdb", "sql"},
        owners=OWNERS,
        tags=TAGS,
        metadata=table_metadata(FINDINGS.name, FINDINGS.columns),
        description="What the detection rules have found in the log, a row per finding.",
    )
    def findings(context: dg.AssetExecutionContext, config: FindingsConfig) -> dg.MaterializeResult[None]:
        warehouse = warehouse_of(context, scope)
        with failures_as_messages():
            in_force = rules_of(context, scope).rules()
            with warehouse.transaction() as connection:
                done = table.refresh(
                    connection, in_force, start=start, timezone=warehouse.zone(), full=config.full_rebuild
                )
                metadata: dict[str, Any] = {
                    "dagster/row_count": done.rows_total,
                    "dagster/uri": dg.MetadataValue.url(file_uri(warehouse.warehouse())),
                    "new": done.new,
                    "rules": done.rules,
                    "rules_rebuilt": ", ".join(done.rules_rebuilt) or "none",
                    **{f"open_{level}": done.open_by_severity.get(level, 0) for level in reversed(SEVERITIES)},
                    "by_severity": dg.MetadataValue.md(_by_severity(connection)),
                    "newest": dg.MetadataValue.md(_newest(connection)),
                    "by_rule": dg.MetadataValue.md(_by_rule(connection)),
                }
                if done.evaluated_to is not None:
                    metadata["evaluated_to"] = dg.MetadataValue.timestamp(done.evaluated_to)
                return dg.MaterializeResult(metadata=metadata)

    return findings


# What these show stays in Dagster's event log for as long as that exists: titles of rules, no names and no labels.


def _by_rule(connection: duckdb.DuckDBPyConnection) -> str:
    """The gravest first, as many as there is room for."""
    rows = connection.execute(
        f"""
        SELECT rule, any_value(title), max_by(severity, {_RANK}), count(*) FILTER (status = 'open'), count(*)
        FROM {FINDINGS.name} GROUP BY rule ORDER BY max({_RANK}) DESC, 4 DESC, rule
        """
    ).fetchall()
    cells = ((rule, _plain(title), level, f"{is_open:,}", f"{all_:,}") for rule, title, level, is_open, all_ in rows)
    return markdown.table(("Rule", "Title", "Severity", "Open", "All"), cells, text_columns=3, empty=NO_FINDINGS)


def _newest(connection: duckdb.DuckDBPyConnection) -> str:
    rows = connection.execute(
        f"SELECT last_event_at, severity, rule, title FROM {FINDINGS.name} WHERE status = 'open' "
        f"ORDER BY last_event_at DESC, uid LIMIT {_NEWEST}"
    ).fetchall()
    cells = (
        (f"{last.astimezone(timezone.utc):%Y-%m-%d %H:%M}", severity, rule, _plain(title))
        for last, severity, rule, title in rows
    )
    return markdown.table(("Last event, UTC", "Severity", "Rule", "Title"), cells, text_columns=4, empty=NO_FINDINGS)


def _by_severity(connection: duckdb.DuckDBPyConnection) -> str:
    """A line per severity: a bar for each of the last 30 days of findings, and how many they are in all."""
    last_day, counts = _per_day(connection)
    if last_day is None:
        return NO_FINDINGS
    lines = []
    for level in reversed(SEVERITIES):
        days = [counts.get((level, ago), 0) for ago in reversed(range(_DAYS))]
        bars = "".join(markdown.bar(count, max(days)) for count in days)
        lines.append(f"{level:<13} {bars} {sum(days):,}")
    return markdown.code_block(f"**Findings by severity**, {_DAYS} days to {last_day}, UTC", lines)


def _per_day(connection: duckdb.DuckDBPyConnection) -> tuple[Any, dict[tuple[str, int], int]]:
    """The last day with a finding, and the findings by severity and days before it."""
    rows = connection.execute(
        f"""
        WITH days AS (
            SELECT severity, (last_event_at AT TIME ZONE 'UTC')::DATE AS day, max(day) OVER () AS last_day
            FROM {FINDINGS.name}
        )
        SELECT severity, last_day, last_day - day AS ago, count(*) FROM days WHERE ago < {_DAYS} GROUP BY ALL
        """
    ).fetchall()
    return rows[0][1] if rows else None, {(severity, ago): count for severity, _, ago, count in rows}


def _plain(text: str) -> str:
    """Masked, short, and without any meaning in Markdown."""
    return markdown.escape(one_line(mask(text), _TITLE_LENGTH))
