"""`zendesk-audit findings`: show findings and close them."""

from __future__ import annotations

from datetime import datetime

import click

from zendesk_audit_assets.cli.output import NotFound, Output, open_tables, print_frame, query_frame, read_options
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.detect import decisions
from zendesk_audit_assets.severity import SEVERITIES, at_least

_DAY = click.DateTime(["%Y-%m-%d"])
# A shorter prefix of a uid is likely a typing mistake.
_SHORTEST_UID = 8


@click.command()
@click.option("--since", type=_DAY, help="Show findings with events on this UTC day or later.")
@click.option("--level", type=click.Choice(SEVERITIES), default="informational", help="Minimum severity.")
@click.option("--rule", help="Show findings of this rule, such as ZD-002.")
@click.option("--all", "closed_too", is_flag=True, help="Include closed and resolved findings.")
@click.option(
    "--close",
    "uid",
    metavar="UID",
    help="Close a finding, by its uid or a prefix of it.",
)
@read_options
def findings(
    since: datetime | None,
    level: str,
    rule: str | None,
    closed_too: bool,
    uid: str | None,
    live: bool,
    output: Output,
) -> None:
    """Show the open findings, newest first. Close a finding to stop its alerts."""
    if uid is not None:
        _close(uid)
        return
    with open_tables("findings", live=live) as connection:
        frame = query_frame(
            connection,
            """
            SELECT
                last_event_at, severity, rule, title, explanation, actor_name, ip_address, events, status,
                uid[:12] AS uid
            FROM findings
            WHERE ($since IS NULL OR last_event_at >= $since::TIMESTAMP AT TIME ZONE 'UTC')
              AND list_contains($levels, severity)
              AND ($rule IS NULL OR lower(rule) = lower($rule))
              AND (status = 'open' OR $closed_too)
            ORDER BY findings.last_event_at DESC, findings.uid
            """,
            {
                "since": since,
                "levels": list(at_least(level)),
                "rule": rule,
                "closed_too": closed_too,
            },
        )
    print_frame(frame, output, "No findings.")


def _close(uid: str) -> None:
    if len(uid) < _SHORTEST_UID:
        raise click.UsageError(f"Give at least the first {_SHORTEST_UID} characters of the uid.")
    with open_tables("findings", live=True) as connection:
        found = connection.execute(
            "SELECT uid, rule, status FROM findings WHERE starts_with(uid, lower(?))", [uid]
        ).fetchall()
        if not found:
            raise NotFound(
                f"There is no finding {uid}.", "Run `zendesk-audit findings --live` to see the open findings."
            )
        if len(found) > 1:
            raise click.UsageError(f"{len(found)} findings begin with {uid}; give more of the uid.")
        ((full, rule, status),) = found
        if status != "closed":
            decisions.record(connection, [full], "closed")
    note = "was closed already" if status == "closed" else "is closed; the next run publishes that"
    say(f"The finding {full[:12]} of {rule} {note}.")
