"""docs/alerts.md is true: its settings, its message, its table, its query, and the receiver that it shows."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from zendesk_audit_assets import Account, build_definitions, settings
from zendesk_audit_assets.alert import Network, Webhook, deliver, of_finding, outbox
from zendesk_audit_assets.alert.channels import _PAGERDUTY_SEVERITY
from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect.findings import FINDINGS

TEXT = (Path(__file__).parents[2] / "docs" / "alerts.md").read_text("utf-8")
Finding = Callable[..., dict[str, Any]]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return str(found)


def test_every_setting_of_alerts_is_listed_as_in_the_code() -> None:
    rows = [
        f"| `{one.name}` | {one.default and f'`{one.default}`'} | {one.description}{one.secret * ' **Secret.**'} |"
        for one in settings.VARIABLES
        if one.name.startswith("ZENDESK_ALERT_")
    ]
    listed = [line for line in TEXT.splitlines() if line.startswith("| `ZENDESK_")]
    assert listed == [row.replace("|  |", "| |") for row in rows]


def test_the_message_that_is_shown_is_what_is_sent(finding: Finding) -> None:
    assert json.loads(block("json")) == of_finding(finding()).as_json


def test_every_column_of_the_table_is_described_as_in_the_code() -> None:
    rows = [
        f"| `{one.name}` | {one.type}{' NOT NULL' if one.required else ''} | {one.description} | |"
        for one in DELIVERIES.columns
    ]
    section = TEXT.partition("## The table alert_deliveries\n")[2]
    assert [line for line in section.splitlines() if line.startswith("| `")] == rows


@pytest.mark.parametrize("query", re.findall(r"^```sql\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL))
def test_the_queries_find_what_they_look_for(query: str) -> None:
    now = datetime(2026, 1, 1, tzinfo=timezone.utc)
    with duckdb.connect() as connection:
        connection.execute(DELIVERIES.ddl)
        connection.execute(FINDINGS.ddl)
        for uid, status in (("one", "sent"), ("other", "failed")):
            connection.execute(
                f"INSERT INTO findings BY NAME SELECT '{uid}' AS uid, 'id' AS rule_id, 'ZD-1' AS rule, "
                "'high' AS severity, 'Title' AS title, 'So.' AS explanation, $1 AS first_event_at, "
                "$1 AS last_event_at, 1 AS events, [1] AS event_ids, [] AS attack, false AS experimental, "
                "'open' AS status, $1 AS found_at, 1 AS batch_id",
                [now],
            )
            connection.execute(
                "INSERT INTO alert_deliveries BY NAME SELECT $1 AS uid, 'slack' AS channel, $2 AS status, "
                "1 AS attempts, $3 AS last_tried_at, CASE WHEN $2 = 'sent' THEN $3 END AS sent_at",
                [uid, status, now + timedelta(seconds=40)],
            )
        assert len(connection.execute(query).fetchall()) == 1


def test_a_run_accepts_the_configuration_that_is_shown() -> None:
    job = build_definitions(Account()).resolve_job_def("deliver_alerts")
    assert dg.validate_run_config(job, yaml.safe_load(block("yaml")))


def test_the_numbers_are_those_of_the_code() -> None:
    assert f"at most {outbox.MOST_MESSAGES} messages" in TEXT
    *minutes, last = [int(pause.total_seconds() // 60) for pause in outbox.PAUSES]
    assert f"after {', '.join(map(str, minutes))} and then every {last} minutes" in " ".join(TEXT.split())
    assert f"after {outbox.MOST_ATTEMPTS} tries" in TEXT
    assert deliver.CHANNEL_S == 60


def test_the_severities_of_pagerduty_are_those_of_the_code() -> None:
    rows = re.findall(r"^\| ((?:informational|medium|high|critical)[a-z, ]*) \| (\w+) \|$", TEXT, re.MULTILINE)
    shown = {here: there for several, there in rows for here in several.split(", ")}
    assert shown == _PAGERDUTY_SEVERITY


def test_links_within_the_page_lead_somewhere() -> None:
    anchors = [
        re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^## (.+)$", TEXT, re.M)
    ]
    assert re.findall(r"\]\(#([^)]+)\)", TEXT) == anchors
    assert all(one != other for one, other in pairwise(anchors))


@pytest.fixture
def is_genuine() -> Callable[..., bool]:
    """The receiver's check, as it is shown."""
    shown: dict[str, Any] = {}
    exec(block("python"), shown)
    check: Callable[..., bool] = shown["is_genuine"]
    return check


def sent(
    receiver: Any, finding: Finding, secret: str = "s3cret", now: float | None = None
) -> tuple[dict[str, str], bytes]:
    """Headers by the names that are shown, and the body, as they arrive."""
    clock = time.time if now is None else lambda: now
    Webhook(receiver.url, secret, Network(allow_private=True), clock=clock).send(of_finding(finding()))
    request = receiver.received[-1]
    return {name.title(): value for name, value in request.headers.items()}, request.body


def test_the_check_that_is_shown_accepts_what_is_sent(receiver: Any, finding: Finding, is_genuine: Any) -> None:
    headers, body = sent(receiver, finding)
    assert is_genuine(headers, body, "s3cret") is True


def test_the_check_that_is_shown_refuses_what_was_changed_forged_or_recorded(
    receiver: Any, finding: Finding, is_genuine: Any
) -> None:
    headers, body = sent(receiver, finding)
    assert not is_genuine(headers, body.replace(b"high", b"low"), "s3cret")
    assert not is_genuine({**headers, "X-Timestamp": str(int(headers["X-Timestamp"]) + 1)}, body, "s3cret")
    assert not is_genuine(*sent(receiver, finding, secret="another"), "s3cret")
    assert not is_genuine(*sent(receiver, finding, now=time.time() - 301), "s3cret")
