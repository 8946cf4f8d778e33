"""Single values, facts about the file, and tables that are recreated when their declaration changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pytest

from zendesk_audit_assets.warehouse.catalog import (
    META,
    drop,
    ensure_derived,
    get_meta,
    relations,
    scalar,
    set_meta,
)
from zendesk_audit_assets.warehouse.table import Column, Table

NOTES = Table(
    "notes",
    "Notes.",
    (
        Column("note", "VARCHAR", "The note.", required=True),
        Column("written_at", "TIMESTAMPTZ", "When."),
        Column("readers", "BIGINT[]", "Who has read it.", required=True),
    ),
)
OTHERS = {
    "another column": replace(NOTES, columns=(*NOTES.columns, Column("topic", "VARCHAR", "The topic."))),
    "one column less": replace(NOTES, columns=NOTES.columns[:-1]),
    "another type": replace(NOTES, columns=(Column("note", "BIGINT", "The note.", required=True), *NOTES.columns[1:])),
    "another name": replace(NOTES, columns=(Column("text", "VARCHAR", "The note.", required=True), *NOTES.columns[1:])),
    "NULL allowed": replace(NOTES, columns=(Column("note", "VARCHAR", "The note."), *NOTES.columns[1:])),
    "another order": replace(NOTES, columns=NOTES.columns[::-1]),
}


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def test_a_fact_is_replaced_not_added(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(META.ddl)
    set_meta(connection, "greeting", "hello")
    set_meta(connection, "greeting", "bye")
    assert get_meta(connection, "greeting") == "bye"
    assert get_meta(connection, "other") is None
    assert scalar(connection, "SELECT count(*) FROM warehouse_meta") == 1


def test_one_value_is_read_and_nothing_is_left_to_fetch(connection: duckdb.DuckDBPyConnection) -> None:
    assert scalar(connection, "SELECT 1 + ?", [2]) == 3
    assert scalar(connection, "SELECT 1 WHERE false") is None
    assert scalar(connection, "FROM range(10_000)") == 0
    connection.execute("BEGIN")  # refused while rows are left


def test_a_derived_table_is_created_once(connection: duckdb.DuckDBPyConnection) -> None:
    ensure_derived(connection, NOTES)
    connection.execute("INSERT INTO notes VALUES ('Call back', NULL, [1])")
    ensure_derived(connection, replace(NOTES, description="Notes of calls."))
    assert scalar(connection, "SELECT note FROM notes") == "Call back"


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_derived_table_is_recreated_when_it_changes(connection: duckdb.DuckDBPyConnection, other: Table) -> None:
    ensure_derived(connection, NOTES)
    connection.execute("INSERT INTO notes VALUES ('Call back', NULL, [1])")
    ensure_derived(connection, other)
    described = connection.execute("DESCRIBE notes").fetchall()
    assert [row[0] for row in described] == [column.name for column in other.columns]
    assert scalar(connection, "SELECT count(*) FROM notes") == 0


def test_a_table_in_the_place_of_a_view_is_replaced(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE VIEW notes AS SELECT 'Call back' AS note")
    ensure_derived(connection, NOTES)
    assert scalar(connection, "SELECT count(*) FROM notes") == 0


def test_dropping_takes_a_table_or_a_view_or_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE one AS SELECT 1 AS number")
    connection.execute("CREATE VIEW other AS FROM one")
    for name in ("other", "one", "neither"):
        drop(connection, name)
    assert relations(connection) == frozenset()
