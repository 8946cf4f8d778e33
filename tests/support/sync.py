"""An emulated account, the warehouse of its log, and what a sync of it brings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from zendesk_audit_assets.emulator import Emulator
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.coverage import Interval, union
from zendesk_audit_assets.extract.sync import (
    SyncResult,
    sync,
)
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import ZendeskClient

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
# The clock of every test begins at noon of this day.
TODAY = datetime(2026, 3, 1, tzinfo=timezone.utc)
NOON = TODAY + timedelta(hours=12)
BEGINNING = TODAY - 60 * DAY
WINDOW = Interval(BEGINNING, TODAY + DAY)


@dataclass
class Account:
    """An emulated account, the warehouse of its log, and the one clock of both."""

    zendesk: Emulator
    client: ZendeskClient
    warehouse: Warehouse
    clock: Any

    def sync(self, window: Interval = WINDOW, **options: Any) -> SyncResult:
        return sync(self.client, self.warehouse, window, run_id="run", **options)

    def happens(self, *moments: datetime, **fields: Any) -> list[int]:
        """Let an event happen, or have happened, at each of these; their ids."""
        added = self.zendesk.add({"created_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}", **fields} for moment in moments)
        return [record["id"] for record in added]

    def requests(self) -> int:
        """Requests for the log since the last call."""
        seen = len(self.zendesk.requests)
        self.zendesk.reset_requests()
        return seen

    def ids(self) -> list[int]:
        return [id for (id,) in self.query("SELECT id FROM audit_logs ORDER BY id")]

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self.warehouse.transaction() as connection:
            return connection.execute(sql).fetchall()

    def holds_everything(self) -> bool:
        """Whether each event of the account is stored once, field by field, and nothing else."""
        names = list(self.zendesk.events[0])
        columns = ", ".join(name.replace("created_at", "strftime(created_at, '%Y-%m-%dT%H:%M:%SZ')") for name in names)
        stored = self.query(f"SELECT {columns} FROM audit_logs ORDER BY id")
        return stored == [tuple(event.values()) for event in sorted(self.zendesk.events, key=lambda event: event["id"])]

    def coverage(self) -> list[Interval]:
        with self.warehouse.transaction() as connection:
            everything = Interval(BEGINNING - 10_000 * DAY, TODAY + 10_000 * DAY)
            return union(read.interval for read in batches.reads(connection, everything))

    def claims_are_true(self) -> bool:
        """Whether every event of the account that coverage vouches for is there, and no row is without coverage."""
        covered = self.coverage()
        stored = set(self.ids())
        return all(
            (event["id"] in stored) == any(interval.start <= moment(event) < interval.end for interval in covered)
            for event in self.zendesk.events
        )


def moment(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["created_at"].replace("Z", "+00:00"))


def spread(events: int, start: datetime, end: datetime) -> list[datetime]:
    """Moments at equal distances, from start on."""
    return [start + n * (end - start) // events for n in range(events)]
