"""What the commands share that show a part of the warehouse: where they read, and how they print it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import duckdb
import polars as pl
from rich.console import Console

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.sql import show
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.masking import mask_cut
from zendesk_audit_assets.warehouse.copies import open_read_only
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.schema import relations

Command = TypeVar("Command", bound=Callable[..., Any])


class NotThere(AuditError):
    """What a command shows has not been made yet."""


def reading_options(command: Command) -> Command:
    """`--live`, `--csv` and `--json`."""
    for option in (
        click.option("--json", "form", flag_value="json", help="Print JSON, a list of objects."),
        click.option("--csv", "form", flag_value="csv", help="Print CSV."),
        click.option("--live", is_flag=True, help="Read the warehouse itself, when no run is writing to it."),
    ):
        command = option(command)
    return command


@contextmanager
def opened(*tables: str, live: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published copy, or the warehouse itself, with these tables. Raises `NotThere` when one is missing."""
    warehouse = Warehouse(settings.load().database)
    if live and not warehouse.path.exists():
        raise NotThere(f"There is no warehouse {warehouse.path} yet.", "Run `zendesk-audit sync`.")
    with warehouse.transaction() if live else open_read_only(warehouse.published_path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        missing = sorted(set(tables) - relations(connection))
        if missing:
            where = "warehouse" if live else "published copy"
            raise NotThere(f"The {where} has no table {missing[0]} yet.", "Run `zendesk-audit sync`, which makes it.")
        yield connection


def answer(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
    """The answer to a query, its texts masked."""
    frame: pl.DataFrame = connection.sql(query, params=dict(parameters)).pl()
    return frame.with_columns(pl.col(pl.String).map_elements(mask_cut, return_dtype=pl.String))


def put(frame: pl.DataFrame, form: str | None, nothing: str) -> None:
    """Print a frame as CSV, as JSON or as a table; `nothing` instead of a table without rows."""
    if form == "csv":
        click.echo(frame.write_csv(), nl=False)
    elif form == "json":
        click.echo(frame.write_json())
    elif frame.is_empty():
        click.echo(nothing)
    else:
        show(frame, Console(highlight=False))
