"""Open the warehouse for reading and print a frame, for the commands that show data.

The options and the table of every such command come from here.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from textwrap import fill
from typing import Any, TypeVar, cast

import click
import duckdb
import polars as pl
from rich.console import Console
from rich.table import Table as Drawing
from rich.text import Text

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.frames import FILE_FORMATS, to_csv, to_json, to_tsv, write_file
from zendesk_audit_assets.cli.relation import frame_of
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.masking import mask_cut
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.text import visible
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.catalog import has_shape, relations, scalar
from zendesk_audit_assets.warehouse.copies import open_read_only
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.table import Table

Command = TypeVar("Command", bound=Callable[..., Any])

_MAX_TABLE_ROWS = 200
# A table whose columns have less room than this is hard to read.
_MIN_COLUMN_WIDTH = 12


class NotFound(AuditError):
    """The table, rule or finding that a command needs does not exist."""


@dataclass(frozen=True)
class Output:
    """Where a result goes and how: `format` is "csv", "json" or None for a table; with `path`, into that file."""

    format: str | None = None
    raw: bool = False
    path: Path | None = None


def format_options(command: Command) -> Command:
    """Add `--csv`, `--json`, `--raw` and `--output`, which become the parameter `output`, an `Output`."""

    @wraps(command)
    def with_output(*arguments: Any, format: str | None, raw: bool, path: Path | None, **others: Any) -> Any:
        if path is not None and format is not None:
            raise click.UsageError("The ending of FILE names its format: leave out --csv and --json.")
        if path is not None and path.suffix.lower()[1:] not in FILE_FORMATS:
            raise click.UsageError(f"FILE must end in {', '.join(f'.{ending}' for ending in FILE_FORMATS)}.")
        if raw and format != "csv" and (path is None or path.suffix.lower() != ".csv"):
            raise click.UsageError("--raw goes with --csv, or with a FILE that ends in .csv.")
        return command(*arguments, output=Output(format, raw, path), **others)

    for option in (
        click.option(
            "--output",
            "path",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write a file that ends in .csv, .json or .parquet; replace an existing one.",
        ),
        click.option("--raw", is_flag=True, help="Leave texts in CSV as they are, formulas included."),
        click.option("--json", "format", flag_value="json", help="Print a JSON array of objects."),
        click.option("--csv", "format", flag_value="csv", help="Print CSV."),
    ):
        with_output = option(with_output)
    return cast(Command, with_output)


def read_options(command: Command) -> Command:
    """Add `--live` and what `format_options` adds."""
    live = click.option(
        "--live", is_flag=True, help="Read the live file instead of the published copy; wait while a run writes."
    )
    return live(format_options(command))


@contextmanager
def open_tables(*tables: str, live: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published copy, or with `live` the warehouse itself, in UTC.

    An upgrade and a restore leave out what follows from the log: the first command that reads it live computes it.
    Raises NotFound when it lacks one of the tables as this version has them, and `WarehouseUnusable` when there is no
    such file.
    """
    account = settings.load()
    warehouse = Warehouse(account.database)
    if live and not warehouse.exists():
        raise NotFound(f"There is no warehouse {warehouse.path} yet.", "Run `zendesk-audit sync`.")
    with warehouse.transaction() if live else open_read_only(warehouse.published_path) as connection:
        missing = _missing(connection, tables)
        if missing and live and scalar(connection, "SELECT count(*) FROM coverage"):
            _derive(connection, account)
            missing = _missing(connection, tables)
        if missing:
            where = "warehouse" if live else "published copy"
            other = ", only one of another version" if missing[0] in relations(connection) else ""
            raise NotFound(
                f"The {where} has no table {missing[0]} yet{other}.",
                "Run `zendesk-audit sync`, which creates the table.",
            )
        yield connection


def _missing(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> list[str]:
    """Those of the tables and views that are not there, or that are tables of another version."""
    if not names:
        return []
    present = relations(connection)
    tables: list[Table] = list(DERIVED)
    if "findings" in names:
        from zendesk_audit_assets.detect.tables import FINDINGS  # the rules, which other commands need not load

        tables.append(FINDINGS)
    other = {table.name for table in tables if table.name in names and not has_shape(connection, table)}
    return [name for name in names if name not in present or name in other]


def _derive(connection: duckdb.DuckDBPyConnection, account: Account) -> None:
    """Compute the derived tables and the findings from the log, as the next sync would."""
    from zendesk_audit_assets.detect import findings, load_rules  # seconds that other commands need not spend

    for table in DERIVED:
        refresh.refresh(connection, table, timezone=account.timezone)
    start = account.start if account.text(Account.start_date) else None
    findings.refresh(connection, load_rules(account.rules_dir), start=start, timezone=account.timezone)


def query_frame(connection: duckdb.DuckDBPyConnection, query: str, parameters: Mapping[str, Any]) -> pl.DataFrame:
    """The result of a query, with secrets masked in every text."""
    frame = frame_of(lambda: connection.sql(query, params=dict(parameters)))
    return frame.with_columns(pl.col(pl.String).map_elements(mask_cut, return_dtype=pl.String))


def print_frame(
    frame: pl.DataFrame,
    output: Output,
    empty: str | None = None,
    *,
    drawn: pl.DataFrame | None = None,
    notes: Sequence[str] | None = None,
) -> None:
    """Print a frame or write it to a file; `empty` replaces a table without rows.

    A table is drawn on a terminal only, with `drawn` in place of the frame; a pipe or a file gets tab-separated values.
    `notes` are sentences about the result. In JSON the result is then an object of `rows` and `notes`; otherwise they
    stand below the table on a terminal, and on standard error. Raises `CannotWrite`.
    """
    drawing = False
    if output.path is not None:
        write_file(frame, output.path, raw=output.raw, notes=notes)
        say(f"{output.path}: {frame.height:,} rows.", err=True)
    elif output.format == "csv":
        _put(to_csv(frame, raw=output.raw))
    elif output.format == "json":
        _put(f"{to_json(frame, notes)}\n")
    else:
        drawing = on_terminal()
        if frame.is_empty() and empty is not None:
            say(empty, err=not drawing)
        elif drawing:
            print_table(frame if drawn is None else drawn, Console(highlight=False))
        else:
            _put(to_tsv(frame))
    if output.format != "json":
        for note in notes or ():
            say(fill(note, _width(), subsequent_indent="  "), err=not drawing)


def _put(text: str) -> None:
    click.echo(text, nl=False, color=True)  # without `color`, click takes out what looks like a colour


def _width() -> int:
    return min(shutil.get_terminal_size().columns, 120)


def on_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout.isatty()


def drawn_on_terminal(output: Output) -> bool:
    """Whether a person reads the result, not a program or a file."""
    return output == Output() and on_terminal()


def print_table(frame: pl.DataFrame, console: Console, title: str | None = None) -> None:
    """Print the first 200 rows as a table, or row by row where the console is too narrow for all columns."""
    table = Drawing(title=title, title_justify="left")
    for name, dtype in frame.schema.items():
        table.add_column(Text(visible(name)), justify="right" if dtype.is_numeric() else "left", overflow="fold")
    # `Text` keeps brackets in a value as they are; a plain string is parsed as markup.
    rows = [tuple(Text(visible(_cell(value))) for value in row) for row in frame.head(_MAX_TABLE_ROWS).iter_rows()]
    for row in rows:
        table.add_row(*row)
    if len(frame.columns) * _MIN_COLUMN_WIDTH <= console.width:
        console.print(table)
    else:
        for row in rows:
            console.print(_sheet(frame.columns, row))
    if frame.height > _MAX_TABLE_ROWS:
        console.print(f"{frame.height - _MAX_TABLE_ROWS:,} more rows; use --csv to see all.")


def _sheet(names: list[str], row: tuple[Text, ...]) -> Drawing:
    """One row of a frame as lines of name and value."""
    sheet = Drawing(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in zip(names, row, strict=True):
        sheet.add_row(Text(visible(name)), value)
    sheet.add_row("")
    return sheet


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_cell(entry)}" for key, entry in value.items())
    if isinstance(value, list):
        return ", ".join(map(_cell, value))
    return str(value).removesuffix("+00:00")
