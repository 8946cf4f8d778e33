"""The declaration of a derived table. With `sql/<name>.sql` it is all that a derived table needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from zendesk_audit_assets.masking import SQL_PATTERN
from zendesk_audit_assets.text import sql_literal
from zendesk_audit_assets.transform.functions import written_out
from zendesk_audit_assets.transform.strategies import Strategy
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
    default as the strategy has it), and `total`, which holds as far as the table follows its base. `variables` name
    further queries, each of one value over the whole log: the table's query reads it as the variable of that name.
    """

    group: str
    depends_on: tuple[str, ...]
    strategy: Strategy
    metrics: tuple[tuple[str, str], ...] = ()
    key: tuple[str, ...] = ()
    open_period: tuple[str, ...] = ()
    total: Total | None = None
    variables: tuple[str, ...] = ()

    @property
    def sql(self) -> str:
        """The text of its one SELECT."""
        return query(self.name)


@cache
def query(name: str) -> str:
    """The text of `sql/<name>.sql`, with the pattern of secrets in it, so that it runs in any shell."""
    text = (files(__package__) / "sql" / f"{name}.sql").read_text("utf-8").rstrip().removesuffix(";")
    return written_out(text.replace("getvariable('secret_pattern')", sql_literal(SQL_PATTERN)))
