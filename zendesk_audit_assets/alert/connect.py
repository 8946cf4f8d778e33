"""From an account's settings to the channels that its alerts go to."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from zendesk_audit_assets.alert.channels import Channel, PagerDuty, Slack, Webhook
from zendesk_audit_assets.alert.email import Mail
from zendesk_audit_assets.alert.network import Network
from zendesk_audit_assets.settings import Account, BadSettings, Variable


def channels_for(account: Account) -> tuple[Channel, ...]:
    """The channels that are set. Raises `BadSettings`."""
    network = Network(allow_private=account.alert_allow_private)
    channels: list[Channel] = []
    if account.alert_slack_url:
        channels.append(Slack(_address(account, Account.alert_slack_url, network), network))
    if _both_or_none(account, Account.alert_webhook_url, Account.alert_webhook_secret):
        address = _address(account, Account.alert_webhook_url, network)
        channels.append(Webhook(address, account.alert_webhook_secret, network))
    if account.alert_pagerduty_key:
        address = _address(account, Account.alert_pagerduty_url, network)
        channels.append(PagerDuty(account.alert_pagerduty_key, address, network))
    if _both_or_none(account, Account.alert_email_to, Account.alert_smtp_url):
        address = _address(account, Account.alert_smtp_url, network, ("smtp", "smtps"))
        channels.append(Mail(_recipients(account), address, network))
    return tuple(channels)


def _both_or_none(account: Account, one: Variable[str], other: Variable[str]) -> bool:
    if bool(account.text(one)) != bool(account.text(other)):
        there, unset = (one, other) if account.text(one) else (other, one)
        raise BadSettings(f"{account.name(unset)} is not set, {account.name(there)} is.", "Set both or none.")
    return bool(account.text(one))


def _address(account: Account, variable: Variable[str], network: Network, schemes: tuple[str, ...] = ("https",)) -> str:
    """An address to connect to; the error does not repeat it, as it may hold a secret."""
    if network.allow_private and schemes == ("https",):
        schemes = ("https", "http")
    address = account.text(variable)
    try:
        parts = urlsplit(address)
        good = parts.scheme in schemes and parts.port != 0 and bool((parts.hostname or "").encode("idna"))
    except ValueError:
        good = False
    if not good or not address.isascii() or not address.isprintable() or " " in address:
        ways = " or ".join(f"{scheme}://" for scheme in schemes)
        name = account.name(variable)
        raise BadSettings(f"{name} is not an address that starts with {ways} and a host.", "Correct it.")
    return address


def _recipients(account: Account) -> tuple[str, ...]:
    recipients = tuple(filter(None, (one.strip() for one in account.alert_email_to.split(","))))
    for one in recipients or ("nobody",):
        if not re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", one) or set(one) & set('<>()[];:\\"'):
            name = account.name(Account.alert_email_to)
            raise BadSettings(f"{name} has {one!r} in it.", "Use addresses such as me@example.com.")
    return recipients
