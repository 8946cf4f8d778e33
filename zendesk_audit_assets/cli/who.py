"""`zendesk-audit who`: show the roles on a day, and how the log knows them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

import click
import duckdb
import polars as pl

from zendesk_audit_assets.cli import moments
from zendesk_audit_assets.cli.moments import MOMENT, Span
from zendesk_audit_assets.cli.output import Output, open_tables, print_frame, query_frame, read_options

# What `administrators.act` means in the words of a table.
_ACTS = {
    "admin_role": "gave or took the administrator role",
    "owner": "passed on the ownership",
    "credential": "changed a credential",
    "authentication": "changed how users sign in",
    "network": "changed from where users sign in",
    "assumption": "changed account assumption",
    "data_protection": "changed redaction",
    "api_access": "changed API access",
    "mobile_access": "changed mobile access",
}


@click.command()
@click.option("--admin", is_flag=True, help="Show only administrators and the account owner.")
@click.option("--on", "moment", type=MOMENT, help=f"Day or time: {moments.FORMS}, in ZENDESK_TIMEZONE. Default: today.")
@read_options
def who(admin: bool, moment: Span | None, live: bool, output: Output) -> None:
    """Show who had which role on a day, who granted it, and how the log knows it.

    The list includes roles that a user had for only a part of the day. An administrator or owner is known by a recorded
    role, by a recorded change of the owner, or by an act that takes an administrator, such as a changed security
    setting. The notes below the list say what the log cannot know: for example, it lacks users whose role never
    changed and who did nothing of the kind. With --json, the result is an object of rows and notes.
    """
    local = moments.zone()
    moment = moment or moments.parse("today", local, datetime.now(timezone.utc))
    with open_tables("user_role_history", "administrators", live=live) as connection:
        frame = query_frame(
            connection,
            """
            WITH held AS (
                FROM administrators
                UNION ALL BY NAME
                SELECT * EXCLUDE (is_admin, line, actor_name), actor_name AS granted_by_name, 'role' AS known_by
                FROM user_role_history
                WHERE role IS NOT NULL AND NOT is_admin AND NOT $admin
            )
            SELECT
                user_id, user_name, product, role, known_by, valid_from, valid_to, granted_by, granted_by_name,
                ip_address, event_id, acts, act, act_on, first_act_at, last_act_at
            FROM held
            WHERE coalesce(valid_from < $end, true) AND coalesce(valid_to > $start, true)
            ORDER BY user_name, user_id, valid_from NULLS FIRST, known_by, product, event_id
            """,
            {"admin": admin, "start": moment.start, "end": moment.end},
        )
        notes = [*_notes(connection, frame, moment, local, admin=admin)]
    empty = f"The log shows no {'administrator' if admin else 'role'} on {moment.day(local)}."
    print_frame(frame, output, empty, drawn=_drawn(frame, local), notes=notes)


def _notes(
    connection: duckdb.DuckDBPyConnection, frame: pl.DataFrame, moment: Span, local: ZoneInfo, *, admin: bool
) -> Iterator[str]:
    """What the log cannot know about this answer."""
    ((first, read_to),) = connection.execute(
        "SELECT (SELECT min(created_at) FROM audit_logs), "
        "(SELECT max(window_end) FROM coverage WHERE window_start < window_end)"
    ).fetchall()
    proofs = frame["known_by"].unique().to_list()
    if first is None:
        yield "The log is empty."
        return
    begins = moments.shown(first, local)
    if moment.end <= first:
        yield (
            f"{moment.text} lies before the first event of this log, {begins}: the list shows only what later changes "
            "tell about the time before them."
        )
    else:
        yield f"The log begins {begins}: a role from before is known once it changes, or by an act."
    if read_to is not None and read_to < moment.end:
        yield f"The log is read up to {moments.shown(read_to, local)}; later changes are not in the list."
    yield (
        "Zendesk does not log the creation of users: the list lacks users whose role never changed"
        f"{' and who did nothing that takes an administrator' if admin else ''}."
    )
    if "act" in proofs:
        yield (
            "Known by acts: no recorded role makes them administrators, but each did what takes one. Zendesk may let "
            "a custom role do some of it."
        )
    if "owner" not in proofs:
        yield "The account owner is not known: the log names no change of owner that tells who it was."
    else:
        owners = frame.filter(pl.col("known_by") == "owner")["user_id"]
        if owners.is_null().any():
            yield "The log names the owner without an id, and no or several users have that name."
        if owners.is_not_null().any():
            yield (
                "The log names the owner without an id: the id in this list is taken from the name, that of the only "
                "user who acted under it. Another user may have taken that name."
            )
    yield (
        "A custom role is listed by its name; the log does not tell all that it permits. A user who was deleted or "
        "suspended keeps the last role in this list."
    )


def _drawn(frame: pl.DataFrame, local: ZoneInfo) -> pl.DataFrame:
    """The rows for people: who, which role and since when, and the proof."""
    rows = [(_who(row), _role(row, local), _proof(row, local)) for row in frame.iter_rows(named=True)]
    columns = ("who", f"role ({local.key})", "known by")
    return pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


def _who(row: dict[str, Any]) -> str:
    return "\n".join(text for text in (row["user_name"], row["user_id"] and f"user:{row['user_id']}") if text)


def _role(row: dict[str, Any], local: ZoneInfo) -> str:
    inferred = row["known_by"] == "act"
    name = "Administrator, inferred" if inferred else row["role"]
    lines = [name if row["product"] in ("support", "account") else f"{row['product']}: {name}"]
    if inferred:
        lines.append(f"by {moments.shown(row['first_act_at'], local)}")
        if row["role"]:
            lines.append(f"recorded role: {row['role']}")
    elif row["valid_from"]:
        lines.append(f"since {moments.shown(row['valid_from'], local)}")
    if row["valid_to"]:
        lines.append(f"until {moments.shown(row['valid_to'], local)}")
    return "\n".join(lines)


def _proof(row: dict[str, Any], local: ZoneInfo) -> str:
    if row["event_id"] is None:
        return "the value before its first change"
    if row["known_by"] == "act":
        number = "1 act," if row["acts"] == 1 else f"{row['acts']} acts, the last"
        act = f"{_ACTS.get(row['act'], row['act'])}: {row['act_on'] or ''}".rstrip(": ")
        text = f"{number} {moments.shown(row['last_act_at'], local)}: {act}"
    else:
        by = row["granted_by_name"] or (row["granted_by"] and f"user:{row['granted_by']}") or "somebody"
        text = f"{'role granted' if row['known_by'] == 'role' else 'ownership passed on'} by {by}"
    return f"{text}\nevent {row['event_id']}"
