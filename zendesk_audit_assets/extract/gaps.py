"""Windows that cannot be read while Zendesk serves others: left out for now, and tried again with growing pauses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import duckdb

from zendesk_audit_assets.extract.coverage import SECOND, Interval, subtract, union
from zendesk_audit_assets.extract.tables import COVERAGE, FAILED_READS

# After the first attempt; it doubles with each further one, up to a day.
FIRST_PAUSE = timedelta(minutes=15)
LONGEST_PAUSE = timedelta(days=1)
# Gaps that one run tries again, the longest first.
GAPS_PER_RUN = 50


@dataclass(frozen=True)
class FailedRead:
    """An attempt to read a window that failed at `tried_at`, the `attempt`-th one."""

    window: Interval
    reason: str
    attempt: int
    tried_at: datetime

    @property
    def due_at(self) -> datetime:
        """When a run may try again."""
        doubled: int = 2 ** min(self.attempt - 1, 20)
        return self.tried_at + min(FIRST_PAUSE * doubled, LONGEST_PAUSE)


def open_gaps(connection: duckdb.DuckDBPyConnection) -> list[FailedRead]:
    """Return the last failed attempt at each window that no later batch covers; its window is the part still open."""
    rows = connection.execute(
        f"""
        SELECT batch_id, window_start, window_end, reason, attempt, tried_at FROM {FAILED_READS.name} AS failed
        WHERE NOT EXISTS (
            FROM {COVERAGE.name} AS later WHERE later.batch_id > failed.batch_id
            AND later.window_start <= failed.window_start AND later.window_end >= failed.window_end
        )
        QUALIFY row_number() OVER (PARTITION BY window_start, window_end ORDER BY batch_id DESC) = 1
        ORDER BY window_start, window_end
        """
    ).fetchall()
    gaps = []
    for batch_id, start, end, reason, attempt, tried_at in rows:
        later = connection.execute(
            f"SELECT window_start, window_end FROM {COVERAGE.name} "
            "WHERE batch_id > ? AND window_start < ? AND window_end > ? AND window_start < window_end",
            [batch_id, end, start],
        ).fetchall()
        left = subtract(Interval(_utc(start), _utc(end)), [Interval(_utc(a), _utc(b)) for a, b in later])
        gaps += [FailedRead(window, reason, attempt, _utc(tried_at)) for window in left]
    return gaps


def with_gaps(todo: Iterable[Interval], gaps: Iterable[FailedRead], now: datetime) -> list[Interval]:
    """Return the intervals to fetch: `todo`, with the gaps that are due, without those that are not yet.

    A request asks for a second more on either side, so it keeps a second away from a gap.
    """
    in_turn = sorted(gaps, key=lambda gap: (gap.due_at > now, gap.window.start - gap.window.end, gap.tried_at))
    tried = [gap.window for gap in in_turn[:GAPS_PER_RUN] if gap.due_at <= now]
    waiting = [gap.window for gap in in_turn[len(tried) :]]
    margins = union(Interval(window.start - SECOND, window.end + SECOND) for window in waiting)
    due = (rest for window in tried for rest in subtract(window, waiting))
    return union([*(rest for interval in todo for rest in subtract(interval, margins)), *due])


def attempts(gaps: Iterable[FailedRead], window: Interval) -> int:
    """Return how many runs have tried a part of the window in vain."""
    return max((gap.attempt for gap in gaps if gap.window & window), default=0)


def _utc(instant: datetime) -> datetime:
    return instant.astimezone(timezone.utc)
