"""What must hold of the derived tables."""

from datetime import datetime

import duckdb

from zendesk_audit_assets.orchestration.checks.check import (
    Check,
    Test,
    Verdict,
    exists,
    missing,
)
from zendesk_audit_assets.transform.refresh import STATE
from zendesk_audit_assets.warehouse.catalog import scalar


def events_equal_the_log(table: str) -> Test:
    """The events of a summary are as many as the log had when it was made."""

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Verdict:
        if not exists(connection, table):
            return missing(table)
        seen = scalar(connection, f"SELECT batch_id FROM {STATE.name} WHERE table_name = ?", [table])
        in_log = scalar(connection, "SELECT count(*) FROM audit_logs WHERE batch_id <= ?", [seen])
        in_summary = scalar(connection, f"SELECT coalesce(sum(events), 0)::BIGINT FROM {table}")
        sentence = f"{in_summary:,} events in {table}, {in_log:,} in the log."
        return Verdict(in_summary == in_log, sentence, {"in_log": in_log, "in_summary": in_summary})

    return test


def one_period_is_open(table: str, *keys: str) -> Test:
    """Of each thing one value holds today, neither none nor several."""

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Verdict:
        if not exists(connection, table):
            return missing(table)
        wrong = scalar(
            connection,
            f"""
            SELECT count(*) FROM (
                SELECT 1 FROM {table} GROUP BY {", ".join(keys)}
                HAVING count(DISTINCT (event_id, line)) FILTER (valid_to IS NULL) <> 1
            )
            """,
        )
        return Verdict(wrong == 0, f"{wrong:,} of them have no value today, or more than one.", {"wrong": wrong})

    return test


def each_has_one_row(table: str, key: str) -> Test:
    """Nothing and nobody is listed twice."""

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Verdict:
        if not exists(connection, table):
            return missing(table)
        twice = scalar(connection, f"SELECT count(*) - count(DISTINCT {key}) FROM {table}")
        return Verdict(twice == 0, f"{twice:,} rows repeat {key}.", {"repeated": twice})

    return test


def nothing_is_missing(table: str, counted: str, base: str, expected: str) -> Test:
    """A count over a table is what it should be by its base, as far as the table follows it."""

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Verdict:
        if not exists(connection, table):
            return missing(table)
        seen = scalar(connection, f"SELECT batch_id FROM {STATE.name} WHERE table_name = ?", [table])
        there = scalar(connection, f"SELECT {counted} FROM {table}")
        should = scalar(connection, f"SELECT {expected} FROM {base} WHERE batch_id <= ?", [seen])
        sentence = f"{there:,} in {table}, {should:,} by {base}."
        return Verdict(there == should, sentence, {"there": there, "expected": should})

    return test


_KEYS = {
    "object_history": ("object_type", "source_id", "field"),
    "user_role_history": ("user_id", "product"),
    "schedule_history": ("schedule_id",),
}
_ONE_ROW_EACH = {"setting_state": "setting", "dormant_privileged_actors": "actor_id"}
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

DERIVED_CHECKS: tuple[Check, ...] = (
    *(
        Check(table, "events_equal_the_log", "As many events as the log.", events_equal_the_log(table))
        for table in ("daily_activity", "actor_summary", "action_summary")
    ),
    *(
        Check(
            table,
            "nothing_is_missing",
            "Holds all that it should, once.",
            nothing_is_missing(table, *counts),
            whole_table=True,
        )
        for table, counts in _COUNTS.items()
    ),
    *(
        Check(
            table,
            "one_period_is_open",
            "One value of each holds today.",
            one_period_is_open(table, *keys),
            whole_table=True,
        )
        for table, keys in _KEYS.items()
    ),
    *(
        Check(table, "each_has_one_row", "None is listed twice.", each_has_one_row(table, key), True)
        for table, key in _ONE_ROW_EACH.items()
    ),
)
