"""`zendesk-audit findings`: show findings and close them."""

from __future__ import annotations

from collections.abc import Sequence

import click
import duckdb
import polars as pl
from click.core import ParameterSource
from rich.console import Console

from zendesk_audit_assets.cli import events, moments
from zendesk_audit_assets.cli.lookup import Ambiguous, find_object
from zendesk_audit_assets.cli.moments import MOMENT, Span
from zendesk_audit_assets.cli.output import (
    NotFound,
    Output,
    drawn_on_terminal,
    open_tables,
    print_frame,
    query_frame,
    read_options,
)
from zendesk_audit_assets.cli.rules import known_rule
from zendesk_audit_assets.cli.terminal import say, tell
from zendesk_audit_assets.detect import decisions
from zendesk_audit_assets.detect.description import describe
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.severity import SEVERITIES, at_least
from zendesk_audit_assets.warehouse.catalog import get_meta, scalar

# A shorter beginning of a uid is likely a typing mistake; too likely for a decision.
_SHORTEST_UID = 8
_UID_SHOWN = 12
_MAX_DRAWN = 200


@click.group(invoke_without_command=True)
@click.option("--since", type=MOMENT, help=f"Leave out what is older: {moments.FORMS}, in ZENDESK_TIMEZONE.")
@click.option(
    "--level",
    type=click.Choice(SEVERITIES, case_sensitive=False),
    default="informational",
    help="Minimum severity.",
)
@click.option("--rule", help="Show findings of this rule, such as ZD-002.")
@click.option("--object", "name", metavar="OBJECT", help="Show findings about this object: user:123, or a label.")
@click.option(
    "--all",
    "closed_too",
    is_flag=True,
    help="Include what is no work: closed, resolved, noted, or a part of another finding.",
)
@click.option(
    "--close", "uids", metavar="UID", multiple=True, help="Close a finding, by the beginning of its uid; repeatable."
)
@read_options
@click.pass_context
def findings(
    context: click.Context,
    since: Span | None,
    level: str,
    rule: str | None,
    name: str | None,
    closed_too: bool,
    uids: tuple[str, ...],
    live: bool,
    output: Output,
) -> None:
    """Show the open findings, newest first. Close a finding to stop its alerts.

    `zendesk-audit findings show UID` shows one finding with its events.
    """
    if context.invoked_subcommand:
        if any(context.get_parameter_source(one) is ParameterSource.COMMANDLINE for one in context.params):
            raise click.UsageError(f"Options go behind {context.invoked_subcommand}.")
        return
    if uids:
        _close(uids)
        return
    known = known_rule(rule) if rule is not None else None
    with open_tables("findings", *(("audit_events", "actor_names") if name else ()), live=live) as connection:
        thing = find_object(connection, name) if name else None
        frame = query_frame(
            connection,
            f"""
            SELECT
                last_event_at, severity, rule, title, explanation, actor_name, ip_address, events, status,
                uid[:{_UID_SHOWN}] AS uid, object_type, object_id, event_ids, attack
            FROM findings
            WHERE ($since IS NULL OR last_event_at >= $since)
              AND list_contains($levels, severity)
              AND ($rule IS NULL OR rule = $rule)
              AND ($kind IS NULL OR object_type = $kind AND object_id = $id)
            ORDER BY findings.last_event_at DESC, findings.uid
            """,
            {
                "since": since and since.start,
                "levels": list(at_least(level)),
                "rule": known and known.name,
                "kind": thing and thing.kind,
                "id": thing and thing.id,
            },
        )
    chosen = frame if closed_too else frame.filter(pl.col("status") == "open")
    if chosen.is_empty() or not drawn_on_terminal(output):
        print_frame(chosen, output, _none(frame.height))
    else:
        _draw(chosen, "finding" if closed_too else "open finding")


@findings.command()
@click.argument("uid")
@read_options
def show(uid: str, live: bool, output: Output) -> None:
    """Show one finding with its events, by its UID or the beginning of it."""
    with open_tables("findings", *events.TABLES, live=live) as connection:
        full, _, _ = _find(connection, uid)
        columns = ", ".join(column.name for column in FINDINGS.columns)
        frame = query_frame(connection, f"SELECT {columns} FROM findings WHERE uid = $uid", {"uid": full})
        finding = Finding.from_row(frame.columns, frame.row(0))
        description = describe(finding, get_meta(connection, "account"))
        own = events.read_events(
            connection,
            "list_contains($ids, events.id) AND events.created_at BETWEEN $first AND $last",
            {"ids": list(finding.event_ids), "first": finding.first_event_at, "last": finding.last_event_at},
            order="ASC",
        )
        parts = connection.execute(
            f"SELECT rule, uid[:{_UID_SHOWN}] FROM findings WHERE part_of = ? ORDER BY rule, uid", [full]
        ).fetchall()
    if not drawn_on_terminal(output):
        print_frame(frame, output)
        return
    console = Console(highlight=False)
    tell(console, f"{finding.severity}  {finding.rule}  {finding.title}", style="bold", wrap=True)
    tell(console, description.as_text, wrap=True)
    whole = f" of {finding.part_of[:_UID_SHOWN]}" if finding.part_of else ""
    tell(console, f"Status: {finding.status}{whole}\nUid: {finding.uid}", wrap=True)
    if parts:
        tell(console, f"Parts: {', '.join(f'{rule} ({part})' for rule, part in parts)}", wrap=True)
    if not own.is_empty():
        tell(console, f"\nIts events, in {moments.zone().key}:")
    events.draw_events(own, moments.zone(), console)
    tell(
        console,
        f"\nThe rule: zendesk-audit rules explain {finding.rule}"
        f"\nTo close the finding: zendesk-audit findings --close {finding.uid[:_UID_SHOWN]}",
    )


def _none(others: int) -> str:
    if not others:
        return "No findings."
    return f"No open findings; --all shows {others:,} that {'is' if others == 1 else 'are'} no work."


def _draw(frame: pl.DataFrame, what: str) -> None:
    console, local = Console(highlight=False), moments.zone()
    number = f"1 {what}" if frame.height == 1 else f"{frame.height:,} {what}s"
    tell(console, f"{number}, newest first, in {local.key}:")
    for row in frame.head(_MAX_DRAWN).iter_rows(named=True):
        status = "" if row["status"] == "open" else f"  ({row['status']})"
        head = f"{moments.shown(row['last_event_at'], local)}  {row['severity']}  {row['rule']}  {row['title']}{status}"
        tell(console)
        tell(console, head, style="bold", wrap=True)
        tell(console, row["explanation"], wrap=True, indent=4)
        counted = "1 event" if row["events"] == 1 else f"{row['events']:,} events"
        source = "  ".join(part for part in (row["actor_name"], counted, f"uid {row['uid']}") if part)
        tell(console, source, style="dim", wrap=True, indent=4)
    if frame.height > _MAX_DRAWN:
        tell(console, f"\n{frame.height - _MAX_DRAWN:,} older findings; use --csv to see all, or --level and --since.")
    tell(console, "\nTo see one with its events: zendesk-audit findings show UID")


def _close(uids: Sequence[str]) -> None:
    for uid in uids:
        if len(uid) < _SHORTEST_UID:
            raise click.UsageError(f"Give at least the first {_SHORTEST_UID} characters of the uid.")
    with open_tables("findings", live=True) as connection:
        found = [_find(connection, uid) for uid in uids]
        decisions.record(connection, list({full for full, _, status in found if status != "closed"}), "closed")
    for full, rule, status in found:
        note = "was closed already" if status == "closed" else "is closed; the next run publishes that"
        say(f"The finding {full[:_UID_SHOWN]} of {rule} {note}.")


def _find(connection: duckdb.DuckDBPyConnection, uid: str) -> tuple[str, str, str]:
    """The uid, the rule and the status of the only finding that begins so. Raises NotFound, Ambiguous."""
    found = connection.execute(
        "SELECT uid, rule, status FROM findings WHERE starts_with(uid, lower(?))", [uid]
    ).fetchall()
    if not found and scalar(
        connection, "SELECT EXISTS (FROM finding_decisions WHERE starts_with(uid, lower(?)))", [uid]
    ):
        raise NotFound(
            f"There is no finding {uid} any more.",
            "Its rule no longer reports it, or its events belong to another finding. "
            "Run `zendesk-audit findings --live --all` to see that one.",
        )
    if not found or not uid:
        raise NotFound(
            f"There is no finding {uid}.",
            "Run `zendesk-audit findings --live --all` to see the findings and their uids.",
        )
    if len(found) > 1:
        raise Ambiguous(f"{len(found):,} findings begin with {uid}.", "Give more of the uid.")
    ((full, rule, status),) = found
    return full, rule, status
