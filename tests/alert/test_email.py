"""E-mail, over a real SMTP conversation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets.alert import (
    Mail,
    Network,
    NotDelivered,
    PrivateTarget,
    Undeliverable,
    of_finding,
)

ANYWHERE = Network(allow_private=True)
TO = ("security@example.com", "lead@example.com")
Finding = Callable[..., dict[str, Any]]


def test_an_email_says_it_all_and_its_id_is_made_of_the_findings(mail_server: Any, finding: Finding) -> None:
    server = mail_server()
    Mail(TO, f"smtp://localhost:{server.port}", ANYWHERE).send(of_finding(finding()))
    (email,) = server.emails
    assert email["Subject"] == "[HIGH] Admin role granted"
    assert email["Message-ID"] == f"<{finding()['uid']}@zendesk-audit-assets>"
    assert email["To"] == "security@example.com, lead@example.com"
    assert email["From"] == "security@example.com"
    assert "Actor: Ada Admin (1000001)" in email.get_content()
    assert [line.lower() for line in server.commands if line.lower().startswith("rcpt")] == [
        "rcpt to:<security@example.com>",
        "rcpt to:<lead@example.com>",
    ]


def test_the_same_finding_sent_again_has_the_same_id(mail_server: Any, finding: Finding) -> None:
    server = mail_server()
    for _ in range(2):
        Mail(TO, f"smtp://localhost:{server.port}", ANYWHERE).send(of_finding(finding()))
    assert len({email["Message-ID"] for email in server.emails}) == 1


def test_a_label_cannot_add_a_header_or_a_recipient(mail_server: Any, finding: Finding) -> None:
    server = mail_server()
    forged = finding(title="Hello\r\nBcc: evil@example.com\r\n\r\n.\r\nRCPT TO:<evil@example.com>", explanation="\r\n.")
    Mail(TO, f"smtp://localhost:{server.port}", ANYWHERE).send(of_finding(forged))
    (email,) = server.emails
    assert email["Bcc"] is None
    assert not any("evil" in line for line in server.commands)


def test_words_in_any_language_arrive(mail_server: Any, finding: Finding) -> None:
    server = mail_server()
    Mail(TO, f"smtp://localhost:{server.port}", ANYWHERE).send(of_finding(finding(title="管理者 für Jürgen")))
    assert server.emails[0]["Subject"] == "[HIGH] 管理者 für Jürgen"


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_password_is_sent_encrypted_only(
    mail_server: Any, finding: Finding, certificate: Path, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = mail_server(
        certificate=str(certificate),
        tls_from_the_start=scheme == "smtps",
        offers=["AUTH PLAIN", "STARTTLS"][: 1 + (scheme == "smtp")],
    )
    url = f"{scheme}://alerts%40example.com:p%3Ass@localhost:{server.port}"
    Mail(TO, url, ANYWHERE).send(of_finding(finding()))
    assert len(server.emails) == 1
    assert server.emails[0]["From"] == "alerts@example.com"
    verbs = [line.split()[0] for line in server.commands]
    assert ("STARTTLS" in verbs) == (scheme == "smtp")
    assert any(line.startswith("AUTH PLAIN AGFsZXJ0c0BleGFtcGxlLmNvbQBwOnNz") for line in server.commands)


def test_without_encryption_a_password_is_not_sent(mail_server: Any, finding: Finding) -> None:
    server = mail_server(offers=["AUTH PLAIN"])
    with pytest.raises(Undeliverable, match="offers no encryption") as error:
        Mail(TO, f"smtp://user:pass@localhost:{server.port}", ANYWHERE).send(of_finding(finding()))
    assert error.value.permanent
    assert not any(line.startswith("AUTH") for line in server.commands)


def test_a_certificate_for_another_name_is_not_accepted(
    mail_server: Any, finding: Finding, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    server = mail_server(certificate=str(certificate), offers=["STARTTLS"])
    with pytest.raises(NotDelivered, match="certificate"):
        Mail(TO, f"smtp://127.0.0.1:{server.port}", ANYWHERE).send(of_finding(finding()))
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
    mail_server: Any, finding: Finding, replies: dict[str, str], error: type[Exception]
) -> None:
    server = mail_server(replies=replies)
    with pytest.raises(error) as raised:
        Mail(TO, f"smtp://localhost:{server.port}", ANYWHERE).send(of_finding(finding()))
    assert "security@example.com" not in str(raised.value)


def test_a_server_that_says_goodbye_badly_has_taken_the_message(mail_server: Any, finding: Finding) -> None:
    server = mail_server(replies={"QUIT": "500 what?"})
    Mail(TO, f"smtp://localhost:{server.port}", ANYWHERE).send(of_finding(finding()))
    assert len(server.emails) == 1


def test_nobody_there_may_pass(finding: Finding) -> None:
    with pytest.raises(NotDelivered, match="No answer from localhost"):
        Mail(TO, "smtp://user:pass-word@localhost:1", ANYWHERE).send(of_finding(finding()))


def test_a_private_mail_server_is_refused_unless_allowed(mail_server: Any, finding: Finding) -> None:
    server = mail_server()
    with pytest.raises(PrivateTarget):
        Mail(TO, f"smtp://localhost:{server.port}").send(of_finding(finding()))
    assert server.commands == []


def test_neither_password_nor_recipients_are_in_its_repr() -> None:
    shown = repr(Mail(TO, "smtp://user:pass-word@localhost"))
    assert "pass-word" not in shown
    assert "security@" not in shown
