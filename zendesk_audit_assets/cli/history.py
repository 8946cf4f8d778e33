"""`zendesk-audit history`: show what happened to an object, or what a user did."""

from __future__ import annotations

import click
from rich.console import Console

from zendesk_audit_assets.cli import events, moments
from zendesk_audit_assets.cli.lookup import find_object, find_person
from zendesk_audit_assets.cli.moments import MOMENT, Span
from zendesk_audit_assets.cli.output import Output, drawn_on_terminal, open_tables, print_frame, read_options


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
            """,
            {
                "kind": thing and thing.kind,
                "id": thing and thing.id,
                "by": person and person.id,
                "since": since and since.start,
            },
        )
    about = " ".join(part for part in (thing and f"about {thing}", person and f"by {person}") if part)
    if frame.is_empty() or not drawn_on_terminal(output):
        print_frame(frame, output, f"No event {about}{f' since {since.text}' if since else ''}.")
        return
    console, local, number = Console(highlight=False), moments.zone(), frame["event_id"].n_unique()
    counted = "1 event" if number == 1 else f"{number:,} events"
    console.print(events.plain(f"{counted} {about}, newest first, in {local.key}:"))
    events.draw_events(frame, local, console, known=f"{thing.kind}:{thing.id}" if thing else "")
    if thing and thing.kind == "user" and not person:
        console.print(f"\nTo see what this user did: zendesk-audit history --by {thing.id}", soft_wrap=True)
