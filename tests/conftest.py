"""What many tests need: records, a warehouse in a file of its own, and an emulated account whose clock stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets.emulator import Emulator, EmulatorOptions
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import AccessToken, Account, RateBudget, ZendeskClient


class Clock:
    """A clock that goes on only when a test says so; called, it tells epoch seconds."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()

    def advance(self, by: timedelta) -> None:
        self.now += by


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime(2026, 3, 1, 12, tzinfo=timezone.utc))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(tmp_path / "audit.duckdb")


@pytest.fixture(scope="session")
def record() -> Callable[..., dict[str, Any]]:
    """A record as documented, with changes."""

    def make(id: Any = 1, created_at: Any = "2026-01-01T00:00:00Z", **changes: Any) -> dict[str, Any]:
        return {
            "url": f"https://demo.zendesk.com/api/v2/audit_logs/{id}.json",
            "id": id,
            "action_label": "Updated",
            "actor_id": 1_000_001,
            "source_id": 2_000_001,
            "source_type": "rule",
            "source_label": "Trigger: Notify requester",
            "action": "update",
            "change_description": "Title changed from A to B",
            "ip_address": "203.0.113.7",
            "created_at": created_at,
            "actor_name": "Ada Admin",
        } | changes

    return make


@pytest.fixture
def emulate(clock: Clock) -> Iterator[Callable[..., Emulator]]:
    """Starts an emulated account, on the clock of the test; stopped at its end."""
    with ExitStack() as running:

        def start(**options: Any) -> Emulator:
            defaults = {"clock": clock, "rate_limit_per_minute": 100_000}
            return running.enter_context(Emulator(EmulatorOptions(**defaults | options)))

        yield start


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[[Emulator], ZendeskClient]]:
    """Clients of an emulated account that use all of its request limit."""
    with ExitStack() as opened:

        def open_client(zendesk: Emulator) -> ZendeskClient:
            account = Account("demo", AccessToken(zendesk.options.access_token), zendesk.url)
            client = ZendeskClient(account, limiter=RateBudget(1.0), clock=clock, timeouts=(5, 10))
            return opened.enter_context(client)

        yield open_client
