"""Open the warehouse for reading and print a frame, for the commands that show data.

The options, the table, CSV and JSON of every such command come from here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import duckdb
import orjson
import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zendesk_audit_assets import settings
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.masking import mask_cut
from zendesk_audit_assets.warehouse.catalog import relations
from zendesk_audit_assets.warehouse.copies import open_read_only
from zendesk_audit_assets.warehouse.database import Warehouse

Command = TypeVar("Command", bound=Callable[..., Any])

_MAX_TABLE_ROWS = 200
# A table whose columns have less room than this is hard to read.
_MIN_COLUMN_WIDTH = 12


class NotFound(AuditError):
    """The table, rule or finding that a command needs does not exist."""


def format_options(command: Command) -> Command:
    """Add `--csv` and `--json`, which set the parameter `format` to "csv" or "json"; it is None for a table."""
    for option in (
        click.option("--json", "format", flag_value="json", help="Print a JSON array of objects."),
        click.option("--csv", "format", flag_value="csv", help="Print CSV."),
    ):
        command = option(command)
    return command


def read_options(command: Command) -> Command:
    """Add `--live`, `--csv` and `--json`."""
    live = click.option(
        "--live", is_flag=True, help="Read the live file instead of the published copy; wait while a run writes."
    )
    return live(format_options(command))


@contextmanager
def open_tables(*tables: str, live: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published copy, or with `live` the warehouse itself, in UTC.

    Raises NotFound when it lacks one of the tables, and `WarehouseUnusable` when there is no such file.
    """
    warehouse = Warehouse(settings.load().database)
    if live and not warehouse.exists():
        raise NotFound(f"There is no warehouse {warehouse.path} yet.", "Run `zendesk-audit sync`.")
    with warehouse.transaction() if live else open_read_only(warehouse.published_path) as connection:
        missing = sorted(set(tables) - relations(connection)) if tables else []
        if missing:
            where = "warehouse" if live else "published copy"
            raise NotFound(
                f"The {where} has no table {missing[0]} yet.", "Run `zendesk-audit sync`, which creates the table."
            )
        yield connection


def query_frame(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
    """The result of a query, with secrets masked in every text."""
    frame: pl.DataFrame = connection.sql(query, params=dict(parameters)).pl()
    return frame.with_columns(pl.col(pl.String).map_elements(mask_cut, return_dtype=pl.String))


def print_frame(frame: pl.DataFrame, format: str | None, empty: str | None = None) -> None:
    """Print a frame as CSV, as JSON or, with None, as a table; `empty` replaces a table without rows."""
    if format == "csv":
        click.echo(_flat(frame).write_csv(), nl=False)
    elif format == "json":
        click.echo(frame.write_json())
    elif frame.is_empty() and empty is not None:
        click.echo(empty)
    else:
        print_table(frame, Console(highlight=False))


def print_table(frame: pl.DataFrame, console: Console, title: str | None = None) -> None:
    """Print the first 200 rows as a table, or row by row where the console is too narrow for all columns."""
    table = Table(title=title, title_justify="left")
    for name, dtype in frame.schema.items():
        table.add_column(Text(name), justify="right" if dtype.is_numeric() else "left", overflow="fold")
    # `Text` keeps brackets in a value as they are; a plain string is parsed as markup.
    rows = [tuple(Text(_cell(value)) for value in row) for row in frame.head(_MAX_TABLE_ROWS).iter_rows()]
    for row in rows:
        table.add_row(*row)
    if len(frame.columns) * _MIN_COLUMN_WIDTH <= console.width:
        console.print(table)
    else:
        for row in rows:
            console.print(_sheet(frame.columns, row))
    if frame.height > _MAX_TABLE_ROWS:
        console.print(f"{frame.height - _MAX_TABLE_ROWS:,} more rows; use --csv to see all.")


def _sheet(names: list[str], row: tuple[Text, ...]) -> Table:
    """One row of a frame as lines of name and value."""
    sheet = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in zip(names, row, strict=True):
        sheet.add_row(Text(name), value)
    sheet.add_row("")
    return sheet


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {entry}" for key, entry in value.items())
    return str(value).removesuffix("+00:00")


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with lists and maps as JSON text, since CSV has neither."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.with_columns(
        pl.Series(name, [value if value is None else orjson.dumps(value, default=str).decode() for value in column])
        for name, column in ((name, frame[name].to_list()) for name in nested)
    )
