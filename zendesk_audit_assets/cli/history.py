"""`zendesk-audit history`: what was changed on an item, and by whom."""

from __future__ import annotations

import re

import click
import duckdb
import polars as pl

from zendesk_audit_assets.cli.output import (
    answer,
    opened,
    put,
    reading_options,
)
from zendesk_audit_assets.masking import mask

_MOST_ITEMS = 50


@click.command()
@click.argument("item", metavar="OBJECT")
@reading_options
def history(item: str, live: bool, form: str | None) -> None:
    """Show what every field of OBJECT was set to, from when to when, and by whom.

    OBJECT is its type and id, such as user:123, or a part of its label.
    """
    with opened("object_history", live=live) as connection:
        named = re.fullmatch(r"([^:\s]+):(\d+)", item)
        if named:
            kind, number = named[1].lower(), int(named[2])
        else:
            items = _labelled(connection, item)
            if items.height != 1:
                put(items, form, f"The log tells of no change of an item with {item!r} in its label.")
                if items.height > 1 and form is None:
                    click.echo("Name one of them by type and id.")
                return
            kind, _, text = items["item"][0].rpartition(":")
            number = int(text)
        frame = answer(
            connection,
            """
            SELECT field, value, valid_from, valid_to, changed_by, actor_name, ip_address, event_id
            FROM object_history WHERE object_type = $kind AND source_id = $number
            ORDER BY valid_from NULLS FIRST, event_id, line, field
            """,
            {"kind": kind, "number": number},
        )
    put(_with_masked_values(frame), form, f"The log tells of no change of {kind}:{number}.")


def _labelled(connection: duckdb.DuckDBPyConnection, part: str) -> pl.DataFrame:
    """The items with a label that has `part` in it, in any case; the most recently changed first."""
    return answer(
        connection,
        f"""
        SELECT
            concat(object_type, ':', source_id) AS item, arg_max(source_label, valid_from) AS label,
            max(valid_from) AS last_change
        FROM object_history WHERE contains(lower(source_label), lower($part))
        GROUP BY object_type, source_id ORDER BY last_change DESC, item LIMIT {_MOST_ITEMS}
        """,
        {"part": part},
    )


def _with_masked_values(frame: pl.DataFrame) -> pl.DataFrame:
    """A password or a token may look like any word: what it is, only the name of its field tells."""
    values = [
        value if value is None else mask(f"{field}: {value}").removeprefix(f"{field}: ")
        for field, value in frame.select("field", "value").iter_rows()
    ]
    return frame.with_columns(pl.Series("value", values, dtype=pl.String))
