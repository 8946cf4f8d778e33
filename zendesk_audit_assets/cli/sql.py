"""`zendesk-audit sql`: query the published copy."""

from __future__ import annotations

import click
import duckdb
import polars as pl

from zendesk_audit_assets.cli.output import format_options, open_tables, print_frame
from zendesk_audit_assets.text import one_line
from zendesk_audit_assets.warehouse.catalog import relations
from zendesk_audit_assets.warehouse.database import interruptible
from zendesk_audit_assets.warehouse.untrusted import require_queries


@click.command()
@click.argument("query")
@format_options
def sql(query: str, format: str | None) -> None:
    """Query the published copy with SQL.

    Example: zendesk-audit sql "FROM action_summary"
    """
    with open_tables() as connection:
        try:
            require_queries(query, relations(connection))
            with interruptible():
                relation = connection.sql(query)
                frame = pl.DataFrame() if relation is None else relation.pl()
        except duckdb.Error as error:
            raise click.ClickException(_message(error)) from None
    print_frame(frame, format)


def _message(error: duckdb.Error) -> str:
    """DuckDB's message without the excerpt of the query that follows it."""
    return one_line(str(error).split("\nLINE ")[0])
