"""Events with their changes, from what to what: as rows for programs, and as lines for people."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
from rich.console import Console

from zendesk_audit_assets.cli import moments
from zendesk_audit_assets.cli.output import query_frame
from zendesk_audit_assets.cli.terminal import tell
from zendesk_audit_assets.masking import mask

TABLES = ("audit_events", "audit_changes", "actor_names")
"""The tables that `read_events` reads."""

MAX_EVENTS = 200


def read_events(
    connection: duckdb.DuckDBPyConnection, condition: str, parameters: Mapping[str, Any], order: str = "DESC"
) -> pl.DataFrame:
    """The events that meet a condition on `events`, a row per change, the newest first; masked.

    An actor without a name has the newest one that is known. `text` is what could not be parsed; `confidence` tells, as
    in `audit_changes`, how sure the values are.
    """
    frame = query_frame(
        connection,
        f"""
        WITH names AS (
            SELECT actor_id, last(actor_name ORDER BY last_seen, actor_name) AS newest_name
            FROM actor_names WHERE actor_name IS NOT NULL GROUP BY actor_id
        )
        SELECT
            events.created_at, events.action, concat(events.object_type, ':', events.source_id) AS object,
            events.source_label AS label, field, old_value, new_value,
            CASE WHEN confidence = 'unparsed' THEN raw END AS text, confidence, events.actor_id,
            coalesce(events.actor_name, newest_name) AS actor_name, events.ip_address, events.id AS event_id
        FROM audit_events AS events
        LEFT JOIN audit_changes AS changes ON changes.event_id = events.id
        LEFT JOIN names ON names.actor_id = events.actor_id
        WHERE {condition}
        ORDER BY events.created_at {order}, events.id {order}, line
        """,
        parameters,
    )
    return _with_masked_values(frame)


def draw_events(frame: pl.DataFrame, local: ZoneInfo, console: Console, *, known: str = "") -> None:
    """Print each event as a line, and its changes below it, within the width of the console; at most `MAX_EVENTS`.

    The object of an event is named unless it is the `known` one, such as user:123.
    """
    events = [list(rows) for _, rows in groupby(frame.iter_rows(named=True), key=lambda row: row["event_id"])]
    for rows in events[:MAX_EVENTS]:
        first = rows[0]
        who = first["actor_name"] or (first["actor_id"] and f"user:{first['actor_id']}") or "unknown"
        what = first["action"] or "event"
        if first["object"] != known:
            what = f"{what} {first['object']} {first['label'] or ''}".rstrip()
        tell(console)
        tell(console, f"{moments.shown(first['created_at'], local)}  {who}  {what}", style="bold", wrap=True)
        for change in filter(None, map(_change, rows)):
            tell(console, change, wrap=True, indent=4)
        source = "  ".join(part for part in (first["ip_address"], f"event {first['event_id']}") if part)
        tell(console, source, style="dim", wrap=True, indent=4)
    if len(events) > MAX_EVENTS:
        tell(console, f"\n{len(events) - MAX_EVENTS:,} more events; use --csv to see all.")


def _change(row: dict[str, Any]) -> str:
    if row["confidence"] in (None, "unparsed"):
        return row["text"] or ""
    if row["confidence"] == "state":
        return f"-> {row['new_value']}"
    old, new = ("not set" if value is None else value for value in (row["old_value"], row["new_value"]))
    doubt = "  (ambiguous)" if row["confidence"] == "ambiguous" else ""
    return f"{row['field']}: {old} -> {new}{doubt}"


def _with_masked_values(frame: pl.DataFrame) -> pl.DataFrame:
    """Mask each value together with its field: only the name of the field reveals that a word is a password."""
    return frame.with_columns(
        pl.Series(
            name,
            [
                value if value is None else _masked(field, value)
                for field, value in frame.select("field", name).iter_rows()
            ],
            dtype=pl.String,
        )
        for name in ("old_value", "new_value")
    )


def _masked(field: str, value: str) -> str:
    value = mask(f"{field}: {value}").removeprefix(f"{field}: ")
    changed = f"{field} changed from "
    return "\n".join(mask(f"{changed}{line}").removeprefix(changed) for line in value.split("\n"))
