"""One emulated Zendesk account: its log, credentials, rate limits and clock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import orjson

from zendesk_audit_assets.emulator.auth import AuthServer
from zendesk_audit_assets.emulator.company import Company
from zendesk_audit_assets.emulator.episodes import Episode
from zendesk_audit_assets.emulator.events import (
    Event,
    complete_record,
    encode,
    parse_timestamp,
    timestamp,
)
from zendesk_audit_assets.emulator.faults import Faults
from zendesk_audit_assets.emulator.history import HistoryGenerator
from zendesk_audit_assets.emulator.limits import MinuteLimit
from zendesk_audit_assets.emulator.live import LiveEvents
from zendesk_audit_assets.emulator.options import EmulatorOptions
from zendesk_audit_assets.emulator.store import Row, Store

_REQUESTS_KEPT = 200_000
_EXPORTS_PER_MINUTE = 1
_DEFAULT_SIZE = 40


@dataclass(frozen=True)
class RecordedRequest:
    """One request as received; `at` is in epoch seconds of the server's clock, `status` is 0 without a response."""

    method: str
    path: str
    query_string: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    status: int
    at: float

    @property
    def query(self) -> dict[str, list[str]]:
        """The parsed query string, with every value of a repeated parameter."""
        return parse_qs(self.query_string, keep_blank_values=True)


class EmulatedAccount:
    """The state of one account. The server's thread reads it while the test's thread adds events and inspects it."""

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.auth = AuthServer(options)
        self.faults = Faults(options.fault_seed)
        self.rate_limit = MinuteLimit(options.rate_limit_per_minute)
        self.export_limit = MinuteLimit(_EXPORTS_PER_MINUTE)
        self.requests: deque[RecordedRequest] = deque(maxlen=_REQUESTS_KEPT)
        self.store = Store()
        self.episodes: list[Episode] = []
        self._company = self._load_history()
        self._live = LiveEvents(options, self._company, self.now())
        self._lock = threading.Lock()
        self.add(options.events)

    def now(self) -> float:
        """The server's time in epoch seconds."""
        return self.options.clock() + self.options.clock_offset_s

    def catch_up(self) -> None:
        """Add the live events that are due, and reveal the late ones that are visible by now."""
        now = self.now()
        with self._lock:
            for event, visible_at in self._live.due(now):
                self.store.add(self._row(event), visible_at)
            self.store.reveal(now)

    def add(self, records: Iterable[Mapping[str, Any]], visible_in_s: float = 0.0) -> list[dict[str, Any]]:
        """Add partial records, completed; see `Emulator.add`. Returns the complete records."""
        now = self.now()
        visible_at = now + visible_in_s if visible_in_s > 0 else None
        added = []
        for fields in records:
            partial = dict(fields)
            if isinstance(partial.get("created_at"), datetime):
                partial["created_at"] = timestamp(int(partial["created_at"].timestamp()))
            second = _second(partial, int(now))
            with self._lock:
                row_id = self._company.ids.next(second)
            if type(partial.get("id")) is int:
                row_id = partial["id"]
            record = complete_record(partial, self.options.subdomain, second, row_id)
            self.store.add(Row(second, row_id, encode(record)), visible_at)
            added.append(record)
        return added

    def records(self) -> list[dict[str, Any]]:
        """Every record, visible or not, ordered by (created_at, id)."""
        self.catch_up()
        return [orjson.loads(row.body) for row in self.store.all_rows()]

    def count(self) -> int:
        """The number of records, visible or not."""
        self.catch_up()
        return len(self.store) + self.store.hidden_count()

    def _load_history(self) -> Company:
        """Store the generated history; returns the company in its state at the end of it."""
        if self.options.history is None:
            return Company(self.options.live_seed, _DEFAULT_SIZE, self.options.subdomain)
        history = HistoryGenerator(replace(self.options.history, subdomain=self.options.subdomain))
        self.store.load(map(self._row, history))
        self.episodes = history.episodes
        return history.company

    def _row(self, event: Event) -> Row:
        return Row(event.created_at, event.id, encode(event.record(self.options.subdomain)))


def _second(partial: Mapping[str, Any], now: int) -> int:
    """The epoch second that orders a record: its `created_at`, or `now` where that is not a timestamp."""
    try:
        return parse_timestamp(partial.get("created_at"))
    except ValueError:
        return now
