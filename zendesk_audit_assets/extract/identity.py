"""Which log a warehouse holds: known by its address, and by events that Zendesk still has."""

from __future__ import annotations

from datetime import datetime

import duckdb

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.coverage import SECOND
from zendesk_audit_assets.extract.frames import parse_page, to_frames
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.warehouse.catalog import get_meta, set_meta
from zendesk_audit_assets.zendesk import ZendeskClient, same_address

# Id and time of an event.
Known = tuple[int, datetime]


class OtherAccount(AuditError):
    """The file holds the log of another Zendesk account."""


def bind_account(connection: duckdb.DuckDBPyConnection, account_url: str) -> None:
    """Bind the open file to one account. Raises `OtherAccount` if it belongs to another."""
    owner = owner_of(connection)
    if owner is None:
        rebind(connection, account_url)
    elif not same_address(owner, account_url):
        raise OtherAccount(
            f"This warehouse holds the audit log of {owner}, not of {account_url}.",
            "If the account was renamed, run `zendesk-audit rename`. "
            f"Otherwise use one file per account: set {Account.database.name} to another one.",
        )


def owner_of(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Return the address of the account whose log the file holds; None before its first sync."""
    return get_meta(connection, "account")


def rebind(connection: duckdb.DuckDBPyConnection, account_url: str) -> None:
    """Record that the file holds the log of the account at this address."""
    set_meta(connection, "account", account_url)


def known_events(connection: duckdb.DuckDBPyConnection) -> list[Known]:
    """Return the newest, the middle and the oldest stored event; fewer if there are no three."""
    rows = connection.execute(
        f"""
        WITH numbered AS (
            SELECT id, created_at, row_number() OVER (ORDER BY created_at DESC, id) AS n, count(*) OVER () AS of_all
            FROM {AUDIT_LOGS.name}
        )
        SELECT id, created_at FROM numbered WHERE n IN (1, of_all // 2 + 1, of_all) ORDER BY n
        """
    ).fetchall()
    return [(id, created_at) for id, created_at in rows]


def require_same_log(client: ZendeskClient, known: list[Known]) -> None:
    """Raise `OtherAccount` unless Zendesk still has one of the `known` events; one request, or a few.

    The log is immutable, so events do not vanish from it: without any of them it is the log of somebody else.
    """
    if known and not any(_is_there(client, id, created_at) for id, created_at in known):
        raise OtherAccount(
            f"{client.account.url} has none of the events that this warehouse holds of it: "
            "it shows the log of another account now.",
            f"Correct {Account.subdomain.name} or {Account.base_url.name}; or keep the other log in a file of its own: "
            f"set {Account.database.name} to another one.",
        )


def _is_there(client: ZendeskClient, id: int, created_at: datetime) -> bool:
    second = created_at.replace(microsecond=0)
    for page in client.pages(second, second + SECOND):
        rows = to_frames([parse_page(page.records, page.records_exactly)]).rows
        if (id, created_at) in rows.select("id", "created_at").iter_rows():
            return True
    return False
