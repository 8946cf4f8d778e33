"""Filters and parameters: the records they select, and the 400 for invalid ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from zendesk_audit_assets.emulator import Emulator, EmulatorOptions

BASE = "/api/v2/audit_logs?page[size]=100&sort=created_at"
EVENTS: list[dict[str, Any]] = [
    {"id": 1, "created_at": "2025-01-01T00:00:00Z", "action": "login", "source_type": "user", "source_id": 7},
    {"id": 2, "created_at": "2025-01-01T00:00:01Z", "action": "update", "source_type": "rule", "source_id": 7},
    {"id": 3, "created_at": "2025-01-01T00:00:02Z", "action": "destroy", "source_type": "user", "actor_id": -1,
     "ip_address": None},
    {"id": 4, "created_at": "2025-01-01T00:00:03Z", "action": "create", "source_type": "zendesk/app_market/app",
     "ip_address": "2001:db8::7"},
]  # fmt: skip


@pytest.fixture(scope="module")
def zendesk() -> Iterator[Emulator]:
    with Emulator(EmulatorOptions(events=EVENTS)) as emulator:
        yield emulator


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("filter[action]=login", [1]),
        ("filter[action][]=login&filter[action][]=create", [1, 4]),
        ("filter%5Baction%5D%5B%5D=login&filter%5Baction%5D%5B%5D=create", [1, 4]),
        ("filter[action]=login&filter[action]=create", [4]),
        ("filter[actor_id]=-1", [3]),
        ("filter[ip_address]=2001:db8::7", [4]),
        ("filter[source_type]=user", [1, 3]),
        ("filter[source_type]=zendesk%2Fapp_market%2Fapp", [4]),
        ("filter[source_type]=user&filter[source_id]=7", [1]),
        ("filter[source_type]=user&filter[action]=destroy", [3]),
        ("filter[action]=unheard_of", []),
        ("filter[colour]=red", [1, 2, 3, 4]),
        ("start_time=1735689602", [1, 2, 3, 4]),
    ],
)
def test_filters_combine(zendesk: Emulator, ask: Callable, query: str, expected: list[int]) -> None:
    records = ask(zendesk, f"{BASE}&{query}").json()["audit_logs"]
    assert [record["id"] for record in records] == expected


def window(start: str, end: str) -> str:
    return f"filter[created_at][]=2025-01-01T{start}Z&filter[created_at][]=2025-01-01T{end}Z"


def test_a_window_includes_both_its_seconds(zendesk: Emulator, ask: Callable) -> None:
    records = ask(zendesk, f"{BASE}&{window('00:00:01', '00:00:02')}").json()["audit_logs"]
    assert [record["id"] for record in records] == [2, 3]


def test_a_window_may_be_told_to_exclude_both(start: Callable, ask: Callable) -> None:
    zendesk = start(events=EVENTS, bounds="exclusive")
    records = ask(zendesk, f"{BASE}&{window('00:00:00', '00:00:03')}").json()["audit_logs"]
    assert [record["id"] for record in records] == [2, 3]
    assert ask(zendesk, f"{BASE}&{window('00:00:01', '00:00:01')}").json()["audit_logs"] == []


def test_a_window_that_ends_before_it_starts_is_empty(zendesk: Emulator, ask: Callable) -> None:
    assert ask(zendesk, f"{BASE}&{window('00:00:03', '00:00:01')}").json()["audit_logs"] == []


@pytest.mark.parametrize(
    "query",
    [
        "filter[created_at][]=2025-01-01T00:00:00Z",
        "filter[created_at]=2025-01-01T00:00:00Z&filter[created_at]=2025-01-02T00:00:00Z",
        window("00:00:00", "00:00:01") + "&" + window("00:00:00", "00:00:01"),
        "filter[created_at][]=2025-01-01&filter[created_at][]=2025-01-02",
        "filter[created_at][]=yesterday&filter[created_at][]=2025-01-02T00:00:00Z",
        "filter[source_id]=7",
        "filter[actor_id]=me",
    ],
)
def test_an_unusable_filter_is_a_bad_request(zendesk: Emulator, ask: Callable, query: str) -> None:
    response = ask(zendesk, f"{BASE}&{query}")
    assert response.status_code == 400
    assert response.json()["error"]["title"] == "Invalid attribute"


@pytest.mark.parametrize("size", ["0", "101", "1000", "-1", "many", "", "1.5"])
def test_a_page_size_outside_one_to_a_hundred_is_a_bad_request(zendesk: Emulator, ask: Callable, size: str) -> None:
    response = ask(zendesk, f"/api/v2/audit_logs?page[size]={size}")
    assert response.status_code == 400
    assert "page.size" in response.json()["error"]["message"]


@pytest.mark.parametrize("sort", ["id", "-id", "actor_id", "created_at,id", ""])
def test_only_created_at_sorts(zendesk: Emulator, ask: Callable, sort: str) -> None:
    response = ask(zendesk, f"/api/v2/audit_logs?page[size]=2&sort={sort}")
    assert response.status_code == 400
    assert response.json() == {"error": "InvalidPaginationParameter", "description": "sort is not valid"}


def test_a_damaged_or_foreign_cursor_is_a_bad_request(zendesk: Emulator, ask: Callable) -> None:
    cursor = ask(zendesk, "/api/v2/audit_logs?page[size]=2").json()["meta"]["after_cursor"]
    for query in ("page[after]=garbage", f"page[after]={cursor[:-4]}", f"page[after]={cursor}&sort=created_at"):
        response = ask(zendesk, f"/api/v2/audit_logs?page[size]=2&{query}")
        assert response.status_code == 400
        assert response.json() == {"error": "InvalidPaginationParameter", "description": "page[after] is not valid"}


def test_after_and_before_together_are_a_bad_request(zendesk: Emulator, ask: Callable) -> None:
    cursor = ask(zendesk, "/api/v2/audit_logs?page[size]=2").json()["meta"]["after_cursor"]
    query = {"page[size]": "2", "page[after]": cursor, "page[before]": cursor}
    response = ask(zendesk, "/api/v2/audit_logs", params=query)
    assert response.status_code == 400
    assert response.json()["error"] == "InvalidPaginationParameter"


@pytest.mark.parametrize("query", ["page=0", "page=x", "per_page=0", "sort_by=id", "sort_order=up"])
def test_unusable_numbered_paging_is_a_bad_request(zendesk: Emulator, ask: Callable, query: str) -> None:
    assert ask(zendesk, f"/api/v2/audit_logs?{query}").status_code == 400
