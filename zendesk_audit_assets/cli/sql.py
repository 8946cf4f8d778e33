"""`zendesk-audit sql`: a query on the published copy, as a table, CSV or JSON."""

from __future__ import annotations

from typing import Any

import click
import duckdb
import orjson
import polars as pl
from rich.console import Console
from rich.table import Table
from rich.text import Text

from zendesk_audit_assets import settings
from zendesk_audit_assets.text import one_line
from zendesk_audit_assets.warehouse.copies import open_read_only
from zendesk_audit_assets.warehouse.database import QUERY_INTERRUPTED, Warehouse

_ROWS_SHOWN = 200
# With less room than this for each column, a table cannot be read.
_NARROWEST_COLUMN = 12


@click.command()
@click.argument("query")
@click.option("--csv", "form", flag_value="csv", help="Print CSV.")
@click.option("--json", "form", flag_value="json", help="Print JSON, a list of objects.")
def sql(query: str, form: str | None) -> None:
    """Query the published copy, such as: zendesk-audit sql "FROM action_summary"."""
    path = Warehouse(settings.load().database).published_path
    with open_read_only(path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        try:
            relation = connection.sql(query)
            frame = pl.DataFrame() if relation is None else relation.pl()
        except RuntimeError as error:
            if str(error) == QUERY_INTERRUPTED:
                raise click.Abort from None
            raise
        except duckdb.Error as error:
            raise click.ClickException(_message(error)) from None
    if form == "csv":
        click.echo(_flat(frame).write_csv(), nl=False)
    elif form == "json":
        click.echo(frame.write_json())
    else:
        show(frame, Console())


def show(frame: pl.DataFrame, console: Console, title: str | None = None) -> None:
    """Print a frame as a table, its first rows if there are many; row by row where it is too wide for one."""
    table = Table(title=title, title_justify="left")
    for name, dtype in frame.schema.items():
        table.add_column(Text(name), justify="right" if dtype.is_numeric() else "left", overflow="fold")
    # As `Text`, because brackets in a label are no markup.
    rows = [tuple(Text(_cell(value)) for value in row) for row in frame.head(_ROWS_SHOWN).iter_rows()]
    for row in rows:
        table.add_row(*row)
    if len(frame.columns) * _NARROWEST_COLUMN <= console.width:
        console.print(table)
    else:
        for row in rows:
            console.print(_sheet(frame.columns, row))
    if frame.height > _ROWS_SHOWN:
        console.print(f"{frame.height - _ROWS_SHOWN:,} more rows; use --csv to see all.")


def _sheet(names: list[str], row: tuple[Text, ...]) -> Table:
    sheet = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in zip(names, row, strict=True):
        sheet.add_row(Text(name), value)
    sheet.add_row("")
    return sheet


def _message(error: duckdb.Error) -> str:
    """The error on one line, without the query that DuckDB repeats after it."""
    return one_line(str(error).split("\nLINE ")[0])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {entry}" for key, entry in value.items())
    return str(value).removesuffix("+00:00")


def _flat(frame: pl.DataFrame) -> pl.DataFrame:
    """CSV has no lists and maps: they become JSON text."""
    nested = [name for name, dtype in frame.schema.items() if dtype.is_nested()]
    return frame.with_columns(
        pl.Series(name, [value if value is None else orjson.dumps(value, default=str).decode() for value in column])
        for name, column in ((name, frame[name].to_list()) for name in nested)
    )
