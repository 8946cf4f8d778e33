"""Which channels the settings configure, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from zendesk_audit_assets.alert.channels import CHANNELS, NAMES, channels_for
from zendesk_audit_assets.alert.channels.email import Email
from zendesk_audit_assets.alert.channels.pagerduty import PagerDuty
from zendesk_audit_assets.alert.channels.slack import Slack
from zendesk_audit_assets.alert.channels.webhook import Webhook
from zendesk_audit_assets.parsers import BadSettings
from zendesk_audit_assets.settings import Account

MAIL = {"ZENDESK_ALERT_SMTP_URL": "smtp://mail.example.com", "ZENDESK_ALERT_EMAIL_TO": "a@example.com"}
ALL = {
    "ZENDESK_ALERT_SLACK_URL": "https://hooks.slack.com/services/T/B/x",
    "ZENDESK_ALERT_WEBHOOK_URL": "https://example.com/alerts",
    "ZENDESK_ALERT_WEBHOOK_SECRET": "s3cret",
    "ZENDESK_ALERT_PAGERDUTY_KEY": "key",
    "ZENDESK_ALERT_EMAIL_TO": "a@example.com, b@example.com,",
    "ZENDESK_ALERT_SMTP_URL": "smtps://user:pass@mail.example.com",
}


def test_alerts_go_nowhere_unless_a_channel_is_configured() -> None:
    assert channels_for(Account()) == ()


def test_alerts_go_to_every_channel_that_is_configured() -> None:
    assert channels_for(Account.from_environ(ALL)) == (
        Email(("a@example.com", "b@example.com"), "smtps://user:pass@mail.example.com"),
        PagerDuty("key", "https://events.pagerduty.com/v2/enqueue"),
        Slack("https://hooks.slack.com/services/T/B/x"),
        Webhook("https://example.com/alerts", "s3cret"),
    )


def test_every_channel_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(CHANNELS)


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({"ZENDESK_ALERT_SLACK_URL": "hooks.slack.com/services/x"}, ["ZENDESK_ALERT_SLACK_URL", "https://"]),
        ({"ZENDESK_ALERT_SLACK_URL": "http://hooks.slack.com/services/x"}, ["ZENDESK_ALERT_SLACK_URL"]),
        ({"ZENDESK_ALERT_WEBHOOK_URL": "https://example.com/x"}, ["ZENDESK_ALERT_WEBHOOK_SECRET"]),
        ({"ZENDESK_ALERT_WEBHOOK_SECRET": "x"}, ["ZENDESK_ALERT_WEBHOOK_URL"]),
        ({"ZENDESK_ALERT_EMAIL_TO": "a@example.com"}, ["ZENDESK_ALERT_SMTP_URL"]),
        ({"ZENDESK_ALERT_SMTP_URL": "smtp://mail.example.com"}, ["ZENDESK_ALERT_EMAIL_TO"]),
        ({**MAIL, "ZENDESK_ALERT_SMTP_URL": "mail.example.com:25"}, ["ZENDESK_ALERT_SMTP_URL", "smtps://"]),
        (
            {**MAIL, "ZENDESK_ALERT_SMTP_URL": "smtp://AKIA:a/b@mail.example.com"},
            ["ZENDESK_ALERT_SMTP_URL", "/ as %2F"],
        ),
        ({**MAIL, "ZENDESK_ALERT_SMTP_URL": "smtp://me@here:x@mail.example.com"}, ["ZENDESK_ALERT_SMTP_URL", "%2F"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_FROM": "Audit <a@example.com>"}, ["ZENDESK_ALERT_EMAIL_FROM"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_FROM": "a@example.com, b@example.com"}, ["ZENDESK_ALERT_EMAIL_FROM"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_TO": "a@example.com, bob"}, ["ZENDESK_ALERT_EMAIL_TO", "bob"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_TO": "a@example.com\nBcc: b@example.com"}, ["ZENDESK_ALERT_EMAIL_TO"]),
        ({**MAIL, "ZENDESK_ALERT_EMAIL_TO": ","}, ["ZENDESK_ALERT_EMAIL_TO"]),
    ],
)
def test_a_wrong_setting_is_named_with_a_remedy(values: dict[str, str], names: list[str]) -> None:
    with pytest.raises(BadSettings) as error:
        channels_for(Account.from_environ(values))
    assert [name for name in names if name not in str(error.value)] == []


def test_http_is_refused_unless_it_is_allowed() -> None:
    plain = {"ZENDESK_ALERT_SLACK_URL": "http://10.0.0.1/hook"}
    with pytest.raises(BadSettings, match="https://"):
        channels_for(Account.from_environ(plain))
    allowed = Account.from_environ({**plain, "ZENDESK_ALERT_ALLOW_HTTP": "on"})
    assert channels_for(allowed) == (Slack("http://10.0.0.1/hook"),)


@pytest.mark.parametrize(
    "address",
    [
        "https:///", "https://x y.example/", "https://example.com/\n", "https://example.com:0/", "https://[::1/",
        "https://example.com:99999/", "https://*/", "https://*.example.com/", "https://a@b@c/", "https://a\\@b/",
        "https://127.1/", "https://0x7f000001/", "https://2130706433/", f"https://{'x' * 64}.example/",
        "https://example.com/ü", "https:///the-secret",
    ],
)  # fmt: skip
def test_a_wrong_address_is_named_and_never_repeated(address: str) -> None:
    with pytest.raises(BadSettings, match="ZENDESK_ALERT_SLACK_URL") as error:
        channels_for(Account.from_environ({"ZENDESK_ALERT_SLACK_URL": f"{address}the-secret"}))
    assert "the-secret" not in str(error.value)
