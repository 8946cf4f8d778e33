"""The entries of one account in their total order, `(created_at, id)`, ready to be sent."""

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
    """One encoded record and its place; the place is (second, id) even where the record's own is unusable."""

    second: int
    id: int
    body: bytes


class Store:
    """Visible rows, sorted; and rows that exist already but become visible later.

    Three parallel columns instead of row objects keep a million rows within half a gigabyte.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._seconds = array("q")
        self._ids = array("q")
        self._bodies: list[bytes] = []
        self._hidden: list[tuple[float, Row]] = []

    def load(self, rows: Iterable[Row]) -> None:
        """Append rows that come after everything present, in order."""
        with self._lock:
            for second, row_id, body in rows:
                self._seconds.append(second)
                self._ids.append(row_id)
                self._bodies.append(body)

    def add(self, row: Row, visible_at: float | None = None) -> None:
        """Put one row in its place; with `visible_at` (epoch seconds) not before `reveal` passes it."""
        with self._lock:
            if visible_at is not None:
                heapq.heappush(self._hidden, (visible_at, row))
                return
            place = self.place_after(row.second, row.id)
            self._seconds.insert(place, row.second)
            self._ids.insert(place, row.id)
            self._bodies.insert(place, row.body)

    def reveal(self, now: float) -> None:
        if not self._hidden:
            return
        with self._lock:
            while self._hidden and self._hidden[0][0] <= now:
                self.add(heapq.heappop(self._hidden)[1])

    def remove(self, row_id: int) -> None:
        """Raises KeyError if no visible row has this id."""
        with self._lock:
            place = self.find(row_id)
            del self._seconds[place], self._ids[place], self._bodies[place]

    def amend(self, row_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a visible row in its place. Raises KeyError if no visible row has this id."""
        with self._lock:
            place = self.find(row_id)
            record: dict[str, Any] = orjson.loads(self._bodies[place]) | dict(changes)
            self._bodies[place] = encode(record)
            return record

    def find(self, row_id: int) -> int:
        try:
            return self._ids.index(row_id)
        except ValueError:
            raise KeyError(row_id) from None

    def __len__(self) -> int:
        return len(self._bodies)

    def hidden(self) -> int:
        """How many rows are not visible yet."""
        return len(self._hidden)

    def body(self, place: int) -> bytes:
        return self._bodies[place]

    def key(self, place: int) -> tuple[int, int]:
        return self._seconds[place], self._ids[place]

    def place_of_second(self, second: int) -> int:
        """The place of the first row at or after a second."""
        return bisect_left(self._seconds, second)

    def place_before(self, second: int, row_id: int) -> int:
        """How many rows come before this key."""
        first, last = self._same_second(second)
        return bisect_left(self._ids, row_id, first, last)

    def place_after(self, second: int, row_id: int) -> int:
        """How many rows come before this key or bear it."""
        first, last = self._same_second(second)
        return bisect_right(self._ids, row_id, first, last)

    def _same_second(self, second: int) -> tuple[int, int]:
        first = bisect_left(self._seconds, second)
        return first, bisect_right(self._seconds, second, first)

    def everything(self) -> Iterator[Row]:
        """Visible and hidden rows, in order."""
        with self._lock:
            hidden = sorted(row for _, row in self._hidden)
            visible = [Row(*columns) for columns in zip(self._seconds, self._ids, self._bodies, strict=True)]
        return heapq.merge(visible, hidden)

    def locked(self) -> threading.RLock:
        """To read several places while nothing moves."""
        return self._lock
