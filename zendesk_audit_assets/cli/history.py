"""`zendesk-audit history`: show what happened to an object, or what a user did."""

from __future__ import annotations

from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import click
import polars as pl
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from zendesk_audit_assets.cli import moments
from zendesk_audit_assets.cli.lookup import find_object, find_person
from zendesk_audit_assets.cli.moments import MOMENT, Span
from zendesk_audit_assets.cli.output import (
    Output,
    drawn_on_terminal,
    open_tables,
    print_frame,
    query_frame,
    read_options,
)
from zendesk_audit_assets.masking import mask
from zendesk_audit_assets.text import visible

_MAX_EVENTS = 200


@click.command()
@click.argument("name", metavar="[OBJECT]", required=False)
@click.option("--by", metavar="USER", help="Show what this user did: a name, a part of it, or an id.")
@click.option("--since", type=MOMENT, help=f"Leave out what is older: {moments.FORMS}, in ZENDESK_TIMEZONE.")
@read_options
def history(name: str | None, by: str | None, since: Span | None, live: bool, output: Output) -> None:
    """Show what happened to an object, newest first: each change from what to what, and by whom.

    OBJECT is a type and an id, such as user:123, or a part of the label, such as "Bob". If several objects have this
    part in their label, the one whose name is just that counts, a user before others; else the command lists them.

    With --by, the command shows what a user did, sign-ins included; with OBJECT too, what the user did to that object.

    Example: zendesk-audit history --by "Eve Adams" --since 7d
    """
    if not (name or by):
        raise click.UsageError("Name an OBJECT, or a user with --by.")
    with open_tables("audit_events", "audit_changes", "actor_names", live=live) as connection:
        thing = find_object(connection, name) if name else None
        person = find_person(connection, by) if by else None
        frame = query_frame(
            connection,
            """
            WITH names AS (
                SELECT actor_id, last(actor_name ORDER BY last_seen, actor_name) AS newest_name
                FROM actor_names WHERE actor_name IS NOT NULL GROUP BY actor_id
            )
            SELECT
                events.created_at, events.action, concat(events.object_type, ':', events.source_id) AS object,
                events.source_label AS label, field, old_value, new_value,
                CASE WHEN field IS NULL THEN raw END AS text, events.actor_id,
                coalesce(events.actor_name, newest_name) AS actor_name, events.ip_address, events.id AS event_id
            FROM audit_events AS events
            LEFT JOIN audit_changes AS changes ON changes.event_id = events.id
            LEFT JOIN names ON names.actor_id = events.actor_id
            WHERE (
                $kind IS NULL
                OR events.source_id = $id
                -- A suspension is a setting that has the id of the user.
                AND (events.object_type = $kind OR $kind = 'user' AND events.object_type = 'user_setting')
            )
              AND ($by IS NULL OR events.actor_id = $by)
              AND ($by IS NOT NULL OR events.action IS DISTINCT FROM 'login')
              AND ($since IS NULL OR events.created_at >= $since)
            ORDER BY events.created_at DESC, events.id DESC, line
            """,
            {
                "kind": thing and thing.kind,
                "id": thing and thing.id,
                "by": person and person.id,
                "since": since and since.start,
            },
        )
    frame = _with_masked_values(frame)
    about = " ".join(part for part in (thing and f"about {thing}", person and f"by {person}") if part)
    if drawn_on_terminal(output) and not frame.is_empty():
        console = Console(highlight=False)
        _draw(frame, about, moments.zone(), console, shown=str(thing and f"{thing.kind}:{thing.id}"))
        if thing and thing.kind == "user" and not person:
            console.print(f"\nTo see what this user did: zendesk-audit history --by {thing.id}", soft_wrap=True)
    else:
        print_frame(frame, output, f"No event {about}{f' since {since.text}' if since else ''}.")


def _draw(frame: pl.DataFrame, about: str, local: ZoneInfo, console: Console, *, shown: str) -> None:
    """Print each event as a line, and below it its changes, within the width of the console.

    The object of an event is named unless it is the one `shown`, such as user:123.
    """
    events = [list(rows) for _, rows in groupby(frame.iter_rows(named=True), key=lambda row: row["event_id"])]
    console.print(_text(f"{_count(len(events))} {about}, newest first, in {local.key}:"))
    for rows in events[:_MAX_EVENTS]:
        first = rows[0]
        who = first["actor_name"] or (first["actor_id"] and f"user:{first['actor_id']}") or "unknown"
        what = first["action"] or "event"
        if first["object"] != shown:
            what = f"{what} {first['object']} {first['label'] or ''}".rstrip()
        source = "  ".join(part for part in (first["ip_address"], f"event {first['event_id']}") if part)
        head = _text(f"\n{moments.shown(first['created_at'], local)}  {who}  {what}")
        head.stylize("bold")
        console.print(head)
        for row in rows:
            if change := _change(row):
                console.print(Padding(_text(change), (0, 0, 0, 4), expand=False))
        console.print(Padding(_text(source), (0, 0, 0, 4), expand=False), style="dim")
    if len(events) > _MAX_EVENTS:
        console.print(f"\n{len(events) - _MAX_EVENTS:,} older events; use --csv to see all.")


def _change(row: dict[str, Any]) -> str:
    if row["field"] is None:
        return row["text"] or ""
    if row["field"] == "state" and row["old_value"] is None:
        return f"-> {row['new_value']}"
    old, new = ("not set" if value is None else value for value in (row["old_value"], row["new_value"]))
    return f"{row['field']}: {old} -> {new}"


def _text(text: str) -> Text:
    return Text(visible(text))


def _count(number: int) -> str:
    return "1 event" if number == 1 else f"{number:,} events"


def _with_masked_values(frame: pl.DataFrame) -> pl.DataFrame:
    """Mask each value together with its field: only the name of the field reveals that a word is a password."""
    return frame.with_columns(
        pl.Series(
            name,
            [
                value if value is None else mask(f"{field}: {value}").removeprefix(f"{field}: ")
                for field, value in frame.select("field", name).iter_rows()
            ],
            dtype=pl.String,
        )
        for name in ("old_value", "new_value")
    )
