"""The examples that a rule brings along, tried on DuckDB in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb

from zendesk_audit_assets.analysis.rules.rule import HISTORY, Rule
from zendesk_audit_assets.analysis.tables.changes import AUDIT_EVENTS
from zendesk_audit_assets.record import FIELDS

_START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def failed_examples(rule: Rule) -> Iterator[str]:
    """A sentence for each of the rule's examples that it does not judge as it should."""
    for number, log in enumerate(rule.examples.match, start=1):
        if not finds(rule, log):
            yield f"{rule.name} does not find its example {number} of 'match'."
    for number, log in enumerate(rule.examples.no_match, start=1):
        if finds(rule, log):
            yield f"{rule.name} finds its example {number} of 'no_match'."


def finds(rule: Rule, records: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the rule finds anything in a log of these partial records, a minute apart unless they say when.

    What a rule over findings or over the log itself finds is more than events tell: that is always False.
    """
    if rule.over != "events":
        return False
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET VARIABLE log_start = TIMESTAMPTZ '2000-01-01'")
        columns = ", ".join(f'"{field.name}" {field.type}' for field in FIELDS)
        origin = "extra JSON, batch_id BIGINT, inserted_at TIMESTAMPTZ, run_id VARCHAR"
        connection.execute(f"CREATE TABLE audit_logs ({columns}, {origin})")
        for number, record in enumerate(records):
            row = {"id": number, "created_at": _START + timedelta(minutes=number), "batch_id": 1, **record}
            names = ", ".join(f'"{name}"' for name in row)
            connection.execute(
                f"INSERT INTO audit_logs ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values())
            )
        connection.execute(f"CREATE VIEW audit_events AS {AUDIT_EVENTS.sql}")
        connection.execute(f"CREATE VIEW history AS {HISTORY}")
        connection.execute("CREATE VIEW judged AS FROM history")
        query = f"FROM audit_events WHERE {rule.sql}" if rule.form == "event" else f"FROM ({rule.sql}\n)"
        return bool(connection.execute(f"SELECT count(*) {query}").fetchall()[0][0])
