"""`zendesk-audit sync`: refresh or backfill without the UI."""

from __future__ import annotations

import logging
from datetime import date, datetime, timezone

import click
from rich.console import Console

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.moments import DAY, DAY_FORMS
from zendesk_audit_assets.cli.runs import open_instance, sync_days
from zendesk_audit_assets.cli.terminal import tell
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.orchestration.build import build_definitions
from zendesk_audit_assets.orchestration.partitions import Days, days_to_refresh
from zendesk_audit_assets.orchestration.validation import require
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.warehouse.database import Warehouse


@click.command()
@click.option("--from", "first", type=DAY, help=f"First day, UTC: {DAY_FORMS}. Default: where the log is incomplete.")
@click.option("--to", "last", type=DAY, help="Last day, UTC. Default: today.")
@click.option("--alerts/--no-alerts", default=True, help="Send alerts of new findings. Default: send them.")
@click.option("--full", is_flag=True, help="Fetch settled days again.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors and failed checks only, for cron.")
def sync(first: date | None, last: date | None, alerts: bool, full: bool, quiet: bool) -> None:
    """Sync the log, refresh derived tables and findings, send alerts, and publish the copy.

    Settled days cost no request. Alerts go to the configured channels; --no-alerts sends none; a later run sends them.
    Ctrl-C keeps every committed batch, and the next run fetches only the rest.
    """
    if quiet:  # or Python would print warnings of waits, which the progress otherwise shows
        logging.getLogger("zendesk_audit_assets").addHandler(logging.NullHandler())
    account = settings.load()
    require(account)
    start, today = account.start_date, datetime.now(timezone.utc).date()
    console = Console(stderr=True)
    warehouse = Warehouse(account.database)
    with warehouse.transaction() as connection:  # right even after a restore
        tried = batches.tried_to(connection, account.start)
    default = days_to_refresh(start, tried, today)
    days = Days(first or default.first, last or default.last)
    if not start <= days.first <= days.last <= today:
        raise click.UsageError(
            f"{days.first} to {days.last} is no range of days from {Account.start_date} ({start}) to {today}."
        )
    with open_instance() as instance:
        sync_days(build_definitions(account), instance, days, console, full=full, alerts=alerts, quiet=quiet)
    if quiet:
        return
    with warehouse.transaction() as connection:
        events, complete = batches.row_count(connection), batches.complete_to(connection, account.start)
    tell(
        console,
        f"{events:,} events, complete from {start} to {complete:%Y-%m-%d %H:%M:%S} UTC. Query them with "
        f"`zendesk-audit sql`, or open {warehouse.published_path} read-only.",
    )
