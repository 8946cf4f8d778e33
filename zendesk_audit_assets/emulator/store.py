"""The records of one account as encoded JSON, in their total order (created_at, id)."""

from __future__ import annotations

import heapq
import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from zendesk_audit_assets.emulator.events import encode


class Row(NamedTuple):
    """One encoded record and its sort key (second, id), which is valid even where the record's own fields are not."""

    second: int
    id: int
    body: bytes


class Store:
    """The visible rows, sorted, and the hidden rows that become visible later.

    Three parallel columns instead of row objects keep a million rows within half a gigabyte. Hold `lock` to read
    several rows of the same state.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._seconds = array("q")
        self._ids = array("q")
        self._bodies: list[bytes] = []
        self._hidden: list[tuple[float, Row]] = []

    def load(self, rows: Iterable[Row]) -> None:
        """Append sorted rows that follow all present rows."""
        with self.lock:
            for second, row_id, body in rows:
                self._seconds.append(second)
                self._ids.append(row_id)
                self._bodies.append(body)

    def add(self, row: Row, visible_at: float | None = None) -> None:
        """Insert a row at its position; with `visible_at` (epoch seconds) hide it until `reveal` passes that time."""
        with self.lock:
            if visible_at is not None:
                heapq.heappush(self._hidden, (visible_at, row))
                return
            index = self.index_after(row.second, row.id)
            self._seconds.insert(index, row.second)
            self._ids.insert(index, row.id)
            self._bodies.insert(index, row.body)

    def reveal(self, now: float) -> None:
        """Insert the hidden rows that are visible by now (epoch seconds)."""
        if not self._hidden:
            return
        with self.lock:
            while self._hidden and self._hidden[0][0] <= now:
                self.add(heapq.heappop(self._hidden)[1])

    def remove(self, row_id: int) -> None:
        """Remove a visible row. Raises KeyError for an unknown id."""
        with self.lock:
            index = self.find(row_id)
            del self._seconds[index], self._ids[index], self._bodies[index]

    def amend(self, row_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a visible row, which keeps its position. Raises KeyError for an unknown id."""
        with self.lock:
            index = self.find(row_id)
            record: dict[str, Any] = orjson.loads(self._bodies[index]) | dict(changes)
            self._bodies[index] = encode(record)
            return record

    def find(self, row_id: int) -> int:
        """The index of a visible row. Raises KeyError for an unknown id."""
        try:
            return self._ids.index(row_id)
        except ValueError:
            raise KeyError(row_id) from None

    def __len__(self) -> int:
        return len(self._bodies)

    def hidden_count(self) -> int:
        """The number of rows that are not visible yet."""
        return len(self._hidden)

    def body(self, index: int) -> bytes:
        return self._bodies[index]

    def key(self, index: int) -> tuple[int, int]:
        return self._seconds[index], self._ids[index]

    def index_of_second(self, second: int) -> int:
        """The index of the first row at or after a second."""
        return bisect_left(self._seconds, second)

    def index_before(self, second: int, row_id: int) -> int:
        """The number of rows before this key."""
        first, last = self._same_second(second)
        return bisect_left(self._ids, row_id, first, last)

    def index_after(self, second: int, row_id: int) -> int:
        """The number of rows up to and including this key."""
        first, last = self._same_second(second)
        return bisect_right(self._ids, row_id, first, last)

    def _same_second(self, second: int) -> tuple[int, int]:
        first = bisect_left(self._seconds, second)
        return first, bisect_right(self._seconds, second, first)

    def all_rows(self) -> Iterator[Row]:
        """The visible and the hidden rows in order."""
        with self.lock:
            hidden = sorted(row for _, row in self._hidden)
            visible = [Row(*columns) for columns in zip(self._seconds, self._ids, self._bodies, strict=True)]
        return heapq.merge(visible, hidden)
