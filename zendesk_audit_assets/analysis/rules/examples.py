"""The examples that rules bring along, tried on DuckDB in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb

from zendesk_audit_assets.analysis.rules.rule import HISTORY, Rule
from zendesk_audit_assets.analysis.tables.changes import AUDIT_EVENTS
from zendesk_audit_assets.record import FIELDS, KNOWN_ACTIONS, KNOWN_SOURCE_TYPES

_START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def failed_examples(rule: Rule) -> Iterator[str]:
    """A sentence for each of the rule's examples that it does not judge as it should.

    What a rule over findings, or over the log itself, finds is more than events tell: its examples are not tried.
    """
    if rule.over != "events":
        return
    with _empty_log() as connection:
        for number, found in enumerate(_found(connection, rule, rule.examples.match), start=1):
            if not found:
                yield f"{rule.name} does not find its example {number} of 'match'."
        for number, found in enumerate(_found(connection, rule, rule.examples.no_match), start=1):
            if found:
                yield f"{rule.name} finds its example {number} of 'no_match'."


def _empty_log() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET VARIABLE timezone = 'UTC'")
    connection.execute("SET VARIABLE log_start = TIMESTAMPTZ '2000-01-01'")
    connection.execute("SET VARIABLE known_actions = ?", [sorted(KNOWN_ACTIONS)])
    connection.execute("SET VARIABLE known_source_types = ?", [sorted(KNOWN_SOURCE_TYPES)])
    columns = ", ".join(f'"{field.name}" {field.type}' for field in FIELDS)
    connection.execute(
        f"CREATE TABLE audit_logs ({columns}, extra JSON, batch_id BIGINT, inserted_at TIMESTAMPTZ, run_id VARCHAR)"
    )
    connection.execute(f"CREATE VIEW audit_events AS {AUDIT_EVENTS.sql}")
    connection.execute(f"CREATE VIEW history AS {HISTORY}")
    connection.execute("CREATE VIEW judged AS FROM history")
    return connection


def _found(
    connection: duckdb.DuckDBPyConnection, rule: Rule, logs: Sequence[Sequence[Mapping[str, Any]]]
) -> Iterator[bool]:
    """Of each log whether the rule finds something in it. Records are a minute apart unless they say when."""
    if rule.form == "event":  # all at once: each example is told by the batch that it came in
        for number, log in enumerate(logs):
            _insert(connection, log, number)
        rows = connection.execute(f"SELECT DISTINCT batch_id FROM audit_events WHERE {rule.sql}").fetchall()
        connection.execute("DELETE FROM audit_logs")
        yield from ((number,) in rows for number in range(len(logs)))
        return
    for log in logs:
        _insert(connection, log, 1)
        ((count,),) = connection.execute(f"SELECT count(*) FROM ({rule.sql}\n)").fetchall()
        connection.execute("DELETE FROM audit_logs")
        yield count > 0


def _insert(connection: duckdb.DuckDBPyConnection, log: Sequence[Mapping[str, Any]], batch: int) -> None:
    for number, record in enumerate(log):
        row = {"id": number, "created_at": _START + timedelta(minutes=number), "batch_id": batch, **record}
        names = ", ".join(f'"{name}"' for name in row)
        values = ", ".join("?" * len(row))
        connection.execute(f"INSERT INTO audit_logs ({names}) VALUES ({values})", list(row.values()))
