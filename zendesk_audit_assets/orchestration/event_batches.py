"""Dagster's two events of each day of a run, written to its SQLite files together.

By default Dagster opens the files anew for each of them: some 50 ms of CPU a day, minutes for a log of many years.
With PostgreSQL Dagster itself writes batches, once it is told their size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import dagster as dg

from zendesk_audit_assets.orchestration._private import (
    ASSET_EVENTS,
    SqlEventLogStorageTable,
    SqliteEventLogStorage,
)

# Dagster reads it whenever it stores an event.
BATCH_SIZE = "DAGSTER_EVENT_BATCH_SIZE"
_EVENTS = "500"


@contextmanager
def events_in_batches(instance: dg.DagsterInstance) -> Iterator[None]:
    """Within the context, this process stores the events of a range of partitions in batches."""
    storage, configured = instance.event_log_storage, os.environ.get(BATCH_SIZE)
    os.environ[BATCH_SIZE] = configured or _EVENTS
    is_sqlite = type(storage) is SqliteEventLogStorage
    if is_sqlite:
        storage.__class__ = _BatchedSqlite  # Dagster alone knows how to make one
    try:
        yield
    finally:
        if configured is None:
            del os.environ[BATCH_SIZE]
        if is_sqlite:
            storage.__class__ = SqliteEventLogStorage


class _BatchedSqlite(SqliteEventLogStorage):
    """Stores a batch in one transaction of each file, as Dagster's storage in PostgreSQL does."""

    def store_event_batch(self, events: Sequence[Any]) -> None:
        for is_of_asset, group in groupby(events, lambda event: event.dagster_event_type in ASSET_EVENTS):
            if is_of_asset:
                self._store_of_assets(list(group))
            else:
                super().store_event_batch(list(group))

    def _store_of_assets(self, events: Sequence[Any]) -> None:
        rows = [self._event_to_row(event) for event in events]
        insert = SqlEventLogStorageTable.insert()
        with self.run_connection(events[0].run_id) as connection:
            connection.execute(insert, rows)
        with self.index_transaction() as connection:
            ids: list[Any] = [connection.execute(insert, row).lastrowid for row in rows]
            self._store_asset_event_tags(connection, events, ids)
            # An asset's own row tells of its newest event only.
            newest = {event.dagster_event.asset_key: (event, id) for event, id in zip(events, ids, strict=True)}
            for event, id in newest.values():
                self._store_asset_event(connection, event, id)
