"""Which part of a slice to request next, once a request for more of it has failed. Nothing here does I/O.

A window that fails is halved down to the second that fails; behind a second that is left out, windows begin with a
second and double. So one bad second costs about `2 log2(window)` requests, and a bad stretch one for each second of it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from zendesk_audit_assets.extract.coverage import SECOND, Interval


class Narrowing:
    """The state of one slice; `active` from its first failure on. With `span`, it begins with a window that long."""

    def __init__(self, span: timedelta | None = None) -> None:
        self._span = span
        # The end of the shortest window that has failed; the fault lies before it.
        self._failed_to: datetime | None = None

    @property
    def active(self) -> bool:
        """Whether requests are being narrowed."""
        return self._span is not None or self._failed_to is not None

    def window(self, position: datetime, end: datetime) -> Interval:
        """Return the window to request at `position`: at least a second, unless the slice ends before."""
        if self._failed_to is not None and self._failed_to > position:
            half = timedelta(seconds=(self._failed_to - position) // SECOND // 2)
            return Interval(position, min(end, position + max(SECOND, half)))
        return Interval(position, end if self._span is None else min(end, position + self._span))

    def failed(self, window: Interval) -> None:
        """Record that a page of the window cannot be read."""
        self._failed_to = window.end

    def passed(self, window: Interval) -> None:
        """Record that the window was read to its end."""
        if not self.active or (self._failed_to is not None and window.end < self._failed_to):
            return
        self._failed_to = None
        self._span = 2 * max(SECOND, window.end - window.start)
