"""E-mail, over a real SMTP conversation."""

from __future__ import annotations

import smtplib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.receivers import trickling
from zendesk_audit_assets.alert.channels import email, exchange
from zendesk_audit_assets.alert.channels.email import Email
from zendesk_audit_assets.alert.errors import NotDelivered, Undeliverable
from zendesk_audit_assets.alert.message import message_for
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.settings import Account

TO = ("security@example.com", "lead@example.com")
MakeFinding = Callable[..., Finding]


def test_an_email_says_it_all_and_its_id_is_made_of_the_findings(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server()
    Email(TO, f"smtp://localhost:{server.port}").send(message_for(finding()))
    (mail,) = server.emails
    assert mail["Subject"] == "[HIGH] Admin role granted"
    assert mail["Message-ID"] == f"<{finding().uid}@zendesk-audit-assets>"
    assert mail["To"] == "security@example.com, lead@example.com"
    assert mail["From"] == "security@example.com"
    assert "Actor: Ada Admin (1000001)" in mail.get_content()
    assert [line.lower() for line in server.commands if line.lower().startswith("rcpt")] == [
        "rcpt to:<security@example.com>",
        "rcpt to:<lead@example.com>",
    ]


def test_the_same_finding_sent_again_has_the_same_id(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server()
    for _ in range(2):
        Email(TO, f"smtp://localhost:{server.port}").send(message_for(finding()))
    assert len({email["Message-ID"] for email in server.emails}) == 1


def test_a_label_cannot_add_a_header_or_a_recipient(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server()
    forged = finding(title="Hello\r\nBcc: evil@example.com\r\n\r\n.\r\nRCPT TO:<evil@example.com>", explanation="\r\n.")
    Email(TO, f"smtp://localhost:{server.port}").send(message_for(forged))
    (mail,) = server.emails
    assert mail["Bcc"] is None
    assert not any("evil" in line for line in server.commands)


def test_words_in_any_language_arrive(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server()
    Email(TO, f"smtp://localhost:{server.port}").send(message_for(finding(title="管理者 für Jürgen")))
    assert server.emails[0]["Subject"] == "[HIGH] 管理者 für Jürgen"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_sent_encrypted_only(
    mail_server: Any, finding: MakeFinding, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = mail_server(
        certificate=str(certificate),
        tls_from_the_start=scheme == "smtps",
        offers=["AUTH PLAIN", "STARTTLS"][: 1 + (scheme == "smtp")],
    )
    url = f"{scheme}://alerts%40example.com:p%3Ass@localhost:{server.port}"
    Email(TO, url).send(message_for(finding()))
    assert len(server.emails) == 1
    assert server.emails[0]["From"] == "alerts@example.com"
    verbs = [line.split()[0] for line in server.commands]
    assert ("STARTTLS" in verbs) == (scheme == "smtp")
    assert any(line.startswith("AUTH PLAIN AGFsZXJ0c0BleGFtcGxlLmNvbQBwOnNz") for line in server.commands)


def test_without_encryption_a_password_is_not_sent(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server(offers=["AUTH PLAIN"])
    with pytest.raises(Undeliverable, match="offers no encryption") as error:
        Email(TO, f"smtp://user:pass@localhost:{server.port}").send(message_for(finding()))
    assert error.value.permanent
    assert not any(line.startswith("AUTH") for line in server.commands)


def test_a_certificate_for_another_name_is_not_accepted(
    mail_server: Any, finding: MakeFinding, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = mail_server(certificate=str(certificate), offers=["STARTTLS"])
    with pytest.raises(NotDelivered, match="certificate"):
        Email(TO, f"smtp://127.0.0.1:{server.port}").send(message_for(finding()))
    assert server.emails == []


@pytest.mark.parametrize(
    ("replies", "error"),
    [
        ({"MAIL": "451 later"}, NotDelivered),
        ({"MAIL": "550 never"}, Undeliverable),
        ({"RCPT": "450 greylisted"}, NotDelivered),
        ({"RCPT": "550 no such user security@example.com"}, Undeliverable),
        ({"DATA": "421 going down"}, NotDelivered),
        ({"accepted": "452 no room"}, NotDelivered),
        ({"accepted": "554 spam"}, Undeliverable),
    ],
)
def test_what_may_pass_is_told_from_what_will_not(
    mail_server: Any, finding: MakeFinding, replies: dict[str, str], error: type[Exception]
) -> None:
    server = mail_server(replies=replies)
    with pytest.raises(error) as raised:
        Email(TO, f"smtp://localhost:{server.port}").send(message_for(finding()))
    assert "security@example.com" not in str(raised.value)


def test_a_refused_sender_is_named_with_its_setting(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server(replies={"MAIL": "550 security@example.com is not verified"})
    with pytest.raises(Undeliverable, match=r"refuses the sender.*ZENDESK_ALERT_EMAIL_FROM") as error:
        Email(TO, f"smtp://localhost:{server.port}").send(message_for(finding()))
    assert "security@example.com" not in str(error.value)


def test_the_sender_can_be_set(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server()
    values = {
        "ZENDESK_ALERT_EMAIL_TO": TO[0],
        "ZENDESK_ALERT_EMAIL_FROM": "audit@example.com",
        "ZENDESK_ALERT_SMTP_URL": f"smtp://localhost:{server.port}",
    }
    channel = Email.from_account(Account.from_environ(values))
    assert channel is not None
    channel.send(message_for(finding()))
    assert server.emails[0]["From"] == "audit@example.com"
    assert any(line.lower().startswith("mail from:<audit@example.com>") for line in server.commands)


@pytest.mark.parametrize(
    ("user", "loopback", "allowed", "sent"),
    [("", True, False, True), ("", False, False, False), ("", False, True, True), ("user:pass@", True, True, False)],
)
def test_without_encryption_an_alert_stays_on_this_machine(
    mail_server: Any,
    finding: MakeFinding,
    monkeypatch: pytest.MonkeyPatch,
    user: str,
    loopback: bool,
    allowed: bool,
    sent: bool,
) -> None:
    server = mail_server(offers=["AUTH PLAIN"])  # as after somebody on the way took STARTTLS out
    host = "localhost" if loopback else "relay.example.com"
    monkeypatch.setattr(email, "_connect", lambda *_: smtplib.SMTP("localhost", server.port, timeout=email.TIMEOUT_S))
    channel = Email(TO, f"smtp://{user}{host}:25", allow_plain=allowed)
    if sent:
        channel.send(message_for(finding()))
    else:
        with pytest.raises(Undeliverable, match="offers no encryption"):
            channel.send(message_for(finding()))
    assert len(server.emails) == sent
    assert sent or not any(line.lower().startswith(("mail", "auth ")) for line in server.commands)


def test_a_server_that_says_goodbye_badly_has_taken_the_message(mail_server: Any, finding: MakeFinding) -> None:
    server = mail_server(replies={"QUIT": "500 what?"})
    Email(TO, f"smtp://localhost:{server.port}").send(message_for(finding()))
    assert len(server.emails) == 1


def test_nobody_there_may_pass(finding: MakeFinding) -> None:
    with pytest.raises(NotDelivered, match="No answer from localhost"):
        Email(TO, "smtp://user:pass-word@localhost:1").send(message_for(finding()))


def test_a_greeting_that_trickles_is_cut_off(finding: MakeFinding, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "EXCHANGE_S", 0.3)
    with (
        trickling(b"220-") as port,
        pytest.raises(NotDelivered, match=r"No answer from localhost \(it took more than 0\.3 s\)"),
    ):
        Email(TO, f"smtp://localhost:{port}").send(message_for(finding()))


def test_neither_password_nor_recipients_are_in_its_repr() -> None:
    shown = repr(Email(TO, "smtp://user:pass-word@localhost"))
    assert "pass-word" not in shown
    assert "security@" not in shown
