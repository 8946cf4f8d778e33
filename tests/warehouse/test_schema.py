"""The tables as they are made, and an older file brought up to date."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import polars as pl
import pytest

from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.warehouse.database import connect
from zendesk_audit_assets.warehouse.schema import (
    MIGRATIONS,
    SCHEMA_VERSION,
    TABLES,
    NewerWarehouse,
    Table,
    get_meta,
    migrate,
    scalar,
    set_meta,
    stored_version,
)

THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
VALUES = {"BIGINT": -(2**63), "VARCHAR": "Ünïcode \0 \U0001f600", "TIMESTAMPTZ": THEN, "JSON": '{"a":[1]}'}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    opened = connect(tmp_path / "audit.duckdb")
    opened.execute("SET TimeZone = 'UTC'")
    yield opened
    opened.close()


def test_an_empty_file_gets_every_table_and_the_version(connection: duckdb.DuckDBPyConnection) -> None:
    assert stored_version(connection) == 0
    migrate(connection)
    assert stored_version(connection) == SCHEMA_VERSION
    names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert {name for (name,) in names} == {table.name for table in TABLES}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_is_made_as_it_is_described(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    migrate(connection)
    made = connection.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
        [table.name],
    ).fetchall()
    types = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
    assert [(name, types.get(type, type), not nullable) for name, type, nullable in made] == [
        (column.name, column.type, column.required) for column in table.columns
    ]


def test_nothing_is_used_that_a_ducklake_lacks(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    kinds = connection.execute("SELECT DISTINCT constraint_type FROM duckdb_constraints()").fetchall()
    assert kinds == [("NOT NULL",)]
    assert scalar(connection, "SELECT count(*) FROM duckdb_indexes()") == 0
    assert scalar(connection, "SELECT count(*) FROM duckdb_sequences()") == 0


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_column_has_a_type_in_polars_that_loses_nothing(
    connection: duckdb.DuckDBPyConnection, table: Table
) -> None:
    migrate(connection)
    row = {column.name: VALUES[column.type] for column in table.columns}
    frame = pl.DataFrame([row], schema={column.name: column.polars for column in table.columns})
    connection.execute(f"DELETE FROM {table.name} WHERE true")
    connection.register("frame", frame)
    connection.execute(f"INSERT INTO {table.name} BY NAME FROM frame")
    assert connection.sql(f"FROM {table.name}").pl().equals(frame)


def test_migrating_again_changes_nothing(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    set_meta(connection, "greeting", "hello")
    migrate(connection)
    assert connection.execute("SELECT name, value FROM warehouse_meta ORDER BY name").fetchall() == [
        ("greeting", "hello"),
        ("schema_version", str(SCHEMA_VERSION)),
    ]


def test_an_older_file_takes_only_the_steps_that_it_lacks(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    steps = [
        *MIGRATIONS,
        ("ALTER TABLE audit_logs ADD COLUMN weight BIGINT", "UPDATE audit_logs SET weight = 1"),
        ("CREATE TABLE notes (note VARCHAR)",),
    ]
    migrate(connection, steps)
    assert stored_version(connection) == len(steps)
    migrate(connection, steps)
    assert scalar(connection, "SELECT count(weight) FROM audit_logs") == 0
    assert scalar(connection, "SELECT count(*) FROM notes") == 0


def test_a_step_that_fails_leaves_the_older_file_as_it_was(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    connection.execute("BEGIN")
    with pytest.raises(duckdb.CatalogException):
        migrate(connection, [*MIGRATIONS, ("CREATE TABLE notes (note VARCHAR)", "DROP TABLE not_there")])
    connection.execute("ROLLBACK")
    assert stored_version(connection) == SCHEMA_VERSION
    assert scalar(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'notes'") == 0


def test_a_file_that_is_ahead_of_this_code_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    set_meta(connection, "schema_version", str(SCHEMA_VERSION + 1))
    with pytest.raises(NewerWarehouse, match=f"version {SCHEMA_VERSION + 1}") as newer:
        migrate(connection)
    assert "Upgrade" in newer.value.remedy


def test_a_fact_is_replaced_not_added(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    set_meta(connection, "greeting", "hello")
    set_meta(connection, "greeting", "bye")
    assert get_meta(connection, "greeting") == "bye"
    assert get_meta(connection, "other") is None
    assert scalar(connection, "SELECT count(*) FROM warehouse_meta WHERE name = 'greeting'") == 1


def test_the_facts_of_an_empty_file_are_none(connection: duckdb.DuckDBPyConnection) -> None:
    assert get_meta(connection, "account") is None


def test_one_value_is_read_and_nothing_is_left_to_fetch(connection: duckdb.DuckDBPyConnection) -> None:
    assert scalar(connection, "SELECT 1 + ?", [2]) == 3
    assert scalar(connection, "SELECT 1 WHERE false") is None
    assert scalar(connection, "FROM range(10_000)") == 0
    connection.execute("BEGIN")  # refused while rows are left


def test_the_log_holds_every_field_of_the_record_and_what_it_does_not_know() -> None:
    audit_logs = next(table for table in TABLES if table.name == "audit_logs")
    names = [column.name for column in audit_logs.columns]
    assert names[: len(FIELDS)] == [field.name for field in FIELDS]
    assert names[len(FIELDS) :] == ["extra", "batch_id", "inserted_at", "run_id"]
