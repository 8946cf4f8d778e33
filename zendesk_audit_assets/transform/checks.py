"""The checks of the derived tables. They follow from the declarations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

import duckdb

from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.transform import DERIVED, ByDay, DerivedTable, Full, Total
from zendesk_audit_assets.transform.columns import EVENTS
from zendesk_audit_assets.transform.refresh import STATE
from zendesk_audit_assets.warehouse.catalog import scalar
from zendesk_audit_assets.warehouse.check import Check, CheckFunction, CheckResult

_REBUILD = "Materialize the table with `full_rebuild: true`."
_ALL_EVENTS = Total("coalesce(sum(events), 0)::BIGINT", AUDIT_LOGS.name, "count(*)")


def checks_of(table: DerivedTable) -> Iterator[Check]:
    """The checks that follow from a declaration: of its totals, of its key and of its open periods."""
    if EVENTS in table.columns:
        # Of the inputs of the summaries nightly: a step of a run costs more than the check.
        nightly = not isinstance(table.strategy, ByDay | Full)
        function = _total_is_right(table, _ALL_EVENTS)
        yield Check(
            table.name, "events_equal_the_log", "As many events as the log.", _REBUILD, function, (table.name,), nightly
        )
    if table.total is not None:
        description = f"Nothing of {table.total.base} is missing, and nothing is there twice."
        function = _total_is_right(table, table.total)
        yield Check(table.name, "nothing_is_missing", description, _REBUILD, function, (table.name,), whole_table=True)
    key = table.key or table.strategy.row_key
    if key:
        function = _key_is_unique(table, key)
        description = f"One row per {_listed(key)}."
        yield Check(table.name, "each_has_one_row", description, _REBUILD, function, (table.name,), whole_table=True)
    period = table.open_period or table.strategy.open_period
    if period:
        function = _one_period_is_open(table, period)
        description = f"One period without an end per {_listed(period)}."
        yield Check(table.name, "one_period_is_open", description, _REBUILD, function, (table.name,), whole_table=True)


def _total_is_right(table: DerivedTable, total: Total) -> CheckFunction:
    def check(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
        seen = scalar(connection, f"SELECT batch_id FROM {STATE.name} WHERE table_name = ?", [table.name])
        stored = scalar(connection, f'SELECT {total.here} FROM "{table.name}"')
        expected = scalar(connection, f'SELECT {total.there} FROM "{total.base}" WHERE batch_id <= ?', [seen])
        summary = f"{stored:,} in {table.name}, {expected:,} expected from {total.base}."
        return CheckResult(stored == expected, summary, {"stored": stored, "expected": expected})

    return check


def _key_is_unique(table: DerivedTable, key: Sequence[str]) -> CheckFunction:
    def check(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
        # As one value, since count(DISTINCT) leaves out a NULL.
        one = f"row({_columns(key)})"
        repeated = scalar(connection, f'SELECT count(*) - count(DISTINCT {one}) FROM "{table.name}"')
        return CheckResult(repeated == 0, f"{repeated:,} rows repeat {_listed(key)}.", {"repeated": repeated})

    return check


def _one_period_is_open(table: DerivedTable, period: Sequence[str]) -> CheckFunction:
    def check(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
        # A period may have several rows, all of one change.
        wrong = scalar(
            connection,
            f"""
            SELECT count(*) FROM (
                SELECT 1 FROM "{table.name}" GROUP BY {_columns(period)}
                HAVING count(DISTINCT (event_id, line)) FILTER (valid_to IS NULL) <> 1
            )
            """,
        )
        return CheckResult(wrong == 0, f"{wrong:,} have no period without an end, or several.", {"wrong": wrong})

    return check


def _columns(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _listed(names: Sequence[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


CHECKS: tuple[Check, ...] = tuple(check for table in DERIVED for check in checks_of(table))
