"""A long window, cut into slices that several workers read at once, and cut again while they are read.

A worker without work takes the later half of the slice that has most left. So nothing needs to be known about
the density of the log beforehand, and all workers stay busy to the end. Each cut costs about one request more
than reading on would, which is why the number of cuts is bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from zendesk_audit_assets.extract.coverage import Interval

# Cuts beyond the first (workers - 1), as a share of the pages read so far: the price in requests.
_CUTS_PER_PAGE = 0.07
# A slice with fewer pages left than this is not worth a cut.
_WORTH_CUTTING_PAGES = 2.0


class Slice:
    """A stretch of time that one worker reads from its start on; its end may come closer meanwhile."""

    def __init__(self, interval: Interval, span_per_page: timedelta | None = None) -> None:
        self.start = interval.start
        self.position = interval.start  # everything before it has been read
        self.end = interval.end
        self.read_at: datetime | None = None  # the smallest server time among the answers so far
        self.pages = 0
        self._span_per_page = span_per_page  # as seen where this slice was cut off, until it has pages of its own

    @property
    def done(self) -> bool:
        """Whether everything up to the end has been read."""
        return self.read_at is not None and self.position >= self.end

    @property
    def span_per_page(self) -> timedelta | None:
        """How much time a page of 100 records covers here; None while that is unknown."""
        if self.pages and self.position > self.start:
            return (self.position - self.start) / self.pages
        return self._span_per_page

    @property
    def pages_left(self) -> float:
        """An estimate; 0 while nothing is known."""
        span = self.span_per_page
        return 0.0 if span is None else (self.end - self.position) / span


class Slices:
    """The slices of some intervals, handed out to workers. All methods may be called from any thread."""

    def __init__(self, intervals: Iterable[Interval], workers: int) -> None:
        self._waiting = [Slice(interval) for interval in intervals]
        self._active: list[Slice] = []
        self._workers = workers
        self._cuts = 0
        self._pages = 0
        self._stopped = False
        self._changed = threading.Condition()

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopped

    def left(self) -> timedelta:
        """How much time remains to be read."""
        with self._changed:
            return sum((part.end - part.position for part in [*self._waiting, *self._active]), timedelta())

    def take(self) -> Slice | None:
        """The next slice to read; waits while others may still be cut, None when nothing is left to do."""
        with self._changed:
            while not self._stopped:
                taken = self._waiting.pop(0) if self._waiting else self._cut()
                if taken is not None:
                    self._active.append(taken)
                    return taken
                if not self._active:
                    return None
                self._changed.wait()
            return None

    def advance(self, part: Slice, read_to: datetime | None, now: datetime) -> Interval:
        """Note a page that completes the slice up to `read_to` (None: to its end); returns what it completes.

        `now` is the server time of the answer. No slice reaches beyond it: what happens later is for a later run.
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

    def finish(self, part: Slice) -> None:
        """Note that a slice was read to its end."""
        with self._changed:
            self._active.remove(part)
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out nothing more, and wake everybody who waits for work."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def _cut(self) -> Slice | None:
        if self._cuts >= self._workers - 1 + _CUTS_PER_PAGE * self._pages or not self._active:
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
