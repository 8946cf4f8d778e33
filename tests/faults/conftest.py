from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from support.clock import Clock
from zendesk_audit_assets.emulator import Emulator
from zendesk_audit_assets.extract import batches, reading
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.gaps import open_gaps
from zendesk_audit_assets.extract.sync import SyncResult, sync
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import ClientCredentials, RateBudget, ZendeskAccount, ZendeskClient
from zendesk_audit_assets.zendesk.transport import RetryLimits

EVERYTHING = Interval(datetime(2026, 1, 1, tzinfo=timezone.utc), datetime(2027, 1, 1, tzinfo=timezone.utc))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse whose file is not made yet: making it can fail as well."""
    return Warehouse(tmp_path / "audit.duckdb")


@pytest.fixture
def bring(clock: Clock, warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., SyncResult]]:
    """Syncs the log of an emulated account into the warehouse, without sitting through waits."""
    monkeypatch.setattr(reading, "FAILURES_TO_NARROW", 20)
    with ExitStack() as opened:

        def run(
            zendesk: Emulator, window: Interval = EVERYTHING, *, into: Warehouse = warehouse, **options: Any
        ) -> SyncResult:
            waits = Clock()
            account = ZendeskAccount(
                "demo", ClientCredentials(zendesk.options.client_id, zendesk.options.client_secret), zendesk.url
            )
            client = opened.enter_context(
                ZendeskClient(
                    account,
                    limiter=RateBudget(1.0, now=waits, sleep=waits.wait),
                    timeouts=(2, 1),
                    retry=RetryLimits(attempts=4),
                    wait=waits.wait,
                    clock=clock,
                )
            )
            return sync(client, into, window, run_id="test", **options)

        yield run


@pytest.fixture
def stored(warehouse: Warehouse) -> Callable[[], dict[int, str]]:
    """The ids in the warehouse with their times; an id that is there twice is an error."""

    def read() -> dict[int, str]:
        with warehouse.transaction() as connection:
            rows = connection.execute(
                "SELECT id, strftime(created_at, '%Y-%m-%dT%H:%M:%SZ') FROM audit_logs"
            ).fetchall()
        found = dict(rows)
        assert len(found) == len(rows), "an event is stored twice"
        return found

    return read


@pytest.fixture
def left_out(warehouse: Warehouse) -> Callable[[], bool]:
    """Whether something is left out that a later run tries again."""

    def find() -> bool:
        with warehouse.transaction() as connection:
            return bool(open_gaps(connection))

    return find


@pytest.fixture
def unread_but_claimed(warehouse: Warehouse) -> Callable[[Emulator], list[int]]:
    """The ids of events that lie in the coverage and are not in the warehouse."""

    def find(zendesk: Emulator) -> list[int]:
        with warehouse.transaction() as connection:
            reads = batches.reads(connection, EVERYTHING)
            known = {id for (id,) in connection.execute("SELECT id FROM audit_logs").fetchall()}
        return [
            event["id"]
            for event in zendesk.events
            if event["id"] not in known
            and any(read.interval.start <= _instant(event) < read.interval.end for read in reads)
        ]

    return find


def _instant(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["created_at"].replace("Z", "+00:00"))
