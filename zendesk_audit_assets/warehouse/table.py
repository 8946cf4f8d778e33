"""The declaration of a table: its columns, their types and their descriptions."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Column:
    """A column: its DuckDB type, its description, whether it may identify a person (PII), whether it is NOT NULL."""

    name: str
    type: str
    description: str
    pii: bool = False
    required: bool = False

    @property
    def polars(self) -> pl.DataType:
        """The Polars type that holds this column without loss."""
        return _POLARS[self.type]


@dataclass(frozen=True)
class Table:
    """A table: its name, its description and its columns, in order.

    A declaration creates nothing by itself. Migrations create and change durable tables; `catalog.ensure_derived` and
    the refresh of derived tables create the others.
    """

    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def ddl(self) -> str:
        """The `CREATE TABLE` statement."""
        columns = ", ".join(
            f'"{column.name}" {column.type}{" NOT NULL" if column.required else ""}' for column in self.columns
        )
        return f'CREATE TABLE "{self.name}" ({columns})'

    @property
    def temporary_ddl(self) -> str:
        """The `CREATE TEMP TABLE` statement."""
        return self.ddl.replace("CREATE", "CREATE TEMP", 1)


_CHANGE_TEXTS = ("field", "old_value", "new_value", "confidence", "raw")
CHANGES_TYPE = f"STRUCT(line BIGINT, {', '.join(f'{name} VARCHAR' for name in _CHANGE_TEXTS)})[]"
"""The type of the list of changes that one description tells."""

_POLARS: dict[str, pl.DataType] = {
    "BIGINT": pl.Int64(),
    "VARCHAR": pl.String(),
    "TIMESTAMPTZ": pl.Datetime("us", "UTC"),
    "JSON": pl.String(),
    "BOOLEAN": pl.Boolean(),
    "BIGINT[]": pl.List(pl.Int64()),
    "VARCHAR[]": pl.List(pl.String()),
    CHANGES_TYPE: pl.List(pl.Struct({"line": pl.Int64(), **dict.fromkeys(_CHANGE_TEXTS, pl.String())})),
}
