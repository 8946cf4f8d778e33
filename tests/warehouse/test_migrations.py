"""The durable tables as migrations create them, and an older file brought up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path

import duckdb
import polars as pl
import pytest

from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect.tables import FINDING_DECISIONS, LOG_FINDINGS
from zendesk_audit_assets.extract import tables
from zendesk_audit_assets.extract.record import FIELDS
from zendesk_audit_assets.warehouse.catalog import META, scalar, set_meta
from zendesk_audit_assets.warehouse.database import connect
from zendesk_audit_assets.warehouse.migrations import (
    MIGRATIONS,
    RELEASED,
    Migration,
    NewerWarehouse,
    applied,
    is_current,
    migrate,
)
from zendesk_audit_assets.warehouse.table import Table

THEN = datetime(2026, 1, 1, tzinfo=timezone.utc)
VALUES = {
    "BIGINT": -(2**63),
    "VARCHAR": "Ünïcode \0 \U0001f600",
    "TIMESTAMPTZ": THEN,
    "JSON": '{"a":[1]}',
    "BOOLEAN": True,
}
VALUES |= {f"{kind}[]": [VALUES[kind]] for kind in ("BIGINT", "VARCHAR")}
DURABLE = (*tables.TABLES, META, MIGRATIONS, DELIVERIES, FINDING_DECISIONS, LOG_FINDINGS)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    opened = connect(tmp_path / "audit.duckdb")
    yield opened
    opened.close()


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"FROM {table} ORDER BY ALL").fetchall()


def test_an_empty_file_gets_every_durable_table(connection: duckdb.DuckDBPyConnection) -> None:
    assert applied(connection) == ()
    assert not is_current(connection)
    migrate(connection)
    assert applied(connection) == tuple(migration.name for migration in RELEASED)
    assert is_current(connection)
    names = connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    assert {name for (name,) in names} == {table.name for table in DURABLE}


@pytest.mark.parametrize("table", DURABLE, ids=lambda table: table.name)
def test_migrations_give_each_table_its_declared_columns(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    migrate(connection)
    made = connection.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE table_name = ? ORDER BY column_index",
        [table.name],
    ).fetchall()
    types = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
    assert [(name, types.get(type, type), not nullable) for name, type, nullable in made] == [
        (column.name, column.type, column.required) for column in table.columns
    ]


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    assert [int(migration.name[:4]) for migration in RELEASED] == list(range(1, len(RELEASED) + 1))
    assert all(re.fullmatch("[0-9]{4}(_[a-z0-9]+)+", migration.name) for migration in RELEASED)


def test_nothing_is_used_that_a_ducklake_lacks(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    kinds = connection.execute("SELECT DISTINCT constraint_type FROM duckdb_constraints()").fetchall()
    assert kinds == [("NOT NULL",)]
    assert scalar(connection, "SELECT count(*) FROM duckdb_indexes()") == 0
    assert scalar(connection, "SELECT count(*) FROM duckdb_sequences()") == 0


@pytest.mark.parametrize("table", DURABLE, ids=lambda table: table.name)
def test_every_column_has_a_polars_type_that_loses_nothing(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
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
    before = {table.name: rows(connection, table.name) for table in DURABLE}
    migrate(connection)
    assert {table.name: rows(connection, table.name) for table in DURABLE} == before


def test_an_older_file_takes_only_the_migrations_that_it_lacks(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    later = [
        *RELEASED,
        Migration("8001_weigh", "ALTER TABLE audit_logs ADD COLUMN weight BIGINT; UPDATE audit_logs SET weight = 1"),
        Migration("8002_take_notes", "CREATE TABLE notes (note VARCHAR)"),
    ]
    migrate(connection, later)
    assert applied(connection, later)[-2:] == ("8001_weigh", "8002_take_notes")
    migrate(connection, later)
    assert scalar(connection, "SELECT count(weight) FROM audit_logs") == 0
    assert scalar(connection, "SELECT count(*) FROM notes") == 0


def test_a_migration_that_fails_leaves_the_file_as_it_was(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    before = rows(connection, MIGRATIONS.name)
    connection.execute("BEGIN")
    with pytest.raises(duckdb.CatalogException):
        migrate(
            connection, [*RELEASED, Migration("8001_fail", "CREATE TABLE notes (note VARCHAR); DROP TABLE nowhere")]
        )
    connection.execute("ROLLBACK")
    assert rows(connection, MIGRATIONS.name) == before
    assert is_current(connection)
    assert scalar(connection, "SELECT count(*) FROM duckdb_tables() WHERE table_name = 'notes'") == 0


def test_a_file_with_an_unknown_migration_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    migrate(connection)
    connection.execute("INSERT INTO migrations VALUES ('9001_from_the_future', now())")
    assert not is_current(connection)
    with pytest.raises(NewerWarehouse, match="9001_from_the_future") as newer:
        migrate(connection)
    assert "Upgrade" in newer.value.remedy


def test_a_number_of_no_released_version_is_refused(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("CREATE TABLE warehouse_meta AS SELECT 'schema_version' AS name, '99' AS value")
    with pytest.raises(NewerWarehouse, match="schema_version 99"):
        migrate(connection)


def test_the_log_holds_every_field_and_what_it_does_not_know() -> None:
    names = [column.name for column in tables.AUDIT_LOGS.columns]
    assert names[: len(FIELDS)] == [field.name for field in FIELDS]
    assert names[len(FIELDS) :] == ["extra", "batch_id", "inserted_at", "run_id"]
