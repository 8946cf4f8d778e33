"""Simulated logs of sorted seconds, and the pages that a server would give of them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import datetime, timezone

from zendesk_audit_assets.extract.coverage import SECOND, Interval
from zendesk_audit_assets.extract.slices import Helper, Slice, Slices

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
S0 = int(START.timestamp())
PAGE = 100


def at(second: int) -> datetime:
    return START + second * SECOND


def pages_of(log: list[int], window: Interval, newest_first: bool) -> Iterator[tuple[datetime | None, float | None]]:
    """How far each page leads, and its density. The window is asked for once: no page knows of a later cut."""
    rows = log[bisect_left(log, window.start.timestamp() - S0) : bisect_left(log, window.end.timestamp() - S0)]
    if newest_first:
        rows.reverse()
    for place in range(PAGE, len(rows), PAGE):
        first, last = rows[place - PAGE], rows[place - 1]
        yield at(last + 1 if newest_first else last), 1 / max(1, abs(last - first))
    yield window.start if newest_first else window.end, None


def advance(
    slices: Slices, part: Slice | Helper, page: tuple[datetime | None, float | None], now: datetime
) -> Interval:
    read_to, density = page
    return slices.advance(part, read_to, now, density)
