"""`zendesk-audit sql`: query the published copy."""

from __future__ import annotations

import sys

import click
import duckdb

from zendesk_audit_assets.cli.output import Output, format_options, open_tables, print_frame
from zendesk_audit_assets.cli.relation import frame_of
from zendesk_audit_assets.text import one_line, visible
from zendesk_audit_assets.warehouse.catalog import relations
from zendesk_audit_assets.warehouse.damage import exhausted
from zendesk_audit_assets.warehouse.database import interruptible
from zendesk_audit_assets.warehouse.untrusted import require_queries


@click.command()
@click.argument("query", required=False)
@format_options
def sql(query: str | None, output: Output) -> None:
    """Query the published copy with SQL. The command reads, and changes nothing.

    Without QUERY, or with - in its place, the command reads the query from standard input.

    Example: zendesk-audit sql "FROM action_summary"
    """
    if query in (None, "-"):
        query = _from_standard_input(explicit=query is not None)
    assert query is not None
    with open_tables() as connection:
        try:
            require_queries(query, relations(connection))
            with interruptible():
                frame = frame_of(lambda: connection.sql(query))
        except duckdb.Error as error:
            if (lack := exhausted(error, "The query")) is not None:
                raise lack from None
            raise click.ClickException(visible(_message(error))) from None
    print_frame(frame, output)


def _from_standard_input(*, explicit: bool) -> str:
    if not explicit and sys.stdin.isatty():
        raise click.UsageError("Missing argument 'QUERY'; or pipe the query into the command.")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise click.UsageError("The query on standard input is not UTF-8.") from None


def _message(error: duckdb.Error) -> str:
    """DuckDB's message without the excerpt of the query that follows it."""
    return one_line(str(error).split("\nLINE ")[0])
