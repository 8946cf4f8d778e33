"""A long window, cut into slices that several readers read at once, from both ends, and cut further as they read.

A reader without work helps another one: it reads the same slice from its end on, until the two meet. Both find events
at once, wherever they lie in the slice, and what is left between them begins and ends with events. When every slice has
its helper, the one with most pages left is cut in the middle. So all readers stay busy to the end, whatever the density
of the log. Each help and each cut costs at most one extra request, so their number is bounded.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from datetime import datetime, timedelta

from zendesk_audit_assets.extract.coverage import SECOND, Interval
from zendesk_audit_assets.extract.narrowing import Narrowing

# Helps and cuts beyond one for each reader, as a share of the pages read so far: the price in requests.
_CUTS_PER_PAGE = 0.1
# A slice with fewer pages left than this is not worth another reader.
_WORTH_SHARING_PAGES = 2.0


class Slice:
    """A stretch of time that one reader reads from its start on; a cut or a helper moves its end closer.

    The densities at both ends are in pages per second: those of the last pages there, or of the slice it was cut from.
    """

    newest_first = False

    def __init__(self, interval: Interval, density: float | None = None, density_at_end: float | None = None) -> None:
        self.position = interval.start  # the reader has read everything before it
        self.end = interval.end
        self.read_at: datetime | None = None  # the smallest server time of the reader's responses so far
        self.narrowing = Narrowing()  # for its reader alone
        self.helper: Helper | None = None
        self.is_helped_in_vain = False
        self.density = density
        self.density_at_end = density_at_end

    @property
    def left(self) -> Interval:
        """What no reader has read."""
        return Interval(self.position, self.end)

    @property
    def done(self) -> bool:
        """Whether everything up to the end is read."""
        return self.position >= self.end

    @property
    def pages_left(self) -> float:
        """An estimate; 0 while unknown."""
        densities = [density for density in (self.density, self.density_at_end) if density is not None]
        if not densities or self.end - self.position <= SECOND:
            return 0.0
        return (self.end - self.position).total_seconds() * sum(densities) / len(densities)

    def _advance(self, read_to: datetime | None, now: datetime, density: float | None) -> Interval:
        self.density = self.density if density is None else density
        self.end = max(self.position, min(self.end, now))
        start = self.position
        self.position = self.end if read_to is None else max(start, min(read_to, self.end))
        return Interval(start, self.position)


class Helper:
    """Reads a slice from its end on, until it meets the slice's reader."""

    newest_first = True

    def __init__(self, part: Slice) -> None:
        self.part = part  # another one once this one is cut
        self.read_at: datetime | None = None

    @property
    def left(self) -> Interval:
        """What no reader has read."""
        return self.part.left

    @property
    def done(self) -> bool:
        """Whether nothing is left that two could share: the rest of a second is one reader's."""
        return self.part.end - self.part.position <= SECOND

    def _advance(self, read_to: datetime | None, now: datetime, density: float | None) -> Interval:
        part = self.part
        part.density_at_end = part.density_at_end if density is None else density
        end = max(part.position, min(part.end, now))
        part.end = part.position if read_to is None else min(end, max(read_to, part.position))
        return Interval(part.end, end)


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

    def take(self) -> Slice | Helper | None:
        """Return the next work; wait while others may still share theirs; None when no work is left."""
        with self._changed:
            while not self.stopping.is_set():
                taken = self._waiting.pop(0) if self._waiting else self._share()
                if isinstance(taken, Slice):
                    self._active.append(taken)
                if taken is not None:
                    return taken
                if not self._active:
                    return None
                self._changed.wait()
            return None

    def advance(
        self, part: Slice | Helper, read_to: datetime | None, now: datetime, density: float | None = None
    ) -> Interval:
        """Record a page that completes the slice up to `read_to` (None: all of it); return the completed interval.

        `now` is the server time of the response. No slice reaches beyond it: later events are for a later run.
        `density` is that of the page, in pages per second.
        """
        with self._changed:
            self._pages += 1
            part.read_at = min(part.read_at or now, now)
            completes = part._advance(read_to, now, density)
            self._changed.notify_all()
            return completes

    def leave_out(self, part: Slice, until: datetime, span: timedelta) -> None:
        """End the slice where its reader stands; what lies behind `until` becomes a slice that begins with `span`."""
        with self._changed:
            if until < part.end:
                rest = _cut(part, until)
                rest.narrowing = Narrowing(span)
                self._waiting.insert(0, rest)
            part.end = part.position
            self._changed.notify_all()

    def finish(self, part: Slice | Helper, *, in_vain: bool = False) -> None:
        """Record that the reader has read the slice to its end, or helps no more; no other helps what it could not."""
        with self._changed:
            if isinstance(part, Slice):
                self._active.remove(part)
            else:
                part.part.helper = None
                part.part.is_helped_in_vain |= in_vain
            self._changed.notify_all()

    def stop(self) -> None:
        """Hand out no more slices, and wake all readers that wait for one."""
        with self._changed:
            self.stopping.set()
            self._changed.notify_all()

    def _share(self) -> Slice | Helper | None:
        if self._cuts >= self._readers + _CUTS_PER_PAGE * self._pages:
            return None
        worth = [part for part in self._active if part.pages_left >= _WORTH_SHARING_PAGES]
        alone = [part for part in worth if part.helper is None and not part.is_helped_in_vain]
        # Before its helper has found the last event, most of a slice may be empty.
        bounded = [part for part in worth if part.density_at_end is not None or part.is_helped_in_vain]
        longest = max(alone or bounded, key=lambda part: part.pages_left, default=None)
        if longest is None:
            return None
        self._cuts += 1
        if alone:
            longest.helper = Helper(longest)
            return longest.helper
        # At least a second from either end: what is worth sharing is longer than a second.
        middle = longest.position + max(SECOND, (longest.end - longest.position) // 2)
        return _cut(longest, middle.replace(microsecond=0))


def _cut(part: Slice, at: datetime) -> Slice:
    """End the slice there; return the rest, with the helper, who reads at its end."""
    rest = Slice(Interval(at, part.end), part.density, part.density_at_end)
    rest.is_helped_in_vain = part.is_helped_in_vain
    if part.helper is not None:
        rest.helper, part.helper = part.helper, None
        rest.helper.part = rest
    part.end = at
    if part.density is not None and part.density_at_end is not None:
        part.density_at_end = rest.density = (part.density + part.density_at_end) / 2
    return rest
