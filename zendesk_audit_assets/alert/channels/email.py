"""E-mail, through an SMTP server."""

from __future__ import annotations

import logging
import re
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import requests
from requests.utils import DEFAULT_CA_BUNDLE_PATH

from zendesk_audit_assets.address import parse_address
from zendesk_audit_assets.alert.channels.address import address, both_or_none
from zendesk_audit_assets.alert.channels.exchange import TIMEOUT_S, describe, no_answer, within_deadline
from zendesk_audit_assets.alert.errors import NotDelivered, Undeliverable
from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.parsers import BadSettings, shown
from zendesk_audit_assets.settings import Account, Variable

logger = logging.getLogger("zendesk_audit_assets.alert")

_PORTS = {"smtp": 587, "smtps": 465}

_ADDRESS = re.compile(r"""(?=.{3,254}$)[^\s@<>()\[\];:,\\"\x00-\x20\x7f-\U0010ffff]+@[A-Za-z0-9.-]+""")


@dataclass(frozen=True)
class Email:
    """E-mail to some addresses, through `smtp://user:password@host:587` or `smtps://…`.

    With smtp, STARTTLS is required, except on loopback, and where the account allows it without a password.
    The Message-ID is made of the message's key.
    """

    name: ClassVar[str] = "email"
    recipients: tuple[str, ...] = field(repr=False)  # PII
    url: str = field(repr=False)
    given_sender: str = field(default="", repr=False)
    allow_plain: bool = False

    @classmethod
    def from_account(cls, account: Account) -> Email | None:
        """The configured e-mail channel. Raises `BadSettings`."""
        if not both_or_none(account, Account.alert_email_to, Account.alert_smtp_url):
            return None
        recipients = tuple(filter(None, (one.strip() for one in account.alert_email_to.split(","))))
        for one in recipients or ("",):
            _require_address(account, Account.alert_email_to, one)
        sender = account.alert_email_from
        if sender:
            _require_address(account, Account.alert_email_from, sender)
        url = address(account, Account.alert_smtp_url, tuple(_PORTS))
        return cls(recipients, url, sender, account.alert_allow_http)

    @property
    def sender(self) -> str:
        """The sender that is set, or the user of the server if that is an address, else the first recipient."""
        user = unquote(urlsplit(self.url).username or "")
        return self.given_sender or (user if _ADDRESS.fullmatch(user) else self.recipients[0])

    def send(self, message: Message) -> None:
        """Hand the message to the server. Raises `NotDelivered` or `Undeliverable`."""
        parts = urlsplit(self.url)
        host, password = parts.hostname or "", unquote(parts.password or "")
        secrets = tuple(filter(None, (self.url, password, *self.recipients, self.sender)))
        try:
            refused = within_deadline(lambda: self._exchange(message))
        except (smtplib.SMTPException, OSError) as fault:
            raise _error(host, fault, secrets) from None  # the chain may hold what is hidden
        if refused:
            logger.warning("%s refused %d of %d recipients.", host, refused, len(self.recipients))

    def compose(self, message: Message) -> EmailMessage:
        """The message as an e-mail in plain text."""
        email = EmailMessage()
        email["Subject"] = message.headline
        email["From"] = self.sender
        email["To"] = ", ".join(self.recipients)
        email["Date"] = format_datetime(localtime())
        email["Message-ID"] = f"<{message.key}@zendesk-audit-assets>"
        email["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices, please
        email.set_content(f"{message.as_text}\n\n{message.key}\n")
        return email

    def _exchange(self, message: Message) -> int:
        """Send the message; the number of recipients that the server refused while it took others."""
        parts = urlsplit(self.url)
        host, user, password = parts.hostname or "", unquote(parts.username or ""), unquote(parts.password or "")
        server = _connect(parts.scheme, host, parts.port or _PORTS[parts.scheme])
        try:
            if parts.scheme == "smtp":
                required = bool(user) or not (self.allow_plain or _is_loopback(self.url))
                _start_tls(server, host, required=required)
            if user:
                server.login(user, password)
            refused = server.send_message(self.compose(message), self.sender, list(self.recipients))
        finally:
            # The server has taken the message or not; how it says good-bye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()
        return len(refused)


def _require_address(account: Account, variable: Variable[str], text: str) -> None:
    if not _ADDRESS.fullmatch(text):
        raise BadSettings(
            f"{account.name_of(variable)} contains {shown(text)}, which is no e-mail address.",
            "Write addresses such as me@example.com; separate several recipients by commas.",
        )


def _is_loopback(url: str) -> bool:
    parts = parse_address(url)
    return parts is not None and parts.is_loopback


def _connect(scheme: str, host: str, port: int) -> smtplib.SMTP:
    if scheme == "smtps":
        return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=_tls_context())
    return smtplib.SMTP(host, port, timeout=TIMEOUT_S)


def _start_tls(server: smtplib.SMTP, host: str, *, required: bool) -> None:
    server.ehlo_or_helo_if_needed()
    if server.has_extn("starttls"):
        server.starttls(context=_tls_context())
    elif required:
        raise Undeliverable(
            f"{host} offers no encryption, and neither a password nor an alert is sent without it.",
            "Use smtps:// if the server has it, or a server that offers STARTTLS; for a relay without a password, "
            f"{Account.alert_allow_http.name}=on permits it.",
        )


def _tls_context() -> ssl.SSLContext:
    """Trust what `requests` trusts: REQUESTS_CA_BUNDLE where it is set, else the usual authorities."""
    with requests.Session() as session:
        chosen = session.merge_environment_settings("https://", {}, None, None, None)["verify"]
    return ssl.create_default_context(cafile=chosen if isinstance(chosen, str) else DEFAULT_CA_BUNDLE_PATH)


def _error(host: str, fault: Exception, secrets: tuple[str, ...]) -> NotDelivered | Undeliverable:
    """The error for SMTP's reply: from 500 on it is permanent, from 400 on it is not (RFC 5321, 4.2.1)."""
    reply: bytes | str
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        # With one of them refused for now only, it may arrive later.
        code, reply = min(fault.recipients.values(), key=lambda one: one[0])
    elif isinstance(fault, smtplib.SMTPResponseException):
        code, reply = fault.smtp_code, fault.smtp_error
    elif isinstance(fault, smtplib.SMTPNotSupportedError):
        code, reply = 500, str(fault).encode()
    else:
        return no_answer(host, fault, secrets)
    text = describe(reply if isinstance(reply, bytes) else str(reply).encode(), secrets)
    if isinstance(fault, smtplib.SMTPSenderRefused) and code >= 500:
        return Undeliverable(
            f"{host} refuses the sender of the e-mail: {code} {text}.",
            f"Set {Account.alert_email_from.name} to an address that the server lets you send from.",
        )
    if code >= 500:
        return Undeliverable(f"{host} refuses the e-mail: {code} {text}.", "Check user, password and recipients.")
    return NotDelivered(f"{host} does not take the e-mail now: {code} {text}.", "It will be retried.")
