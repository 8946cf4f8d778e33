"""The clock of the tests."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone

NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


class Clock:
    """Time that passes only while somebody waits by it, or when a test advances it. A call gives epoch seconds.

    `waits` holds the seconds of every wait so far.
    """

    def __init__(self, now: datetime = NOON) -> None:
        self._lock = threading.Lock()
        self._seconds = now.timestamp()
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self._seconds

    @property
    def now(self) -> datetime:
        """The present moment, in UTC."""
        return datetime.fromtimestamp(self._seconds, timezone.utc)

    @now.setter
    def now(self, moment: datetime) -> None:
        self._seconds = moment.timestamp()

    def advance(self, by: timedelta | float) -> None:
        """Let time pass: a `timedelta`, or seconds."""
        seconds = by.total_seconds() if isinstance(by, timedelta) else by
        with self._lock:
            self._seconds += seconds

    def wait(self, seconds: float) -> None:
        """Stand in for `time.sleep`: note the wait, and let the time pass at once."""
        self.waits.append(seconds)
        self.advance(seconds)
