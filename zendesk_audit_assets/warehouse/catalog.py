"""What the open database holds: its tables and views, single values, and the facts about the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from zendesk_audit_assets.text import sql_literal, sql_name
from zendesk_audit_assets.warehouse.table import Column, Table

META = Table(
    "warehouse_meta",
    "Facts about this file: schema version, account, last publication.",
    (
        Column("name", "VARCHAR", "Name of the fact.", required=True),
        Column("value", "VARCHAR", "Value of the fact, as text.", required=True),
    ),
)


def get_meta(connection: duckdb.DuckDBPyConnection, name: str) -> str | None:
    """A fact of `warehouse_meta`, or None when it is not there (yet)."""
    value = scalar(connection, f"SELECT max(value) FROM {META.name} WHERE name = ?", [name])
    return None if value is None else str(value)


def set_meta(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Store or replace a fact of `warehouse_meta`."""
    connection.execute(f"DELETE FROM {META.name} WHERE name = ?", [name])
    connection.execute(f"INSERT INTO {META.name} VALUES (?, ?)", [name, value])


def relations(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The names of all tables and views of the open database."""
    return frozenset(kinds(connection))


def kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """TABLE or VIEW for each name of the open database."""
    # Not by information_schema.tables, which takes twice as long.
    found = connection.execute(
        """
        SELECT table_name, 'TABLE' FROM duckdb_tables()
        WHERE database_name = current_database() AND schema_name = current_schema()
        UNION ALL SELECT view_name, 'VIEW' FROM duckdb_views()
        WHERE database_name = current_database() AND schema_name = current_schema() AND NOT internal
        """
    )
    return dict(found.fetchall())


def qualified(connection: duckdb.DuckDBPyConnection, name: str) -> str:
    """The name of a table or view with its database and its schema, which reaches past a temporary one of that name."""
    # A temporary one lives in a schema `main` of its own, so nothing less than the database's name reaches past it.
    ((database, schema),) = connection.execute("SELECT current_database(), current_schema()").fetchall()
    return ".".join(map(sql_name, (database, schema, name)))


def ensure_derived(connection: duckdb.DuckDBPyConnection, table: Table, there: Mapping[str, str] | None = None) -> bool:
    """Create a derived table that is missing; drop and create one whose columns differ from the declaration.

    Returns whether the table is new and empty: the caller then rebuilds what it held. `there` is what `kinds` has given
    the caller, here and below; it spares the question.
    """
    there = kinds(connection) if there is None else there
    if has_shape(connection, table, there):
        return False
    drop(connection, table.name, there)
    connection.execute(table.ddl)
    return True


def has_shape(connection: duckdb.DuckDBPyConnection, table: Table, there: Mapping[str, str] | None = None) -> bool:
    """Tell whether there is a table with the columns of the declaration: their names, types, NOT NULL and order."""
    columns = columns_of(connection, table.name, there)
    return columns == [(column.name, column.type, column.required) for column in table.columns]


def drop(connection: duckdb.DuckDBPyConnection, name: str, there: Mapping[str, str] | None = None) -> None:
    """Drop a table or a view, whichever of them has the name; do nothing when neither has."""
    if kind := (kinds(connection) if there is None else there).get(name):
        connection.execute(f"DROP {kind} {sql_name(name)}")


def scalar(connection: duckdb.DuckDBPyConnection, query: str, parameters: Sequence[Any] = ()) -> Any:
    """The first value of a query's answer, None when it is empty.

    Reads the answer to its end: since DuckDB 2.0 a connection refuses other work while rows are left to fetch.
    """
    rows = connection.execute(query, list(parameters)).fetchall()
    return rows[0][0] if rows else None


def columns_of(
    connection: duckdb.DuckDBPyConnection, name: str, there: Mapping[str, str] | None = None
) -> list[tuple[str, str, bool]]:
    """Name, type and NOT NULL of each column of a table, in order; empty when there is no such table."""
    # Not by duckdb_columns(), which binds every view first; and a failed query would abort the transaction.
    if (kinds(connection) if there is None else there).get(name) != "TABLE":
        return []
    named = sql_literal(sql_name(name))
    columns = connection.execute(f'SELECT name, type, "notnull" FROM pragma_table_info({named})').fetchall()
    return [(column, _SHORT_TYPES.get(kind, kind), required) for column, kind, required in columns]


# DuckDB writes these types otherwise than the declarations do.
_SHORT_TYPES = {"TIMESTAMP WITH TIME ZONE": "TIMESTAMPTZ"}
