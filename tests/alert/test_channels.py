"""What Slack, a webhook and PagerDuty are sent, over real HTTP."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Any

import pytest

from zendesk_audit_assets.alert.channels.email import Email
from zendesk_audit_assets.alert.channels.pagerduty import PagerDuty
from zendesk_audit_assets.alert.channels.slack import Slack
from zendesk_audit_assets.alert.channels.webhook import Webhook
from zendesk_audit_assets.alert.errors import NotDelivered, Undeliverable
from zendesk_audit_assets.alert.message import message_for, message_for_suppressed
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.severity import SEVERITIES

MakeFinding = Callable[..., Finding]


def texts(value: Any) -> list[str]:
    """Every text of a Block Kit message but the fallback."""
    if isinstance(value, dict):
        return [value["text"]] if value.get("type") == "plain_text" else [t for v in value.values() for t in texts(v)]
    return [text for one in value for text in texts(one)] if isinstance(value, list) else []


def test_slack_is_sent_a_message_of_blocks(receiver: Any, finding: MakeFinding) -> None:
    Slack(f"{receiver.url}/services/T/B/x").send(message_for(finding()))
    (request,) = receiver.received
    assert request.path == "/services/T/B/x"
    assert request.headers["content-type"] == "application/json"
    assert request.json["text"] == "[HIGH] Admin role granted"
    shown = texts(request.json["blocks"])
    assert shown[:2] == ["[HIGH] Admin role granted", "Ada Admin made Bob an administrator."]
    assert "Actor: Ada Admin (1000001)" in shown
    assert shown[-1] == finding().uid


def test_a_label_cannot_call_everybody_or_forge_a_link_in_slack(receiver: Any, finding: MakeFinding) -> None:
    forged = "<!channel> & <https://evil.example|Zendesk>"
    Slack(receiver.url).send(message_for(finding(title=forged, object_label=forged)))
    sent = receiver.received[0].json
    assert sent["text"] == "[HIGH] &lt;!channel&gt; &amp; &lt;https://evil.example|Zendesk&gt;"
    assert b"mrkdwn" not in receiver.received[0].body


def test_the_longest_message_keeps_within_what_slack_takes(receiver: Any, finding: MakeFinding) -> None:
    long = dict.fromkeys(("title", "explanation", "actor_name", "object_label", "ip_address"), "x" * 10000)
    many = {"event_ids": [10**18 + n for n in range(1_000)], "attack": ["T1098.003"] * 500, "experimental": True}
    Slack(receiver.url).send(message_for(finding(**long, **many)))
    blocks = receiver.received[0].json["blocks"]
    assert len(blocks) <= 50
    assert len(blocks[0]["text"]["text"]) <= 150
    for block in blocks:
        assert len(block.get("fields", [])) <= 10
        assert all(0 < len(text) <= 2_000 for text in texts(block))


def test_slack_gets_no_empty_text(receiver: Any, finding: MakeFinding) -> None:
    Slack(receiver.url).send(message_for(finding(explanation="")))
    assert all(texts(receiver.received[0].json["blocks"]))


def test_the_webhook_gets_a_key_and_signs_time_and_body(receiver: Any, finding: MakeFinding) -> None:
    Webhook(f"{receiver.url}/alerts", "s3cret", clock=lambda: 1_772_366_400.9).send(message_for(finding()))
    (request,) = receiver.received
    assert request.json == message_for(finding()).as_json
    assert request.headers["idempotency-key"] == finding().uid
    assert request.headers["x-timestamp"] == "1772366400"
    expected = hmac.new(b"s3cret", b"1772366400." + request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-signature"] == f"sha256={expected}"


@pytest.mark.parametrize(
    ("severity", "as_pagerduty_says"),
    list(zip(SEVERITIES, ["info", "info", "warning", "error", "critical"], strict=True)),
)
def test_pagerduty_is_sent_an_event_that_it_can_deduplicate(
    receiver: Any, finding: MakeFinding, severity: str, as_pagerduty_says: str
) -> None:
    channel = PagerDuty("routing-key", f"{receiver.url}/v2/enqueue")
    receiver.says(202, b'{"status": "success"}')
    channel.send(message_for(finding(severity=severity)))
    event = receiver.received[0].json
    assert (event["routing_key"], event["event_action"]) == ("routing-key", "trigger")
    assert event["dedup_key"] == finding().uid
    assert event["payload"]["severity"] == as_pagerduty_says
    assert event["payload"]["summary"] == f"[{severity.upper()}] Admin role granted"
    assert event["payload"]["source"]
    assert event["payload"]["custom_details"]["actor"] == "Ada Admin (1000001)"


def test_every_channel_names_the_account(receiver: Any, finding: MakeFinding) -> None:
    message = message_for(finding(), "https://acme.zendesk.com")
    for channel in all_channels(receiver.url):
        channel.send(message)
    assert len(receiver.received) == 3
    assert all(b"acme.zendesk.com" in request.body for request in receiver.received)
    assert receiver.received[2].json["payload"]["source"] == "acme.zendesk.com"
    assert Email(("a@example.com",), "smtp://localhost").compose(message)["Subject"].endswith("(acme.zendesk.com)")


def all_channels(url: str) -> list[Any]:
    return [
        Slack(f"{url}/services/T/B/the-secret"),
        Webhook(f"{url}/hook", "the-secret"),
        PagerDuty("the-secret", f"{url}/v2/enqueue"),
    ]


@pytest.mark.parametrize("number", range(3))
def test_every_channel_resends_with_the_same_key(receiver: Any, finding: MakeFinding, number: int) -> None:
    channel = all_channels(receiver.url)[number]
    for message in (message_for(finding()), message_for(finding()), message_for_suppressed({"a": "high"})):
        channel.send(message)
    first, again, other = receiver.received
    assert finding().uid in first.body.decode() + str(first.headers)
    assert finding().uid in again.body.decode() + str(again.headers)
    assert message_for_suppressed({"a": "high"}).key in other.body.decode() + str(other.headers)


def test_each_channel_tells_a_reopened_finding_as_a_new_one(receiver: Any, finding: MakeFinding) -> None:
    first, again = message_for(finding()), message_for(finding(), None, f"{finding().uid}-1772366400000000")
    assert again.as_json["uid"] == finding().uid
    assert again.as_json["reopened_at"] == f"{finding().found_at:%Y-%m-%dT%H:%M:%SZ}"
    for channel in all_channels(receiver.url):
        channel.send(first)
        channel.send(again)
    slack, webhook, pagerduty = (receiver.received[start : start + 2] for start in (0, 2, 4))
    emails = [Email(("a@example.com",), "smtp://localhost").compose(message) for message in (first, again)]
    keys = (
        [request.json["blocks"][-1]["elements"][0]["text"] for request in slack],
        [request.headers["idempotency-key"] for request in webhook],
        [request.json["dedup_key"] for request in pagerduty],
        [email["Message-ID"].strip("<>").partition("@")[0] for email in emails],
    )
    assert all(pair == [first.key, again.key] for pair in keys)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize(("status", "error"), [(500, NotDelivered), (429, NotDelivered), (403, Undeliverable)])
def test_every_channel_reports_a_refusal_without_its_secrets(
    receiver: Any, finding: MakeFinding, number: int, status: int, error: type[Exception]
) -> None:
    channel = all_channels(receiver.url)[number]
    receiver.says(status, b"not with the-secret")
    with pytest.raises(error) as raised:
        channel.send(message_for(finding()))
    assert "not with ***" in str(raised.value)
    assert "the-secret" not in repr(channel)
