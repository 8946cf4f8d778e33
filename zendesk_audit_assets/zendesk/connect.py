"""From an account's settings to a client: credentials, address and the share of the rate limit."""

from __future__ import annotations

from pathlib import Path

from zendesk_audit_assets.settings import AUTH_TYPES, Account
from zendesk_audit_assets.zendesk.budget import RateBudget
from zendesk_audit_assets.zendesk.client import ZendeskClient
from zendesk_audit_assets.zendesk.credentials import METHODS, ZendeskAccount


def zendesk_account(account: Account) -> ZendeskAccount:
    """The address and the credentials of an account.

    Raises `BadSettings` or `BadAccountSettings` for a setting that is missing or wrong.
    """
    subdomain, method = account.subdomain, account.auth_method()
    values = [account.text(variable) for variable in AUTH_TYPES[method]]
    return ZendeskAccount(subdomain, METHODS[method](*values), account.base_url)


def client_for(account: Account) -> ZendeskClient:
    """A client for an account; its requests share one rate budget with every other client of the same warehouse.

    Raises `BadSettings` or `BadAccountSettings` for a setting that is missing or wrong.
    """
    zendesk = zendesk_account(account)
    budget = RateBudget(account.rate_share, file=Path(f"{account.database}.budget.json"))
    return ZendeskClient(zendesk, limiter=budget)
