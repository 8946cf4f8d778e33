"""`zendesk-audit backup`: a checked copy of the warehouse."""

from __future__ import annotations

from pathlib import Path

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.warehouse import copies
from zendesk_audit_assets.warehouse.database import Warehouse


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
def backup(target: Path) -> None:
    """Copy the warehouse to TARGET; runs may go on meanwhile, and wait for the moment of copying."""
    done = copies.backup(Warehouse(settings.load().database), target)
    click.echo(f"{done.path}: {done.rows['audit_logs']:,} events, {done.bytes / 2**20:,.1f} MiB, checked.")
