"""docs/alerts.md is true: its message, its numbers, and the receiver that it shows."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets.alert import deliver, outbox
from zendesk_audit_assets.alert.channels.pagerduty import SEVERITY
from zendesk_audit_assets.alert.channels.webhook import Webhook
from zendesk_audit_assets.alert.message import message_for
from zendesk_audit_assets.detect.finding import Finding

TEXT = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")
MakeFinding = Callable[..., Finding]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def test_the_message_that_is_shown_is_what_is_sent(finding: MakeFinding) -> None:
    assert json.loads(block("json")) == message_for(finding(), "https://acme.zendesk.com").as_json


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"at most {outbox.MAX_MESSAGES} messages" in TEXT
    *minutes, last = [int(pause.total_seconds() // 60) for pause in outbox.PAUSES]
    assert f"after {', '.join(map(str, minutes))} and then every {last} minutes" in " ".join(TEXT.split())
    assert f"after {outbox.MAX_ATTEMPTS} tries" in TEXT
    assert deliver.CHANNEL_S == 60


def test_the_severities_of_pagerduty_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| ((?:informational|medium|high|critical)[a-z, ]*) \| (\w+) \|$", TEXT, re.MULTILINE)
    shown = {here: there for several, there in rows for here in several.split(", ")}
    assert shown == SEVERITY


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The receiver's check, as it is shown."""
    shown: dict[str, Any] = {}
    exec(block("python"), shown)
    check: Callable[..., bool] = shown["is_genuine"]
    return check


def sent(
    receiver: Any, finding: MakeFinding, secret: str = "s3cret", now: float | None = None
) -> tuple[dict[str, str], bytes]:
    """Headers by the names that are shown, and the body, as they arrive."""
    clock = time.time if now is None else lambda: now
    Webhook(receiver.url, secret, clock=clock).send(message_for(finding()))
    request = receiver.received[-1]
    return {name.title(): value for name, value in request.headers.items()}, request.body


def test_the_check_that_is_shown_accepts_what_is_sent(receiver: Any, finding: MakeFinding, is_genuine: Any) -> None:
    headers, body = sent(receiver, finding)
    assert is_genuine(headers, body, "s3cret") is True


def test_the_shown_check_refuses_changed_forged_or_replayed(
    receiver: Any, finding: MakeFinding, is_genuine: Any
) -> None:
    headers, body = sent(receiver, finding)
    assert not is_genuine(headers, body.replace(b"high", b"low"), "s3cret")
    assert not is_genuine({**headers, "X-Timestamp": str(int(headers["X-Timestamp"]) + 1)}, body, "s3cret")
    assert not is_genuine(*sent(receiver, finding, secret="another"), "s3cret")
    assert not is_genuine(*sent(receiver, finding, now=time.time() - 301), "s3cret")
