"""`zendesk-audit backup`: copy the warehouse to a file."""

from __future__ import annotations

from pathlib import Path

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.warehouse import backups
from zendesk_audit_assets.warehouse.database import Warehouse


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def backup(target: Path) -> None:
    """Copy the warehouse to the file TARGET and verify the copy.

    Runs may go on: one that writes waits until the copy is made. An existing TARGET is replaced once the new copy is
    verified.
    """
    done = backups.backup(Warehouse(settings.load().database), target)
    say(f"{done.path}: {done.rows['audit_logs']:,} events, {done.bytes / 2**20:,.1f} MiB, verified.")
