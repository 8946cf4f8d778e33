"""`zendesk-audit history`: show the changes of one object."""

from __future__ import annotations

import re

import click
import duckdb
import polars as pl

from zendesk_audit_assets.cli.output import Output, open_tables, print_frame, query_frame, read_options
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.masking import mask

_MAX_OBJECTS = 50


@click.command()
@click.argument("name", metavar="OBJECT")
@read_options
def history(name: str, live: bool, output: Output) -> None:
    """Show the history of one object: every value of its fields, when it was set, and by whom.

    OBJECT is a type and an id, such as user:123, or a part of the label, such as "Bob". If several objects have this
    part in their label, the command lists them instead.
    """
    with open_tables("object_history", live=live) as connection:
        typed = re.fullmatch(r"([^:\s]+):(\d+)", name)
        if typed:
            object_type, source_id = typed[1].lower(), int(typed[2])
        else:
            objects = _with_label(connection, name)
            if objects.height != 1:
                print_frame(objects, output, f"The log shows no change of an object with {name!r} in its label.")
                if objects.height > 1 and output == Output():
                    say("Name one of these objects by type and id.")
                return
            object_type, _, text = objects["object"][0].rpartition(":")
            source_id = int(text)
        frame = query_frame(
            connection,
            """
            SELECT field, value, valid_from, valid_to, changed_by, actor_name, ip_address, event_id
            FROM object_history WHERE object_type = $object_type AND source_id = $source_id
            ORDER BY valid_from NULLS FIRST, event_id, line, field
            """,
            {"object_type": object_type, "source_id": source_id},
        )
    print_frame(_with_masked_values(frame), output, f"The log shows no change of {object_type}:{source_id}.")


def _with_label(connection: duckdb.DuckDBPyConnection, part: str) -> pl.DataFrame:
    """The objects with `part` in their label, ignoring case; the most recently changed first."""
    return query_frame(
        connection,
        f"""
        SELECT
            concat(object_type, ':', source_id) AS object, arg_max(source_label, valid_from) AS label,
            max(valid_from) AS last_change
        FROM object_history WHERE contains(lower(source_label), lower($part))
        GROUP BY object_type, source_id ORDER BY last_change DESC, object LIMIT {_MAX_OBJECTS}
        """,
        {"part": part},
    )


def _with_masked_values(frame: pl.DataFrame) -> pl.DataFrame:
    """Mask each value together with its field: only the name of the field reveals that a word is a password."""
    values = [
        value if value is None else mask(f"{field}: {value}").removeprefix(f"{field}: ")
        for field, value in frame.select("field", "value").iter_rows()
    ]
    return frame.with_columns(pl.Series("value", values, dtype=pl.String))
