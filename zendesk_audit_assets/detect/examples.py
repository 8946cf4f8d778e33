"""Runs the examples of rules on a warehouse in memory, with the code that evaluates the real one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import duckdb
import polars as pl

from zendesk_audit_assets.detect import (
    Example,
    Rule,
    RuleError,
    findings,
    load_rules,
)
from zendesk_audit_assets.extract.tables import AUDIT_LOGS, COVERAGE, FAILED_READS, REJECTS
from zendesk_audit_assets.text import first_line, sql_name
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.catalog import scalar
from zendesk_audit_assets.warehouse.migrations import migrate
from zendesk_audit_assets.warehouse.table import Table


def failed_examples(rules: Sequence[Rule], in_force: Sequence[Rule] = ()) -> Iterator[tuple[Rule, str]]:
    """Yield each failed example as its rule and a sentence for people.

    A packaged rule with the input `findings` reads those of the other packaged rules, a rule of your own those of the
    rules `in_force`. Raises `RuleError` when an example cannot be stored, lacks a table that its rule needs, or a query
    fails.
    """
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate(connection)
        found = {
            **_run_event_rules(connection, [rule for rule in rules if rule.kind == "event"]),
            **_run_other_rules(connection, [rule for rule in rules if rule.kind != "event"], in_force),
        }
    for rule in rules:
        for kind, number, _ in _numbered(rule):
            if found[rule.id, kind, number] != (kind == "match"):
                verb = "does not find" if kind == "match" else "finds"
                yield rule, f"{rule.name} {verb} its example {number} of '{kind}'."


def _numbered(rule: Rule) -> Iterator[tuple[str, int, Example]]:
    for kind, examples in (("match", rule.examples.match), ("no_match", rule.examples.no_match)):
        for number, example in enumerate(examples, start=1):
            yield kind, number, example


def _run_event_rules(connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule]) -> dict[tuple[str, str, int], bool]:
    """Return, per example of the event rules, whether the rule reports it. Each example is a batch of its own."""
    batches = count(1)
    examples = [(next(batches), rule, *numbered) for rule in rules for numbered in _numbered(rule)]
    events = [{**event, "batch_id": batch} for batch, *_, example in examples for event in example.events]
    with _rolled_back(connection):
        _insert_events(connection, events)
        findings.refresh(connection, rules)
        # By the events: the low findings of a day are one.
        found = set(
            connection.execute(
                "SELECT rule_id, audit_logs.batch_id FROM (SELECT rule_id, unnest(event_ids) AS id FROM findings) "
                "JOIN audit_logs USING (id)"
            ).fetchall()
        )
    return {(rule.id, kind, number): (rule.id, batch) in found for batch, rule, kind, number, _ in examples}


def _run_other_rules(
    connection: duckdb.DuckDBPyConnection, rules: Sequence[Rule], in_force: Sequence[Rule]
) -> dict[tuple[str, str, int], bool]:
    """Return, per example of the other rules, whether the rule reports it."""
    others = {rule.id: _rules_read_by(rule, in_force) for rule in rules}
    examples = [(rule, *numbered) for rule in rules for numbered in _numbered(rule)]
    _insert_events(
        connection,
        [{**event, "run_id": str(run)} for run, (*_, example) in enumerate(examples) for event in example.events],
    )
    _derive(connection, {"audit_events"})
    found = {}
    for run, (rule, kind, number, example) in enumerate(examples):
        with _rolled_back(connection):
            for table in ("audit_logs", "audit_events"):
                connection.execute(f"DELETE FROM {table} WHERE run_id <> '{run}'")
            found[rule.id, kind, number] = _reports(connection, rule, others[rule.id], example)
    return found


def _rules_read_by(rule: Rule, in_force: Sequence[Rule]) -> list[Rule]:
    if rule.input != "findings":
        return []
    others = load_rules() if rule.packaged else in_force
    return [other for other in others if other.input == "events" and other.id != rule.id]


def _reports(connection: duckdb.DuckDBPyConnection, rule: Rule, others: Sequence[Rule], example: Example) -> bool:
    _insert(connection, COVERAGE, [{**_COVERAGE_DEFAULTS, **row} for row in example.coverage])
    for name, rows in example.tables.items():
        _create(connection, name, rows, rule.file)
    _require_tables(rule, example)
    _derive(connection, set(rule.needs) - set(example.tables))
    findings.refresh(connection, [*others, rule])
    return bool(scalar(connection, "SELECT count(*) FROM findings WHERE rule_id = ?", [rule.id]))


@contextmanager
def _rolled_back(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


_COVERAGE_DEFAULTS = {"run_id": "run", "requests": 1, "rows_received": 0, "rows_revised": 0, "rows_rejected": 0}


def _insert_events(connection: duckdb.DuckDBPyConnection, events: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        {"id": number, "run_id": "run", **event, "inserted_at": event["created_at"]}
        for number, event in enumerate(events)
    ]
    _insert(connection, AUDIT_LOGS, rows)


def _insert(connection: duckdb.DuckDBPyConnection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    frame = pl.DataFrame(rows, schema={column.name: column.polars for column in table.columns})
    connection.register("incoming", frame)
    connection.execute(f"INSERT INTO {table.name} BY NAME FROM incoming")
    connection.unregister("incoming")


_OF_EVERY_WAREHOUSE = {table.name: table for table in (FAILED_READS, REJECTS)}


def _create(connection: duckdb.DuckDBPyConnection, name: str, rows: Sequence[Mapping[str, Any]], file: str) -> None:
    try:
        if name in _OF_EVERY_WAREHOUSE:
            _insert(connection, _OF_EVERY_WAREHOUSE[name], [{"run_id": "run", **row} for row in rows])
            return
        connection.register("incoming", pl.DataFrame(rows, infer_schema_length=None))
        connection.execute(f"CREATE TABLE {sql_name(name)} AS FROM incoming")
        connection.unregister("incoming")
    except (TypeError, OverflowError, pl.exceptions.PolarsError, duckdb.Error) as error:
        raise RuleError(file, f"the table {name} of an example cannot be stored ({first_line(error)})") from error


def _derive(connection: duckdb.DuckDBPyConnection, names: set[str]) -> None:
    """Build the derived tables of these names and their dependencies."""
    wanted = set(names)
    for table in reversed(DERIVED):
        if table.name in wanted:
            wanted.update(table.depends_on)
    for table in DERIVED:
        if table.name in wanted:
            refresh.refresh(connection, table)


def _require_tables(rule: Rule, example: Example) -> None:
    """Refuse an example without a table that the rule waits for: it would pass for a 'no_match'."""
    known = {*example.tables, *(table.name for table in DERIVED), AUDIT_LOGS.name, COVERAGE.name}
    for name in rule.needs:
        if name not in known:
            raise RuleError(rule.file, f"an example of it has no table {name}, which it needs")
