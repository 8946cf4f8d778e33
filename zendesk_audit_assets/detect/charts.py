"""Small charts of the findings in Markdown: by severity, the newest, and by rule.

Dagster keeps them in its event log for ever, so they show titles of rules, and no names and no labels.
"""

from __future__ import annotations

from datetime import date, timezone

import duckdb

from zendesk_audit_assets import markdown
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.markdown import Markdown
from zendesk_audit_assets.masking import mask
from zendesk_audit_assets.severity import SEVERITIES, rank_sql
from zendesk_audit_assets.text import one_line

NO_FINDINGS = Markdown("No findings yet.")

_NEWEST = 10
_DAYS = 30
_TITLE_LENGTH = 40
_RANK = rank_sql("severity")


def by_severity(connection: duckdb.DuckDBPyConnection) -> Markdown:
    """A line per severity: a bar for each of the last 30 days with findings, and their number in all."""
    last_day, counts = _per_day(connection)
    if last_day is None:
        return NO_FINDINGS
    lines = []
    for severity in reversed(SEVERITIES):
        days = [counts.get((severity, ago), 0) for ago in reversed(range(_DAYS))]
        bars = "".join(markdown.bar(count, max(days)) for count in days)
        lines.append(f"{severity:<13} {bars} {sum(days):,}")
    return markdown.code_block(f"**Findings by severity**, {_DAYS} days to {last_day}, UTC", lines)


def newest(connection: duckdb.DuckDBPyConnection) -> Markdown:
    """The newest open findings."""
    rows = connection.execute(
        f"SELECT last_event_at, severity, rule, title FROM {FINDINGS.name} WHERE status = 'open' "
        f"ORDER BY last_event_at DESC, uid LIMIT {_NEWEST}"
    ).fetchall()
    cells = (
        (f"{last.astimezone(timezone.utc):%Y-%m-%d %H:%M}", severity, rule, _plain(title))
        for last, severity, rule, title in rows
    )
    return markdown.table(("Last event, UTC", "Severity", "Rule", "Title"), cells, text_columns=4, empty=NO_FINDINGS)


def by_rule(connection: duckdb.DuckDBPyConnection) -> Markdown:
    """The rules that have found something, the most severe first: open findings and all."""
    rows = connection.execute(
        f"""
        SELECT rule, any_value(title), max_by(severity, {_RANK}), count(*) FILTER (status = 'open'), count(*)
        FROM {FINDINGS.name} GROUP BY rule ORDER BY max({_RANK}) DESC, 4 DESC, rule
        """
    ).fetchall()
    cells = (
        (rule, _plain(title), severity, f"{count_open:,}", f"{count:,}")
        for rule, title, severity, count_open, count in rows
    )
    return markdown.table(("Rule", "Title", "Severity", "Open", "All"), cells, text_columns=3, empty=NO_FINDINGS)


def _per_day(connection: duckdb.DuckDBPyConnection) -> tuple[date | None, dict[tuple[str, int], int]]:
    """The last day with a finding, and the number of findings by severity and days before it."""
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
