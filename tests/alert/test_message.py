"""What is said of a finding: complete, masked, on one line, bounded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support import findings
from zendesk_audit_assets.alert.message import message_for, message_for_suppressed
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.severity import SEVERITIES

SECRET = "Bearer s3cr3t-0123456789abcdef"
FREE_TEXT = ("title", "explanation", "remedy", "actor_name", "object_label", "object_type", "ip_address", "rule")

MakeFinding = Callable[..., Finding]


def test_a_message_says_what_is_known_of_the_finding(finding: MakeFinding) -> None:
    message = message_for(finding())
    assert message.headline == "[HIGH] Admin role granted"
    assert message.as_json == {
        "kind": "finding",
        "key": finding().uid,
        "severity": "high",
        "title": "Admin role granted",
        "explanation": "Ada Admin made Bob an administrator.",
        "remedy": "Ask Ada.",
        "rule": "ZD-002",
        "actor": "Ada Admin (1000001)",
        "object": "User: Bob (user:123)",
        "ip_address": "203.0.113.7",
        "first_event_at": "2026-03-01T11:59:00Z",
        "last_event_at": "2026-03-01T11:59:00Z",
        "events": 1,
        "event_ids": [1],
        "attack": ["T1098.003"],
    }
    assert message.as_text.splitlines()[:5] == [
        "Ada Admin made Bob an administrator.",
        "",
        "Next: Ask Ada.",
        "Rule: ZD-002",
        "Actor: Ada Admin (1000001)",
    ]


def test_a_message_names_the_account_and_links_into_it(finding: MakeFinding) -> None:
    message = message_for(finding(), "https://acme.zendesk.com")
    assert message.headline == "[HIGH] Admin role granted (acme.zendesk.com)"
    assert message.as_json["account"] == "acme.zendesk.com"
    assert message.as_json["object_link"] == "https://acme.zendesk.com/agent/users/123"
    assert message.as_json["event_link"] == "https://acme.zendesk.com/api/v2/audit_logs/1.json"
    many = message_for_suppressed({"a": "high"}, "https://acme.zendesk.com")
    assert (many.headline[-18:], many.as_json["account"]) == ("(acme.zendesk.com)", "acme.zendesk.com")


def test_what_is_not_known_is_left_out(finding: MakeFinding) -> None:
    unknown = dict.fromkeys(("actor_id", "actor_name", "object_type", "object_id", "object_label", "ip_address"))
    bare = finding(**unknown, events=0, event_ids=[], attack=[], explanation="", remedy=None)
    facts = {"kind", "key", "severity", "title", "explanation", "rule", "first_event_at", "last_event_at"}
    assert message_for(bare).as_json.keys() == facts


def test_a_finding_of_an_experimental_rule_says_so(finding: MakeFinding) -> None:
    message = message_for(finding(experimental=True))
    assert message.as_json["experimental"] is True
    assert "Experimental rule: yes" in message.as_text


def test_times_are_in_utc_wherever_they_were_read(finding: MakeFinding) -> None:
    elsewhere = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=9)))
    assert message_for(finding(last_event_at=elsewhere)).as_json["last_event_at"] == "2026-02-28T16:00:00Z"


@pytest.mark.parametrize("column", FREE_TEXT)
def test_every_text_is_masked(finding: MakeFinding, column: str) -> None:
    message = message_for(finding(**{column: f"sent {SECRET} there"}))
    assert "s3cr3t" not in repr(message)
    assert "[masked]" in repr(message)


@given(st.integers(0, 1_200))
def test_a_secret_is_masked_wherever_the_text_is_cut(position: int) -> None:
    row = findings.finding(explanation=f"{'x ' * position}{SECRET}")
    assert "s3cr3t" not in message_for(Finding.from_row(list(row), list(row.values()))).explanation


@pytest.mark.parametrize("end", range(1, 30))
def test_a_secret_of_which_only_the_beginning_is_left_is_not_shown(finding: MakeFinding, end: int) -> None:
    url = "https://user:pass-word@host.example/path"
    explanation = message_for(finding(explanation=f"Target changed to {url[:end]}…")).explanation
    assert explanation == "Target changed to …"


@pytest.mark.parametrize("column", FREE_TEXT)
def test_every_text_is_one_line_and_bounded(finding: MakeFinding, column: str) -> None:
    message = message_for(finding(**{column: "a\r\nBcc: everybody@example.com\u202e\x1b[2J\u2028" + "long " * 1_000}))
    (text,) = [text for text in (message.title, message.explanation, *_texts(message)) if "Bcc" in text]
    assert text.isprintable()
    assert len(text) <= 1_000


def test_many_event_ids_are_cut(finding: MakeFinding) -> None:
    ids = message_for(finding(event_ids=list(range(10_000)), events=10_000)).as_json["event_ids"]
    assert ids == list(range(100))


def test_many_findings_are_counted_by_severity_in_one_message() -> None:
    message = message_for_suppressed({"a": "high", "b": "critical", "c": "high"})
    assert (message.kind, message.severity) == ("suppressed", "critical")
    assert message.title == "3 more findings suppressed"
    assert "1 critical, 2 high" in message.explanation
    assert message.as_json["high"] == 2
    assert message.as_json["critical"] == 1


@given(st.dictionaries(st.text("abcdef", min_size=1), st.sampled_from(SEVERITIES), min_size=1))
def test_the_key_of_the_message_for_many_ignores_their_order(some: dict[str, str]) -> None:
    reordered = dict(reversed(list(some.items())))
    assert message_for_suppressed(some).key == message_for_suppressed(reordered).key
    assert message_for_suppressed(some).key != message_for_suppressed({**some, "g": "low"}).key


def _texts(message: Any) -> list[str]:
    return [fact.text for fact in message.facts]
