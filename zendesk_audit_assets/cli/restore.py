"""`zendesk-audit restore`: replace the warehouse with a backup."""

from __future__ import annotations

from pathlib import Path

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.warehouse import copies
from zendesk_audit_assets.warehouse.database import Warehouse


@click.command()
@click.argument("source", type=click.Path(dir_okay=False, path_type=Path))
def restore(source: Path) -> None:
    """Replace the warehouse with the backup SOURCE.

    The command verifies the backup first, and keeps the replaced warehouse beside the new one, with the ending
    .before-restore.
    """
    done = copies.restore(Warehouse(settings.load().database), source)
    click.echo(f"{done.path}: {done.rows['audit_logs']:,} events.")
    replaced = done.path.with_name(f"{done.path.name}.before-restore")
    if replaced.exists():
        click.echo(f"The replaced warehouse is now {replaced.name}.")
