"""The interval arithmetic of coverage: the intervals that are read completely, and those to read again.

All intervals are half-open `[start, end)` on whole UTC seconds. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)
# An event may appear this late at Zendesk: a run fetches younger seconds again.
SETTLE = timedelta(minutes=15)
# The limit of the settled time that a refresh fetches again.
LOOK_BACK = timedelta(days=7)


@dataclass(frozen=True, order=True)
class Interval:
    """A half-open stretch of time `[start, end)`; empty when `end <= start`."""

    start: datetime
    end: datetime

    def __bool__(self) -> bool:
        return self.start < self.end

    def __and__(self, other: Interval) -> Interval:
        return Interval(max(self.start, other.start), min(self.end, other.end))


@dataclass(frozen=True)
class Read:
    """An interval that a run read completely, and the smallest server time of its responses."""

    interval: Interval
    read_at: datetime


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the same instants as sorted intervals that neither overlap nor touch."""
    merged: list[Interval] = []
    for interval in sorted(filter(None, intervals)):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def subtract(window: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """Return the parts of `window` outside the `taken` intervals, sorted."""
    rest: list[Interval] = []
    start = window.start
    for interval in union(taken):
        if interval.end <= start:
            continue
        if interval.start >= window.end:
            break
        rest.append(Interval(start, interval.start))
        start = interval.end
    rest.append(Interval(start, window.end))
    return [interval for interval in rest if interval]


def settled(reads: Iterable[Read], settle: timedelta) -> list[Interval]:
    """Return the instants that a run read at least `settle` after they passed: no late event is expected there."""
    return union(
        Interval(read.interval.start, min(read.interval.end, read.read_at - settle + SECOND)) for read in reads
    )


def missing(window: Interval, reads: Iterable[Read], settle: timedelta) -> list[Interval]:
    """Return the intervals to fetch so that all of `window` is read: the subtraction behind refresh and backfill."""
    return subtract(window, settled(reads, settle))


def contiguous_from(end: datetime, reads: Iterable[Read]) -> datetime:
    """Return the start of the unbroken coverage that reaches up to `end`; `end` itself without any."""
    for interval in reversed(union(read.interval for read in reads)):
        if interval.start < end <= interval.end:
            return interval.start
    return end
