"""One emulated account: its log, its credentials, its limits, its clock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import orjson

from zendesk_audit_assets.emulator.auth import Authority
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
from zendesk_audit_assets.emulator.history import Past
from zendesk_audit_assets.emulator.limits import RateLimit
from zendesk_audit_assets.emulator.live import LiveEvents
from zendesk_audit_assets.emulator.options import EmulatorOptions
from zendesk_audit_assets.emulator.store import Row, Store

_REQUESTS_KEPT = 200_000
_EXPORTS_PER_MINUTE = 1
_DEFAULT_SIZE = 40


@dataclass(frozen=True)
class RequestSeen:
    """One request as it came in; `at` in the server's epoch seconds, `status` 0 if it got no answer."""

    method: str
    path: str
    query_string: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    status: int
    at: float

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(self.query_string, keep_blank_values=True)


class Account:
    """Shared by the server's thread, which asks, and the test's thread, which adds and looks on."""

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.authority = Authority(options)
        self.faults = Faults(options.fault_seed)
        self.rate_limit = RateLimit(options.rate_limit_per_minute)
        self.export_limit = RateLimit(_EXPORTS_PER_MINUTE)
        self.requests: deque[RequestSeen] = deque(maxlen=_REQUESTS_KEPT)
        self.store = Store()
        self.episodes: list[Episode] = []
        self._company = self._live_through_the_past()
        self._live = LiveEvents(options, self._company, self.now())
        self._lock = threading.Lock()
        self.add(options.events)

    def now(self) -> float:
        return self.options.clock() + self.options.clock_offset_s

    def catch_up(self) -> None:
        """Let everything happen that should have happened by now."""
        now = self.now()
        with self._lock:
            for event, visible_at in self._live.until(now):
                self.store.add(self._row(event), visible_at)
            self.store.reveal(now)

    def add(self, records: Iterable[Mapping[str, Any]], visible_in_s: float = 0.0) -> list[dict[str, Any]]:
        now = self.now()
        visible_at = now + visible_in_s if visible_in_s > 0 else None
        added = []
        for given in records:
            partial = dict(given)
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
        self.catch_up()
        return [orjson.loads(row.body) for row in self.store.everything()]

    def count(self) -> int:
        self.catch_up()
        return len(self.store) + self.store.hidden()

    def _live_through_the_past(self) -> Company:
        """The company as it is when the emulator starts."""
        if self.options.history is None:
            return Company(self.options.live_seed, _DEFAULT_SIZE, self.options.subdomain)
        past = Past(replace(self.options.history, subdomain=self.options.subdomain))
        self.store.load(map(self._row, past))
        self.episodes = past.episodes
        return past.company

    def _row(self, event: Event) -> Row:
        return Row(event.created_at, event.id, encode(event.record(self.options.subdomain)))


def _second(partial: Mapping[str, Any], now: int) -> int:
    """Where a record belongs; one without a usable `created_at` happened now."""
    try:
        return parse_timestamp(partial.get("created_at"))
    except ValueError:
        return now
