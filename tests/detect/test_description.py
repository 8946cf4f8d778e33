"""A finding reads like a colleague's sentence, with links that open the right account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from support.findings import EVENT_AT, finding
from zendesk_audit_assets.detect.description import describe
from zendesk_audit_assets.detect.finding import Finding

SITE = "https://acme.zendesk.com"


def described(site: str | None = SITE, **changes: Any) -> Any:
    row = finding(**changes)
    return describe(Finding.from_row(list(row), list(row.values())), site)


def test_a_description_says_what_when_where_and_links() -> None:
    assert described(event_ids=[7, 8], events=2).as_text.splitlines() == [
        "Ada Admin made Bob an administrator.",
        "Next: Ask Ada.",
        "When: 2026-03-01 11:59:00 UTC",
        "Account: acme.zendesk.com",
        "Events: 7, 8",
        "Object: https://acme.zendesk.com/agent/users/123",
        "Last event: https://acme.zendesk.com/api/v2/audit_logs/8.json",
    ]


@pytest.mark.parametrize(
    ("kind", "page"),
    [
        ("trigger", "/admin/objects-rules/rules/triggers/123"),
        ("ticket", "/agent/tickets/123"),
        ("account_setting", ""),
        (None, ""),
    ],
)
def test_an_object_is_linked_where_its_page_is_known(kind: str | None, page: str) -> None:
    assert described(object_type=kind).object_link == (SITE + page if page else "")
    assert described(object_type=kind, object_id=None).object_link == ""


@pytest.mark.parametrize("site", [None, "", "javascript:alert(1)", "no address"])
def test_nothing_is_linked_without_an_address(site: str | None) -> None:
    unknown = described(site)
    assert (unknown.account, unknown.object_link, unknown.event_link) == ("", "", "")


def test_a_finding_without_events_links_none() -> None:
    assert described(event_ids=[], batch_id=0).event_link == ""


def test_the_span_of_a_finding_is_short() -> None:
    assert described(last_event_at=EVENT_AT + timedelta(minutes=9)).when == "2026-03-01 11:59:00 to 12:08:00 UTC"
    over = described(last_event_at=EVENT_AT + timedelta(days=1)).when
    assert over == "2026-03-01 11:59:00 to 2026-03-02 11:59:00 UTC"


def test_a_description_is_masked_and_short() -> None:
    text = described(explanation=f"token: s3cr3tvalue {'long ' * 1_000}", event_ids=list(range(10_000))).as_text
    assert "s3cr3t" not in text
    assert len(text) < 2_000
    assert "98, 99, …" in text
