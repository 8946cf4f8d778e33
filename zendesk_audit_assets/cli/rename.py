"""`zendesk-audit rename`: carry the warehouse of a renamed account over to its new address."""

from __future__ import annotations

import click

from zendesk_audit_assets import settings
from zendesk_audit_assets.cli.terminal import say
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract import identity
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import same_address
from zendesk_audit_assets.zendesk.connect import client_for


class NothingToRename(AuditError):
    """The warehouse belongs to the account of the settings, or to none yet."""


@click.command()
def rename() -> None:
    """Carry the warehouse over to the account's new address.

    Set ZENDESK_SUBDOMAIN to the new name first. The command asks the new address for events that the warehouse holds,
    and changes nothing unless they are there. Events, findings and deliveries stay as they are.
    """
    account = settings.load()
    warehouse = Warehouse(account.database)
    with client_for(account) as client:
        new = client.account.url
        if not warehouse.exists():
            raise NothingToRename(f"There is no warehouse at {warehouse.path} yet.", "Run `zendesk-audit sync`.")
        with warehouse.transaction() as connection:
            old, known = identity.owner_of(connection), identity.known_events(connection)
        if old is None or same_address(old, new):
            raise NothingToRename(f"The warehouse already belongs to {new}.", "Run `zendesk-audit sync`.")
        identity.require_same_log(client, known)
    with warehouse.transaction() as connection:
        identity.rebind(connection, new)
    say(f"The warehouse of {old} is now that of {new}.")
