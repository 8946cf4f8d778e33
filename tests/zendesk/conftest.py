"""An emulated account, a stub server, and clients of both whose waits cost no time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest

from support.clock import Clock
from support.zendesk import Stub
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.zendesk import ApiToken, RateBudget, ZendeskAccount, ZendeskClient

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = datetime(2026, 1, 11, tzinfo=timezone.utc)
TOTAL = 1050


@pytest.fixture
def clock() -> Clock:
    """Small numbers, as a monotonic clock gives: a float of epoch seconds is too coarse for the rate budget."""
    return Clock(datetime.fromtimestamp(1000, timezone.utc))


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()


@pytest.fixture(scope="session")
def _emulator() -> Iterator[Emulator]:
    history = HistoryOptions(start=START, end=END, style="uniform", total=TOTAL)
    with Emulator(EmulatorOptions(history=history, rate_limit_per_minute=100_000)) as emulator:
        yield emulator


@pytest.fixture
def zendesk(_emulator: Emulator) -> Emulator:
    """An account with 1050 events in the first ten days of 2026, and no faults yet."""
    _emulator.clear_faults()
    _emulator.reset_requests()
    return _emulator


@pytest.fixture
def connect(clock: Clock) -> Iterator[Callable[..., ZendeskClient]]:
    """A client of a server whose waits cost no time."""
    clients: list[ZendeskClient] = []

    def make(server: Emulator | Stub, credentials: Any = None, **options: Any) -> ZendeskClient:
        known = ApiToken("admin@example.com", "emulator-api-token")
        account = ZendeskAccount("demo", credentials or known, base_url=server.url)
        options = {
            "wait": clock.wait,
            "limiter": RateBudget(0.5, now=clock, sleep=clock.advance),
            "timeouts": (2, 2),
        } | options
        clients.append(ZendeskClient(account, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()
