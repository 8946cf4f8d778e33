"""Alerts by e-mail, handed to an SMTP server. The Message-ID is made of the message's key."""

from __future__ import annotations

import logging
import smtplib
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, localtime
from typing import ClassVar
from urllib.parse import unquote, urlsplit

from zendesk_audit_assets.alert.errors import NotDelivered, Undeliverable
from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.alert.network import (
    MESSAGE_S,
    TIMEOUT_S,
    Network,
    cut_off_after,
    in_words,
    no_answer,
    tls_context,
)

logger = logging.getLogger("zendesk_audit_assets.alert")

_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True)
class Mail:
    """E-mail to some addresses, through `smtp://user:password@host:587` or `smtps://…`.

    With smtp, STARTTLS is used where the server offers it, and insisted on where there is a password.
    """

    name: ClassVar[str] = "email"
    recipients: tuple[str, ...] = field(repr=False)  # personal
    url: str = field(repr=False)
    network: Network = field(default=Network(), repr=False)

    @property
    def sender(self) -> str:
        """The user of the server if that is an address, else the first recipient."""
        user = unquote(urlsplit(self.url).username or "")
        return user if "@" in user else self.recipients[0]

    def send(self, message: Message) -> None:
        parts = urlsplit(self.url)
        host, user, password = parts.hostname or "", unquote(parts.username or ""), unquote(parts.password or "")
        hidden = tuple(filter(None, (self.url, password, *self.recipients)))
        try:
            server = _SERVERS[parts.scheme](self.network, host, parts.port or _PORTS[parts.scheme])
            assert server.sock is not None  # its constructor has connected
            try:
                with cut_off_after(MESSAGE_S, server.sock):
                    if parts.scheme == "smtp":
                        _start_tls(server, host, required=bool(user))
                    if user:
                        server.login(user, password)
                    refused = server.send_message(self.email(message), self.sender, list(self.recipients))
            finally:
                # The server has taken the message or not; how it says good-bye changes nothing.
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()
                server.close()
        except (smtplib.SMTPException, OSError) as fault:
            raise _error(host, fault, hidden) from None  # the chain may hold what is hidden
        if refused:
            logger.warning("%s refused %d of %d recipients.", host, len(refused), len(self.recipients))

    def email(self, message: Message) -> EmailMessage:
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


class _Smtp(smtplib.SMTP):
    def __init__(self, network: Network, host: str, port: int) -> None:
        self._network = network
        super().__init__(host, port, timeout=TIMEOUT_S)  # it connects

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self._network.connect(host, port)


class _SmtpOverTls(_Smtp):
    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return tls_context().wrap_socket(super()._get_socket(host, port, timeout), server_hostname=host)


_SERVERS = {"smtp": _Smtp, "smtps": _SmtpOverTls}


def _start_tls(server: smtplib.SMTP, host: str, *, required: bool) -> None:
    server.ehlo_or_helo_if_needed()
    if server.has_extn("starttls"):
        server.starttls(context=tls_context())
    elif required:
        raise Undeliverable(
            f"{host} offers no encryption, and the password is not sent without.",
            "Use smtps:// if the server has it, or a server that offers STARTTLS.",
        )


def _error(host: str, fault: Exception, hidden: tuple[str, ...]) -> NotDelivered | Undeliverable:
    """SMTP's replies from 500 on are for good, those from 400 on for now (RFC 5321, 4.2.1)."""
    said: bytes | str
    if isinstance(fault, smtplib.SMTPRecipientsRefused):
        # With one of them refused for now only, it may arrive later.
        code, said = min(fault.recipients.values(), key=lambda reply: reply[0])
    elif isinstance(fault, smtplib.SMTPResponseException):
        code, said = fault.smtp_code, fault.smtp_error
    elif isinstance(fault, smtplib.SMTPNotSupportedError):
        code, said = 500, str(fault).encode()
    else:
        return no_answer(host, fault, hidden)
    told = in_words(said if isinstance(said, bytes) else str(said).encode(), hidden)
    if code >= 500:
        return Undeliverable(f"{host} refuses the e-mail: {code} {told}.", "Check user, password and recipients.")
    return NotDelivered(f"{host} does not take the e-mail now: {code} {told}.", "It will be tried again.")
