"""The declaration of a derived table. With `sql/<name>.sql` it is all that a derived table needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import duckdb

from zendesk_audit_assets.masking import SQL_PATTERN
from zendesk_audit_assets.text import sql_literal
from zendesk_audit_assets.transform.functions import written_out
from zendesk_audit_assets.transform.narrowing import narrowed
from zendesk_audit_assets.transform.strategies import Strategy
from zendesk_audit_assets.warehouse.catalog import is_view_of, qualified
from zendesk_audit_assets.warehouse.table import Table


@dataclass(frozen=True)
class Total:
    """An SQL expression over a table's rows, and the expression over the rows of `base` that gives the same value."""

    here: str
    base: str
    there: str


@dataclass(frozen=True)
class DerivedTable(Table):
    """A table that is computed from the log, directly or through other derived tables.

    `depends_on` names `audit_logs` or derived tables; the query may read the coverage of the log as well.
    `group` names its part of the asset graph. `metrics` are names and SQL expressions over its rows, shown after each
    refresh. The checks follow from the rest: one row per `key`, one period without an end per `open_period` (each by
    default as the strategy has it), and `total`, which holds as far as the table follows its base.
    """

    group: str
    depends_on: tuple[str, ...]
    strategy: Strategy
    metrics: tuple[tuple[str, str], ...] = ()
    key: tuple[str, ...] = ()
    open_period: tuple[str, ...] = ()
    total: Total | None = None

    @property
    def sql(self) -> str:
        """The text of its one SELECT."""
        return query(self.name)

    def source(self, connection: duckdb.DuckDBPyConnection, name: str) -> str:
        """What to write after FROM for a thing that it reads, where a temporary view may have the name of that."""
        if name == EVENTS:
            return f"({events(connection, f'{self.sql} {self.strategy} batch_id created_at')})"
        return qualified(connection, name)


EVENTS = "audit_events"


def events(connection: duckdb.DuckDBPyConnection, reader: str) -> str:
    """A SELECT of those columns of `audit_events` whose names occur in the SQL of its reader, and maybe of others.

    DuckDB plans all of a view, whatever is read of it, which takes longer than to read a few thousand events. A view
    that somebody else has put in its place is read as it is.
    """
    sql = query(EVENTS)
    return narrowed(sql, reader) if is_view_of(connection, EVENTS, sql) else f"FROM {qualified(connection, EVENTS)}"


@cache
def query(name: str) -> str:
    """The text of `sql/<name>.sql`, with the pattern of secrets in it: a view runs where no variable is set."""
    text = (files(__package__) / "sql" / f"{name}.sql").read_text("utf-8")
    return written_out(text.replace("getvariable('secret_pattern')", sql_literal(SQL_PATTERN)))
