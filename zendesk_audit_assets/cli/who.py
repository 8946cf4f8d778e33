"""`zendesk-audit who`: show the roles on a day."""

from __future__ import annotations

from datetime import datetime, timezone

import click

from zendesk_audit_assets.cli.output import Output, open_tables, print_frame, query_frame, read_options

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--admin", is_flag=True, help="Show only administrators and the account owner.")
@click.option("--on", "day", type=_DAY, help="Day in UTC. Default: today.")
@read_options
def who(admin: bool, day: datetime | None, live: bool, output: Output) -> None:
    """Show who had which role on a day, and who granted it.

    The list includes roles that a user had for only a part of the day. The audit log records a role when it changes:
    the list lacks users whose role never changed.
    """
    day = day or datetime.now(timezone.utc).replace(tzinfo=None)
    with open_tables("user_role_history", live=live) as connection:
        frame = query_frame(
            connection,
            """
            SELECT
                user_id, user_name, product, role, valid_from, valid_to, granted_by, actor_name AS granted_by_name,
                ip_address, event_id
            FROM user_role_history
            WHERE role IS NOT NULL AND (is_admin OR NOT $admin)
              AND coalesce(valid_from < ($day::DATE + INTERVAL 1 DAY) AT TIME ZONE 'UTC', true)
              AND coalesce(valid_to > $day::DATE::TIMESTAMP AT TIME ZONE 'UTC', true)
            ORDER BY ALL
            """,
            {"admin": admin, "day": day.date()},
        )
    print_frame(frame, output, f"The log shows no {'administrator' if admin else 'role'} on {day:%Y-%m-%d}.")
