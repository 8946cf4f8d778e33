"""`zendesk-audit restore`: a backup in the place of the warehouse."""

from __future__ import annotations

from pathlib import Path

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.warehouse import copies
from zendesk_audit_assets.warehouse.database import Warehouse


@click.command()
@click.argument("source", type=click.Path(dir_okay=False, path_type=Path))
def restore(source: Path) -> None:
    """Put the backup SOURCE in the place of the warehouse; what was there is kept beside it."""
    done = copies.restore(Warehouse(settings.load().database), source)
    click.echo(f"{done.path}: {done.rows['audit_logs']:,} events. The one before is {done.path.name}.before-restore.")
