"""Migrations: ordered, named SQL files that create and change the durable tables; the only place where these change.

To change a durable table, change its declaration and add `migrations/NNNN_what_it_does.sql`. A released file is
frozen. Plain tables only: no keys, constraints, sequences or indexes, so that everything here also holds on DuckLake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import duckdb

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.warehouse.catalog import META, columns_of, get_meta, relations, scalar
from zendesk_audit_assets.warehouse.table import Column, Table

MIGRATIONS = Table(
    "migrations",
    "The migrations applied to this file, one row per migration.",
    (
        Column("name", "VARCHAR", "Name of the migration, such as 0001_audit_log.", required=True),
        Column("applied_at", "TIMESTAMPTZ", "When the migration was committed to this file, UTC.", required=True),
    ),
)


@dataclass(frozen=True)
class Migration:
    """A named script of SQL statements, applied once to a file."""

    name: str
    sql: str


def _released() -> tuple[Migration, ...]:
    folder = files(__package__) / "migrations"
    scripts = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda file: file.name)
    return tuple(Migration(file.name.removesuffix(".sql"), file.read_text("utf-8")) for file in scripts)


# In the order in which they are applied.
RELEASED = _released()
# Version 0.1.0 kept no list: its files have this number and hold the first migration alone.
_NUMBER_OF_0_1_0 = "1"


class NewerWarehouse(AuditError):
    """A newer version of this project changed the file."""


class NotAWarehouse(AuditError):
    """The file is a DuckDB database of another program."""


def migrate(connection: duckdb.DuckDBPyConnection, migrations: Sequence[Migration] = RELEASED) -> None:
    """Apply the migrations that the open database lacks, inside the caller's transaction.

    Raises `NewerWarehouse` when the file holds a migration that this version does not know, and `NotAWarehouse` when
    it holds anything else.
    """
    present, tables = applied(connection, migrations), relations(connection)
    if tables and not present:
        raise _foreign(connection, sorted(tables)[0])
    if MIGRATIONS.name not in tables:
        connection.execute(MIGRATIONS.ddl)
        for name in present:
            _record(connection, name)
    for migration in migrations:
        if migration.name not in present:
            connection.execute(migration.sql)
            _record(connection, migration.name)


def applied(connection: duckdb.DuckDBPyConnection, migrations: Sequence[Migration] = RELEASED) -> tuple[str, ...]:
    """List the migrations of the open database, in order; none for a file that is not a warehouse yet.

    Raises `NewerWarehouse` when one of them is not among `migrations`, and `NotAWarehouse` when another program has
    tables of the same names.
    """
    tables = relations(connection)
    for table in (MIGRATIONS, META):
        names_of_ours = [column.name for column in table.columns]
        if table.name in tables and [name for name, *_ in columns_of(connection, table.name)] != names_of_ours:
            raise _foreign(connection, table.name)
    names: tuple[str, ...] = ()
    if MIGRATIONS.name in tables:
        names = _recorded(connection)
        if META.name not in tables:
            raise _foreign(connection, MIGRATIONS.name)
    elif META.name in tables:
        number = get_meta(connection, "schema_version")
        names = (migrations[0].name if number == _NUMBER_OF_0_1_0 else f"schema_version {number}",)
    unknown = sorted(set(names) - {migration.name for migration in migrations})
    if unknown:
        raise NewerWarehouse(
            f"A newer version of zendesk_audit_assets changed this warehouse (migration {unknown[-1]}).",
            "Upgrade zendesk_audit_assets, or point ZENDESK_AUDIT_DB at another file.",
        )
    return names


def changed_table(connection: duckdb.DuckDBPyConnection) -> str | None:
    """A durable table that is missing from a file of this version, or has other columns; None when there is none."""
    if not is_current(connection):
        return None
    return next((name for name, columns in _shapes().items() if columns_of(connection, name) != columns), None)


@cache
def _shapes() -> Mapping[str, list[tuple[str, str, bool]]]:
    with closing(duckdb.connect(":memory:")) as empty:
        migrate(empty)
        return {name: columns_of(empty, name) for name in sorted(relations(empty))}


def is_current(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether the open database has exactly the migrations of this version. Not inside a transaction.

    One small query, at a tenth of the cost of asking DuckDB for its tables first; a failed one aborts a transaction.
    """
    try:
        return _recorded(connection) == tuple(migration.name for migration in RELEASED)
    except (duckdb.CatalogException, duckdb.BinderException):
        return False


def _foreign(connection: duckdb.DuckDBPyConnection, table: str) -> NotAWarehouse:
    path = scalar(connection, "SELECT path FROM duckdb_databases() WHERE database_name = current_database()")
    return NotAWarehouse(
        f"{path or 'The database'} is a DuckDB file of another program: its table {table} is not of an audit-log "
        "warehouse.",
        "Point ZENDESK_AUDIT_DB at another file.",
    )


def _recorded(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    return tuple(name for (name,) in connection.execute(f"SELECT name FROM {MIGRATIONS.name} ORDER BY name").fetchall())


def _record(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    connection.execute(f"INSERT INTO {MIGRATIONS.name} VALUES (?, now())", [name])
