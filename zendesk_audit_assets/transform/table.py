"""What a derived table is, and the ways in which one can follow the log."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from zendesk_audit_assets.warehouse.table import Column


@dataclass(frozen=True)
class View:
    """Nothing is stored: it is computed when it is read."""


@dataclass(frozen=True)
class ByDay:
    """Its column `day` is the UTC day of the events: the days that new rows fall on are computed again."""


@dataclass(frozen=True)
class ByKey:
    """A set of keys with `events`, `first_seen` and `last_seen`: what is new is added to what is stored."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class ByEvent:
    """Every row comes from one event: the rows of new events are appended.

    What it depends on has a `batch_id`, and a row is computed from rows of one batch.
    """


@dataclass(frozen=True)
class ByTouched:
    """Each of its keys is computed from all rows of that key: the keys that new rows touch are computed again.

    It depends on one table, which has a `batch_id`. `keys` are its columns, `in_base` the same ones in that table
    where they are named otherwise. `rows` is a condition that all rows meet which concern it.
    """

    keys: tuple[str, ...]
    in_base: tuple[str, ...] = ()
    rows: str = "true"

    @property
    def base_keys(self) -> tuple[str, ...]:
        """The keys as the table that it depends on names them."""
        return self.in_base or self.keys


@dataclass(frozen=True)
class ByPeriod:
    """Each of its keys has a row per change, from `valid_from` to `valid_to`, which is when the next one happened.

    It depends on one table, which has the keys, `created_at` and a `batch_id`; `rows` is as in `ByTouched`. Of the keys
    that new rows touch, what holds since the last change before them is computed again. A row without `valid_from`
    is about the time before the first change of its key.
    """

    keys: tuple[str, ...]
    rows: str = "true"


@dataclass(frozen=True)
class Whole:
    """Read from other derived tables, which are small: computed as a whole each time."""


@dataclass(frozen=True)
class DerivedTable:
    """A table that is computed from the log, directly or through others.

    `depends_on` names `audit_logs` or derived tables; the coverage of the log may be read besides them.
    `group` is the part of the graph that it belongs to, `figures` are numbers that are told of it after each refresh:
    names, and SQL expressions over its rows.
    """

    group: str
    name: str
    description: str
    depends_on: tuple[str, ...]
    follows: View | ByDay | ByKey | ByEvent | ByTouched | ByPeriod | Whole
    columns: tuple[Column, ...]
    figures: tuple[tuple[str, str], ...] = ()

    @property
    def sql(self) -> str:
        """The text of its one SELECT."""
        return query(self.name)


@cache
def query(name: str) -> str:
    """The text of `sql/<name>.sql`."""
    return (files(__package__) / "sql" / f"{name}.sql").read_text("utf-8")
