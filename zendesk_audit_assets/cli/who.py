"""`zendesk-audit who`: who had which role on a day, and who gave it to them."""

from __future__ import annotations

from datetime import datetime, timezone

import click

from zendesk_audit_assets.cli.output import (
    answer,
    opened,
    put,
    reading_options,
)

_DAY = click.DateTime(["%Y-%m-%d"])


@click.command()
@click.option("--admin", is_flag=True, help="Only the roles of administrators and of the account's owner.")
@click.option("--on", "day", type=_DAY, help="The day, UTC. Default: today.")
@reading_options
def who(admin: bool, day: datetime | None, live: bool, form: str | None) -> None:
    """Show who had which role on a day, if only for a part of it, and who gave it to them.

    The log tells of roles when they change: a user whose role never changed is not here.
    """
    day = day or datetime.now(timezone.utc).replace(tzinfo=None)
    with opened("user_role_history", live=live) as connection:
        frame = answer(
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
    roles = "administrator" if admin else "role"
    put(frame, form, f"The log tells of no {roles} on {day:%Y-%m-%d}.")
