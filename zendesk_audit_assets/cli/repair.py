"""`zendesk-audit repair`: set aside the events that are stored twice."""

from __future__ import annotations

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.output import NotFound
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.detect.tables import FOLLOWING
from zendesk_audit_assets.extract import repeated
from zendesk_audit_assets.warehouse.catalog import drop
from zendesk_audit_assets.warehouse.database import Warehouse

_SHOWN = 20


@click.command()
@click.option("--yes", is_flag=True, help="Do it. Without this option, the command only shows what it would do.")
def repair(yes: bool) -> None:
    """Set aside the events that are stored twice, which the check ids_are_unique finds.

    The row that came first stays in audit_logs; the others move to audit_log_revisions. All tables that follow from the
    log are computed anew by the next `zendesk-audit sync`. Decisions on findings and deliveries stay.
    """
    warehouse = Warehouse(settings.load().database)
    if not warehouse.exists():
        raise NotFound(f"There is no warehouse {warehouse.path} yet.", "Run `zendesk-audit sync`.")
    with warehouse.transaction() as connection:
        found = repeated.find(connection)
        if yes and found:
            moved = repeated.set_aside(connection)
            for table in FOLLOWING:
                drop(connection, table.name)
    for one in found[:_SHOWN]:
        others = ", ".join(f"{moment:%Y-%m-%d %H:%M:%S}" for moment in one.others)
        say(f"Event {one.id}: stays at {one.kept:%Y-%m-%d %H:%M:%S} UTC, {others} UTC set aside.")
    if len(found) > _SHOWN:
        say(f"{len(found) - _SHOWN:,} more events.")
    if not found:
        say("No event is stored twice.")
    elif yes:
        say(f"{moved:,} rows are in audit_log_revisions now. Run `zendesk-audit sync` next.")
    else:
        say("Nothing is changed yet: run `zendesk-audit repair --yes` to do it.")
