"""The interval arithmetic of coverage: what has been read completely, and what must be read again.

All intervals are half-open `[start, end)` on whole UTC seconds. Nothing here does I/O.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

SECOND = timedelta(seconds=1)


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
    """An interval that was read completely, and the smallest server time among the answers that returned it."""

    interval: Interval
    read_at: datetime


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same instants as sorted intervals that neither overlap nor touch."""
    merged: list[Interval] = []
    for interval in sorted(filter(None, intervals)):
        if merged and interval.start <= merged[-1].end:
            merged[-1] = Interval(merged[-1].start, max(merged[-1].end, interval.end))
        else:
            merged.append(interval)
    return merged


def subtract(window: Interval, taken: Iterable[Interval]) -> list[Interval]:
    """The parts of `window` that lie in none of the `taken` intervals, sorted."""
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
    """The instants that were read at least `settle` after they passed: nothing more is expected to appear there."""
    return union(
        Interval(read.interval.start, min(read.interval.end, read.read_at - settle + SECOND)) for read in reads
    )


def missing(window: Interval, reads: Iterable[Read], settle: timedelta) -> list[Interval]:
    """What must be fetched so that all of `window` is read; the one subtraction behind refresh, backfill and resume."""
    return subtract(window, settled(reads, settle))


def run_ending_at(end: datetime, reads: Iterable[Read]) -> datetime:
    """The start of the unbroken stretch of coverage that reaches up to `end`; `end` itself when there is none."""
    for interval in reversed(union(read.interval for read in reads)):
        if interval.start < end <= interval.end:
            return interval.start
    return end
