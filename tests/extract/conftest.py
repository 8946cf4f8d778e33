"""Accounts to sync."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from support.sync import BEGINNING, DAY, TODAY, Account
from zendesk_audit_assets.emulator import Emulator, HistoryOptions
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import ZendeskClient


@pytest.fixture
def open_account(
    emulate: Callable[..., Emulator],
    connect: Callable[[Emulator], ZendeskClient],
    warehouse: Warehouse,
    clock: Any,
) -> Callable[..., Account]:
    """Opens an account with these options of the emulator; at first nothing has happened there."""

    def start(into: Warehouse = warehouse, **options: Any) -> Account:
        zendesk = emulate(**options)
        return Account(zendesk, connect(zendesk), into, clock)

    return start


@pytest.fixture
def account(open_account: Callable[..., Account]) -> Account:
    return open_account()


@pytest.fixture
def busy_account(open_account: Callable[..., Account]) -> Account:
    """1,000 events in 50 days until yesterday: ten pages."""
    start, end = BEGINNING, TODAY - DAY
    return open_account(history=HistoryOptions(start=start, end=end, style="uniform", total=1_000))


@pytest.fixture
def answer_with(
    busy_account: Account, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[list[Any]], list[Any]]], None]:
    """Lets the account answer with other records than it has."""
    answer = busy_account.client.pages

    def change(records: Callable[[list[Any]], list[Any]]) -> None:
        def changed(*window: datetime, **options: Any) -> Any:
            for page in answer(*window, **options):
                yield type(page)(records(page.records), page.body, page.has_more, page.date, page.requests)

        monkeypatch.setattr(busy_account.client, "pages", changed)

    return change
