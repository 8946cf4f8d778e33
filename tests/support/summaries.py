"""The summaries of a log that batches are appended to, and the same counted one by one."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import NamedTuple
from zoneinfo import ZoneInfo

import duckdb
import polars as pl

from support.warehouse import transaction
from zendesk_audit_assets.extract.record import SYSTEM_ACTOR_ID
from zendesk_audit_assets.transform import (
    SUMMARIES,
    DerivedTable,
    refresh,
)
from zendesk_audit_assets.transform.refresh import Refreshed

UTC = timezone.utc
BERLIN = "Europe/Berlin"
SECOND = timedelta(seconds=1)


class Event(NamedTuple):
    created_at: datetime
    actor_id: int | None = 1
    action: str | None = "update"
    source_type: str | None = "user"
    source_id: int | None = 7
    ip_address: str | None = "192.0.2.1"
    actor_name: str | None = "Ada"


EVENT_SCHEMA = {
    "created_at": pl.Datetime("us", "UTC"),
    "actor_id": pl.Int64,
    "action": pl.String,
    "source_type": pl.String,
    "source_id": pl.Int64,
    "ip_address": pl.String,
    "actor_name": pl.String,
}


class Log:
    """A warehouse, such as `database()` gives, that batches are appended to, each in a transaction of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection
        self.events: list[Event] = []
        self.covered_to: datetime | None = None
        self.batches = 0

    def append(self, events: Iterable[Event] = (), *, covers_to: datetime | None = None) -> None:
        """Without `covers_to` the batch has no coverage, as in a file that was filled by other means."""
        rows = list(events)
        self.batches += 1
        frame = pl.DataFrame(rows, schema=EVENT_SCHEMA, orient="row")
        with transaction(self.connection):
            self.connection.register("incoming", frame)
            self.connection.execute(
                f"""
                INSERT INTO audit_logs BY NAME
                SELECT *, {len(self.events)} + row_number() OVER () AS id, {self.batches} AS batch_id,
                    now() AS inserted_at, 'run' AS run_id
                FROM incoming
                """
            )
            self.connection.unregister("incoming")
            if covers_to is not None:
                self.connection.execute(
                    "INSERT INTO coverage VALUES (?, ?, ?, now(), 'run', 1, ?, ?, 0, 0, now())",
                    [self.batches, covers_to - timedelta(days=1), covers_to, len(rows), len(rows)],
                )
                self.covered_to = max(self.covered_to or covers_to, covers_to)
        self.events += rows

    def refresh(self, *tables: DerivedTable, zone: str = BERLIN, full: bool = False) -> dict[str, Refreshed]:
        refreshed = {}
        for table in tables or SUMMARIES:
            with transaction(self.connection):
                refreshed[table.name] = refresh.refresh(self.connection, table, timezone=zone, full=full)
        return refreshed

    def rows(self, table: DerivedTable) -> list[tuple[object, ...]]:
        return self.connection.execute(f"FROM {table.name}").fetchall()

    def tables(self) -> dict[str, list[tuple[object, ...]]]:
        """All derived tables, their rows in a fixed order."""
        return {table.name: sorted(self.rows(table), key=repr) for table in SUMMARIES}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def recount(log: Log) -> dict[str, list[tuple[object, ...]]]:
    """Every derived table of the log in BERLIN, counted one by one."""
    as_of = max(
        [event.created_at + SECOND for event in log.events] + [log.covered_to or datetime.min.replace(tzinfo=UTC)]
    )
    tables = {
        "daily_activity": [
            (*key, len(events), known(events, "source_id"), known(events, "ip_address"), off_hours(events),
             weekend(events), *span(events))
            for key, events in grouped(log.events, "day", "actor_id", "action", "source_type")
        ],
        "actor_names": pairs(log.events, "actor_id", "actor_name"),
        "actor_sources": pairs(log.events, "actor_id", "source_type", "source_id"),
        "actor_addresses": pairs(log.events, "actor_id", "ip_address"),
        "actor_summary": [actor_row(actor, events, as_of) for (actor,), events in grouped(log.events, "actor_id")],
        "action_summary": [
            (*key, len(events), len(events) / len(log.events), known(events, "actor_id"), *span(events),
             recent(events, as_of, 0, 7), recent(events, as_of, 0, 30), recent(events, as_of, 30, 60), as_of)
            for key, events in grouped(log.events, "action", "source_type")
        ],
    }  # fmt: skip
    return {name: sorted(rows, key=repr) for name, rows in tables.items()}


def actor_row(actor: int | None, events: list[Event], as_of: datetime) -> tuple[object, ...]:
    system = actor == SYSTEM_ACTOR_ID
    names = [(event.created_at, event.actor_name) for event in events if event.actor_name is not None]
    actions = Counter("(none)" if event.action is None else event.action for event in events)
    sources = {(event.source_type, event.source_id) for event in events if event.source_id is not None}
    first_seen, last_seen = span(events)
    return (
        actor,
        max(names)[1] if names else None,
        system,
        first_seen,
        last_seen,
        int((as_of - last_seen) / timedelta(days=1)),
        len(events),
        dict(sorted(actions.items(), key=lambda item: (-item[1], item[0]))),
        len({event.created_at.date() for event in events}),
        known(events, "source_type"),
        len(sources),
        known(events, "ip_address"),
        None if system else off_hours(events) / len(events),
        None if system else weekend(events) / len(events),
        as_of,
    )


def grouped(events: list[Event], *columns: str) -> Iterable[tuple[tuple[object, ...], list[Event]]]:
    groups: dict[tuple[object, ...], list[Event]] = defaultdict(list)
    for event in events:
        values = {**event._asdict(), "day": event.created_at.date()}
        groups[tuple(values[column] for column in columns)].append(event)
    return groups.items()


def pairs(events: list[Event], *columns: str) -> list[tuple[object, ...]]:
    return [(*key, len(group), *span(group)) for key, group in grouped(events, *columns)]


def known(events: list[Event], column: str) -> int:
    return len({getattr(event, column) for event in events} - {None})


def span(events: list[Event]) -> tuple[datetime, datetime]:
    times = [event.created_at for event in events]
    return min(times), max(times)


def weekend(events: list[Event]) -> int:
    return sum(event.created_at.astimezone(ZoneInfo(BERLIN)).weekday() >= 5 for event in events)


def off_hours(events: list[Event]) -> int:
    local = [event.created_at.astimezone(ZoneInfo(BERLIN)) for event in events]
    return sum(time.weekday() >= 5 or not 8 <= time.hour < 18 for time in local)


def recent(events: list[Event], as_of: datetime, least: int, most: int) -> int:
    last_day = (as_of - SECOND).date()
    return sum(least <= (last_day - event.created_at.date()).days < most for event in events)
