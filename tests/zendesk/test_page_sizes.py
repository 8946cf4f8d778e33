"""A page holds no more than the program takes; a larger one is read in smaller ones."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from zendesk_audit_assets.zendesk import client as client_module
from zendesk_audit_assets.zendesk import transport as transport_module

START = datetime(2026, 1, 1, tzinfo=timezone.utc)


def ids(pages):
    return [record["id"] for page in pages for record in page.records]


@pytest.mark.parametrize("records", [[{}] * 101, [[[[[]]]]] * 60_000, [["a"] * 250_000]])
def test_more_than_a_page_can_hold_is_refused(stub, connect, records):
    stub.say(stub.page(records), stub.page([7]))
    assert connect(stub).newest().records == [7]


@pytest.mark.few(3)
@pytest.mark.parametrize("most", [30, 3, 1, 99])
@pytest.mark.parametrize("limit", ["values", "bytes"])
def test_pages_that_are_too_large_are_read_in_smaller_ones(zendesk, connect, monkeypatch, most, limit):
    window = START, START + timedelta(days=2)
    whole = ids(connect(zendesk).pages(*window))
    (page, *_) = connect(zendesk).pages(*window)
    if limit == "values":
        each = sum(map(page.body.count, (b"[", b"{", b","))) / len(page.records)
        monkeypatch.setattr(client_module, "MAX_VALUES", (most + 0.9) * each + 9)
    else:
        each = len(page.body) / len(page.records)
        monkeypatch.setattr(transport_module, "MAX_BODY_BYTES", (most + 0.9) * each + 900)
    client = connect(zendesk)
    zendesk.reset_requests()
    pages = list(client.pages(*window))
    assert ids(pages) == whole
    assert sum(page.requests for page in pages) == len(zendesk.requests)
    assert client.usage.retries == 0
    assert client.newest().records
