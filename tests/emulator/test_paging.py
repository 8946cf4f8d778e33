"""Cursor paging and offset paging: order, ends and links, without loss or repetition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.emulator import Emulator, EmulatorOptions
from zendesk_audit_assets.emulator.events import timestamp
from zendesk_audit_assets.emulator.paging import list_body
from zendesk_audit_assets.emulator.query import parse_query
from zendesk_audit_assets.emulator.store import Row, Store

BASE = "/api/v2/audit_logs"


@pytest.fixture(scope="module")
def zendesk() -> Iterator[Emulator]:
    """Ten events: three in one second, ids against the order of time."""
    seconds = [0, 1, 1, 1, 2, 3, 4, 5, 6, 7]
    events = [
        {"id": 1000 - 7 * n, "created_at": timestamp(1_700_000_000 + second), "action": ("login", "update")[n % 2]}
        for n, second in enumerate(seconds)
    ]
    with Emulator(EmulatorOptions(events=events)) as emulator:
        yield emulator


def ids(*pages: dict[str, Any]) -> list[int]:
    return [record["id"] for page in pages for record in page["audit_logs"]]


def test_the_default_order_is_newest_first(zendesk: Emulator, ask: Callable) -> None:
    page = ask(zendesk, BASE + "?page[size]=100").json()
    keys = [(record["created_at"], record["id"]) for record in page["audit_logs"]]
    assert keys == sorted(keys, reverse=True)
    assert ids(page) == ids(ask(zendesk, BASE + "?page[size]=100&sort=-created_at").json())


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9, 10, 11, 100])
@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_following_next_gives_every_record_once_in_order(
    zendesk: Emulator, walk: Callable, size: int, sort: str
) -> None:
    pages = walk(zendesk, f"{BASE}?page[size]={size}&sort={sort}")
    expected = [record["id"] for record in zendesk.events]
    assert ids(*pages) == (expected if sort == "created_at" else expected[::-1])
    assert len(pages) == max(1, -(-10 // size)), "has_more promises no empty page"


@pytest.mark.parametrize("sort", ["created_at", "-created_at"])
def test_page_before_leads_back_in_the_same_order(zendesk: Emulator, ask: Callable, sort: str) -> None:
    first = ask(zendesk, f"{BASE}?page[size]=4&sort={sort}").json()
    second = ask(zendesk, first["links"]["next"].removeprefix(zendesk.url)).json()
    back = ask(zendesk, second["links"]["prev"].removeprefix(zendesk.url)).json()
    assert ids(back) == ids(first)
    assert back["meta"]["has_more"] is False


def test_the_first_page_has_a_previous_link_to_nothing(zendesk: Emulator, ask: Callable) -> None:
    first = ask(zendesk, BASE + "?page[size]=4").json()
    assert ask(zendesk, first["links"]["prev"].removeprefix(zendesk.url)).json()["audit_logs"] == []


def test_the_page_behind_the_last_one_is_empty_with_null_cursors(
    zendesk: Emulator, walk: Callable, ask: Callable
) -> None:
    last = walk(zendesk, BASE + "?page[size]=4")[-1]
    assert last["meta"]["has_more"] is False
    assert all([last["meta"]["after_cursor"], last["meta"]["before_cursor"], *last["links"].values()])
    behind = ask(zendesk, last["links"]["next"].removeprefix(zendesk.url)).json()
    assert behind == {
        "audit_logs": [],
        "meta": {"has_more": False, "after_cursor": None, "before_cursor": None},
        "links": {"prev": None, "next": None},
    }


@pytest.mark.parametrize(("style", "value"), [("null", None), ("empty", "")])
def test_a_last_page_may_have_no_cursors(start: Callable, ask: Callable, style: str, value: str | None) -> None:
    zendesk = start(events=[{}], last_page_cursors=style)
    page = ask(zendesk, BASE + "?page[size]=4").json()
    assert len(page["audit_logs"]) == 1
    assert page["meta"] == {"has_more": False, "after_cursor": value, "before_cursor": value}
    assert page["links"] == {"prev": value, "next": value}


def test_links_keep_host_path_and_filters_and_are_encoded(zendesk: Emulator, ask: Callable) -> None:
    window = "filter[created_at][]=2023-01-01T00:00:00Z&filter[created_at][]=2024-01-01T00:00:00Z"
    asked = f"{BASE}.json?page[size]=3&sort=created_at&filter[action]=login&{window}"
    page = ask(
        zendesk,
        asked,
        headers={"Host": "demo.zendesk.com", "Authorization": f"Bearer {zendesk.options.access_token}"},
    ).json()
    link = page["links"]["next"]
    assert link.startswith("http://demo.zendesk.com/api/v2/audit_logs.json?")
    assert "[" not in link
    assert "page%5Bsize%5D=3" in link
    assert "T00%3A00%3A00Z" in link
    assert parse_qsl(urlsplit(link).query) == [
        ("filter[action]", "login"),
        ("filter[created_at][]", "2023-01-01T00:00:00Z"),
        ("filter[created_at][]", "2024-01-01T00:00:00Z"),
        ("page[after]", page["meta"]["after_cursor"]),
        ("page[size]", "3"),
        ("sort", "created_at"),
    ]


def test_new_records_do_not_shift_the_pages_of_a_reader(start: Callable, ask: Callable) -> None:
    zendesk = start(events=[{"id": n} for n in range(1, 7)])
    first = ask(zendesk, BASE + "?page[size]=3").json()
    zendesk.add([{"id": n, "created_at": "2099-01-01T00:00:00Z"} for n in (50, 51)])
    second = ask(zendesk, first["links"]["next"].removeprefix(zendesk.url)).json()
    assert ids(first, second) == [6, 5, 4, 3, 2, 1]


def test_pages_are_numbered_and_counted_without_page_size(zendesk: Emulator, ask: Callable) -> None:
    page = ask(zendesk, BASE + ".json?per_page=4&page=2&filter[action]=login").json()
    assert set(page) == {"audit_logs", "next_page", "previous_page", "count"}
    assert page["count"] == 5
    assert len(page["audit_logs"]) == 1
    assert page["next_page"] is None
    assert page["previous_page"] == f"{zendesk.url}{BASE}.json?per_page=4&filter%5Baction%5D=login&page=1"


def test_numbered_pages_hold_at_most_a_hundred_records(start: Callable, ask: Callable) -> None:
    zendesk = start(events=[{"id": n} for n in range(1, 150)])
    page = ask(zendesk, BASE + "?per_page=500").json()
    assert (len(page["audit_logs"]), page["count"]) == (100, 149)
    assert len(ask(zendesk, page["next_page"].removeprefix(zendesk.url)).json()["audit_logs"]) == 49


@pytest.mark.parametrize("query", ["page=101&per_page=1", "page=101", "page=1000000"])
def test_numbered_pages_end_at_a_hundred(zendesk: Emulator, ask: Callable, query: str) -> None:
    response = ask(zendesk, f"{BASE}?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["code"] == "InvalidPaginationDepth"


def test_page_one_hundred_is_still_allowed(zendesk: Emulator, ask: Callable) -> None:
    assert ask(zendesk, BASE + "?page=100&per_page=100").status_code == 200


def test_sort_by_counts_for_numbered_pages_only(zendesk: Emulator, ask: Callable) -> None:
    ascending = [record["id"] for record in zendesk.events]
    assert ids(ask(zendesk, BASE + "?sort_by=created_at&sort_order=asc").json()) == ascending
    assert ids(ask(zendesk, BASE + "?sort_order=desc").json()) == ascending[::-1]
    assert ids(ask(zendesk, BASE + "?page[size]=100&sort_by=created_at&sort_order=asc").json()) == ascending[::-1]


@given(
    keys=st.lists(st.tuples(st.integers(0, 6), st.integers(1, 40)), unique_by=lambda key: key[1], max_size=25),
    size=st.integers(1, 7),
    sort=st.sampled_from(["created_at", "-created_at"]),
    window=st.none() | st.tuples(st.integers(-1, 7), st.integers(-1, 7)),
)
def test_any_log_is_paged_without_loss_or_repetition(
    keys: list[tuple[int, int]], size: int, sort: str, window: tuple[int, int] | None
) -> None:
    store = Store()
    for second, record_id in keys:
        store.add(Row(second + 1000, record_id, orjson.dumps({"id": record_id})))
    question = f"page[size]={size}&sort={sort}"
    expected = sorted(keys, reverse=sort != "created_at")
    if window is not None:
        first, last = window
        question += "".join(f"&filter[created_at][]={timestamp(second + 1000)}" for second in window)
        expected = [key for key in expected if first <= key[0] <= last]
    pages = []
    more: str | None = question
    while more is not None:
        page = orjson.loads(list_body(store, parse_query(more, "inclusive"), "http://z", "filled"))
        pages.append(page)
        more = urlsplit(page["links"]["next"]).query if page["meta"]["has_more"] else None
    assert ids(*pages) == [record_id for _, record_id in expected]
    assert len(pages) == max(1, -(-len(expected) // size))
