"""Read a channel's address and its companions from an account. No message repeats an address: it may be a secret."""

from __future__ import annotations

from zendesk_audit_assets.address import parse_address
from zendesk_audit_assets.parsers import BadSettings
from zendesk_audit_assets.settings import Account, Variable


def http_address(account: Account, variable: Variable[str]) -> str:
    """An https address, or http where the account allows it. Raises `BadSettings`."""
    return address(account, variable, ("https", "http") if account.alert_allow_http else ("https",))


def address(account: Account, variable: Variable[str], schemes: tuple[str, ...]) -> str:
    """An address with one of these schemes and a host. Raises `BadSettings`."""
    text = account.text(variable)
    parts = parse_address(text)
    if parts is None or parts.scheme not in schemes:
        ways = " or ".join(f"{scheme}://" for scheme in schemes)
        raise BadSettings(
            f"{account.name_of(variable)} is not an address that starts with {ways} and a host.",
            "Correct it; in a user or password, percent-encode what is no letter or digit, such as / as %2F.",
        )
    return text


def both_or_none(account: Account, one: Variable[str], other: Variable[str]) -> bool:
    """Whether both variables are set. Raises `BadSettings` when only one of them is."""
    if bool(account.text(one)) != bool(account.text(other)):
        present, missing = (one, other) if account.text(one) else (other, one)
        raise BadSettings(
            f"{account.name_of(present)} is set, but {account.name_of(missing)} is not.", "Set both or neither."
        )
    return bool(account.text(one))
