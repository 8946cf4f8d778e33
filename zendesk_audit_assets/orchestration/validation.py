"""Whether an account is complete: every setting parses, and a client and all channels could be built from them."""

from __future__ import annotations

from zendesk_audit_assets.alert.channels import channels_for
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.zendesk.connect import zendesk_account


def require(account: Account) -> None:
    """Raise the `AuditError` for the first setting that is missing, wrong or contradicts another one."""
    zendesk_account(account)
    account.require()
    channels_for(account)


def problem(account: Account) -> str | None:
    """The cause and the remedy of the first wrong setting; None when the account is complete."""
    try:
        require(account)
    except AuditError as error:
        return str(error)
    return None
