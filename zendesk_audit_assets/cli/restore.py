"""`zendesk-audit restore`: replace the warehouse with a backup."""

from __future__ import annotations

from pathlib import Path

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.detect.tables import FOLLOWING
from zendesk_audit_assets.text import one_line
from zendesk_audit_assets.warehouse import backups
from zendesk_audit_assets.warehouse.database import Warehouse


@click.command()
@click.argument("source", type=click.Path(dir_okay=False, path_type=Path))
def restore(source: Path) -> None:
    """Replace the warehouse with the backup SOURCE.

    The command verifies the backup first, and keeps the replaced warehouse beside the new one, with the ending
    .before-restore, until you delete it. It restores what cannot be computed again: the log, what was read, your
    decisions and the record of alerts. Run `zendesk-audit sync` next: it computes the other tables and the findings.
    """
    done = backups.restore(Warehouse(settings.load().database), source, FOLLOWING)
    say(f"{done.path}: {done.rows['audit_logs']:,} events.")
    if done.left_out:
        say(f"Left out, not of this project: {one_line(', '.join(done.left_out), 200)}.")
    say("Run `zendesk-audit sync` next: it computes the other tables and the findings from the log.")
    if done.replaced is not None:
        say(f"The replaced warehouse is now {done.replaced.name}.")
    if len(done.kept) > 1:
        size = sum(file.lstat().st_size for file in done.kept) / 2**20
        say(
            f"{len(done.kept)} replaced warehouses are kept, {size:,.0f} MiB in all: "
            f"{done.kept[0].name} is the oldest. "
            "Delete the newer ones once this warehouse holds what it should."
        )
