"""`zendesk-audit history`: show what happened to an object, or what a user did."""

from __future__ import annotations

import click
import polars as pl
from rich.console import Console

from zendesk_audit_assets.cli import events, moments
from zendesk_audit_assets.cli.lookup import find_object, find_person
from zendesk_audit_assets.cli.moments import MOMENT, Span
from zendesk_audit_assets.cli.output import NotFound, Output, drawn_on_terminal, open_tables, print_frame, read_options
from zendesk_audit_assets.cli.terminal import tell


@click.command()
@click.argument("name", metavar="[OBJECT]", required=False)
@click.option("--by", metavar="USER", help="Show what this user did: a name, a part of it, or an id.")
@click.option("--field", metavar="WORD", help="Show only changes of fields with this word in their name, such as role.")
@click.option("--since", type=MOMENT, help=f"Leave out what is older: {moments.FORMS}, in ZENDESK_TIMEZONE.")
@click.option("--until", type=MOMENT, help="Leave out what is newer than this time or day.")
@read_options
def history(
    name: str | None,
    by: str | None,
    field: str | None,
    since: Span | None,
    until: Span | None,
    live: bool,
    output: Output,
) -> None:
    """Show what happened to an object, newest first: each change from what to what, and by whom.

    OBJECT is a type and an id, such as user:123, or a part of the label, such as "Bob". If several objects have this
    part in their label, the one whose name is just that counts, a user before others; else the command lists them.

    A change is ambiguous when a value holds the word "to", so that the old one may end elsewhere.

    With --by, the command shows what a user did, sign-ins included; with OBJECT too, what the user did to that object.

    Example: zendesk-audit history --by "Eve Adams" --since 2026-03-31T14:00 --until 2026-03-31
    """
    if not (name or by):
        raise click.UsageError("Name an OBJECT, or a user with --by.")
    with open_tables(*events.TABLES, live=live) as connection:
        thing = find_object(connection, name) if name else None
        person = find_person(connection, by) if by else None
        frame = events.read_events(
            connection,
            """
            ($kind IS NULL OR events.source_id = $id AND (
                -- A suspension is a setting that has the id of the user.
                events.object_type = $kind OR $kind = 'user' AND events.object_type = 'user_setting'
            ))
            AND ($by IS NULL OR events.actor_id = $by)
            AND ($by IS NOT NULL OR events.action IS DISTINCT FROM 'login')
            AND ($since IS NULL OR events.created_at >= $since)
            AND ($until IS NULL OR events.created_at < $until)
            """,
            {
                "kind": thing and thing.kind,
                "id": thing and thing.id,
                "by": person and person.id,
                "since": since and since.start,
                "until": until and until.end,
            },
        )
    if field is not None:
        frame = _of_field(frame, field)
    about = " ".join(part for part in (thing and f"about {thing}", person and f"by {person}") if part)
    if frame.is_empty() or not drawn_on_terminal(output):
        limits = "".join((f" since {since.text}" if since else "", f" until {until.text}" if until else ""))
        print_frame(frame, output, f"No event {about}{limits}.")
        return
    console, local, number = Console(highlight=False), moments.zone(), frame["event_id"].n_unique()
    counted = "1 event" if number == 1 else f"{number:,} events"
    tell(console, f"{counted} {about}, newest first, in {local.key}:", wrap=True)
    events.draw_events(frame, local, console, known=f"{thing.kind}:{thing.id}" if thing else "")
    if thing and thing.kind == "user" and not person:
        tell(console, f"\nTo see what this user did: zendesk-audit history --by {thing.id}")


def _of_field(frame: pl.DataFrame, word: str) -> pl.DataFrame:
    """The changes of fields with this word in their name. Raises NotFound when no change has such a field."""
    chosen = frame.filter(pl.col("field").str.to_lowercase().str.contains(word.lower(), literal=True))
    known = frame["field"].drop_nulls().unique().sort().to_list()
    if chosen.is_empty() and known:
        raise NotFound(f"No field with {word!r} in its name changed.", f"The changed fields are {', '.join(known)}.")
    return chosen
