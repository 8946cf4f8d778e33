"""A long window, cut into slices that several readers read at once, and cut further as they read.

A reader without work takes the later half of the slice with most pages left. So all readers stay busy to the end,
whatever the density of the log. Each cut costs about one extra request, so the number of cuts is bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.narrowing import Narrowing

# Cuts beyond the first (readers - 1), as a share of the pages read so far: the price in requests.
_CUTS_PER_PAGE = 0.07
# A slice with fewer pages left than this is not worth a cut.
_WORTH_CUTTING_PAGES = 2.0


class Slice:
    """A stretch of time that one reader reads from its start on; a cut moves its end closer."""

    def __init__(self, interval: Interval, span_per_page: timedelta | None = None) -> None:
        self.start = interval.start
        self.position = interval.start  # the reader has read everything before it
        self.end = interval.end
        self.read_at: datetime | None = None  # the smallest server time of the responses so far
        self.pages = 0
        self.narrowing = Narrowing()  # for its reader alone
        self._span_per_page = span_per_page  # of the slice it was cut from, until it has pages of its own

    @property
    def done(self) -> bool:
        """Whether the reader has read everything up to the end."""
        return self.read_at is not None and self.position >= self.end

    @property
    def span_per_page(self) -> timedelta | None:
        """The time that a page of 100 records covers here; None while unknown."""
        if self.pages and self.position > self.start:
            return (self.position - self.start) / self.pages
        return self._span_per_page

    @property
    def pages_left(self) -> float:
        """An estimate; 0 while unknown."""
        span = self.span_per_page
        return 0.0 if span is None else (self.end - self.position) / span


class Slices:
    """The slices of some intervals, handed out to readers. Any thread may call any method."""

    def __init__(self, intervals: Iterable[Interval], readers: int) -> None:
        self._waiting = [Slice(interval) for interval in intervals]
        self._active: list[Slice] = []
        self._readers = readers
        self._cuts = 0
        self._pages = 0
        # Set by `stop`. Waits of the client end with it as well.
        self.stopping = threading.Event()
        self._changed = threading.Condition()

    def left(self) -> timedelta:
        """Return the time that remains to read."""
        with self._changed:
            return sum((part.end - part.position for part in [*self._waiting, *self._active]), timedelta())

    def take(self) -> Slice | None:
        """Return the next slice to read; wait while others may still be cut; None when no work is left."""
        with self._changed:
            while not self.stopping.is_set():
                taken = self._waiting.pop(0) if self._waiting else self._cut()
                if taken is not None:
                    self._active.append(taken)
                    return taken
                if not self._active:
                    return None
                self._changed.wait()
            return None

    def advance(self, part: Slice, read_to: datetime | None, now: datetime) -> Interval:
        """Record a page that completes the slice up to `read_to` (None: to its end); return the completed interval.

        `now` is the server time of the response. No slice reaches beyond it: later events are for a later run.
        """
        with self._changed:
            part.pages += 1
            self._pages += 1
            part.read_at = min(part.read_at or now, now)
            part.end = max(part.position, min(part.end, now))
            start = part.position
            part.position = part.end if read_to is None else max(start, min(read_to, part.end))
            self._changed.notify_all()
            return Interval(start, part.position)

    def leave_out(self, part: Slice, until: datetime, span: timedelta) -> None:
        """End the slice where its reader stands; what lies behind `until` becomes a slice that begins with `span`."""
        with self._changed:
            if until < part.end:
                rest = Slice(Interval(until, part.end), part.span_per_page)
                rest.narrowing = Narrowing(span)
                self._waiting.insert(0, rest)
            part.end = part.position
            self._changed.notify_all()

    def finish(self, part: Slice) -> None:
        """Record that the reader has read the slice to its end."""
        with self._changed:
            self._active.remove(part)
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out no more slices, and wake all readers that wait for one."""
        with self._changed:
            self.stopping.set()
            self._changed.notify_all()

    def _cut(self) -> Slice | None:
        if self._cuts >= self._readers - 1 + _CUTS_PER_PAGE * self._pages or not self._active:
            return None
        longest = max(self._active, key=lambda part: part.pages_left)
        if longest.pages_left < _WORTH_CUTTING_PAGES:
            return None
        middle = (longest.position + (longest.end - longest.position) / 2).replace(microsecond=0)
        if not longest.position < middle < longest.end:
            return None
        rest = Slice(Interval(middle, longest.end), longest.span_per_page)
        longest.end = middle
        self._cuts += 1
        return rest
