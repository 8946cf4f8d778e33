"""The declaration of a derived table. With `sql/<name>.sql` it is all that a derived table needs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from zendesk_audit_assets.masking import SQL_PATTERN
from zendesk_audit_assets.text import sql_literal
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


# Expressions that stand in several queries, as functions of one argument. They are written out where they stand: a view
# must run on every connection, and a macro of the database would not be there.
_FUNCTIONS = {
    # By its name, since the log has no other sign: as a word, and not what is a billing admin's or no admin's.
    "is_admin_role": r"""coalesce(regexp_matches(
        regexp_replace({0}, '(?i)\b(?:non?|not(?: an?)?|billing)[-_ ]*admin(?:istrator)?s?\b', '', 'g'),
        '(?i)(?:\b|_)(?:super|sys)?[-_]?admin(?:istrator)?s?(?:\b|_)|\baccount[-_ ]owner\b|^\s*owner\s*$'
    ), false)""",
    "is_owner_role": r"coalesce(regexp_matches({0}, '(?i)\baccount[-_ ]owner\b|^\s*owner\s*$'), false)",
    "is_role_field": r"coalesce(regexp_matches({0}, '(?i)(?:^| )role\s*$'), false)",
    "switched_to": """CASE lower(trim({0}))
        WHEN 'enabled' THEN 'on' WHEN 'turned on' THEN 'on' WHEN 'on' THEN 'on'
        WHEN 'disabled' THEN 'off' WHEN 'turned off' THEN 'off' WHEN 'off' THEN 'off'
        WHEN 'changed' THEN 'changed' WHEN 'suspended' THEN 'suspended' WHEN 'unsuspended' THEN 'unsuspended'
        WHEN 'activated' THEN 'activated' WHEN 'deactivated' THEN 'deactivated'
    END""",
}


@cache
def query(name: str) -> str:
    """The text of `sql/<name>.sql`, with the pattern of secrets in it: a view runs where no variable is set."""
    text = (files(__package__) / "sql" / f"{name}.sql").read_text("utf-8")
    return written_out(text.replace("getvariable('secret_pattern')", sql_literal(SQL_PATTERN)))


def written_out(sql: str) -> str:
    """The query with our functions written out: `is_admin_role(role)`, and the like."""
    for name, body in _FUNCTIONS.items():
        before, *calls = re.split(rf"\b{name}\(([\w.]+)\)", sql)
        sql = before + "".join(
            body.replace("{0}", argument) + after for argument, after in zip(calls[::2], calls[1::2], strict=True)
        )
    return sql
