"""Our part of the account's request limit, shared by all threads, and by all processes that use the same file."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from zendesk_audit_assets.deadline import NOTABLE_WAIT_S
from zendesk_audit_assets.zendesk.budget_state import (
    MAX_PAUSE_S,
    WINDOW_S,
    BudgetState,
    BudgetStore,
    FileStore,
    MemoryStore,
)
from zendesk_audit_assets.zendesk.stopping import NEVER, Wait, wait

logger = logging.getLogger("zendesk_audit_assets.zendesk")

# After a long wait is told, the next one of the same kind only after this pause.
TELLING_PAUSE_S = 60.0


@dataclass(frozen=True)
class RateLimit:
    """The headers of a response: requests per minute, how many remain, and seconds until the next minute begins."""

    limit: int
    remaining: int | None = None
    reset_s: float | None = None


def read_rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """Return the account's limit, or None without one in the headers; the stricter if there are two.

    Every response carries `X-Rate-Limit` and `X-Rate-Limit-Remaining`, lists also `ratelimit-limit`,
    `ratelimit-remaining` and `ratelimit-reset` (Zendesk, "Rate limits"). Other Zendesk APIs put a date into
    `ratelimit-reset`, so a value that is not a number of seconds within the minute counts as unknown.
    """
    values = {name.lower(): value for name, value in headers.items()}

    def numbers(*names: str) -> list[int]:
        found = (values.get(name, "").strip() for name in names)
        return [int(value) for value in found if value.isascii() and value.isdigit() and len(value) < 10]

    limits = [limit for limit in numbers("x-rate-limit", "ratelimit-limit") if limit > 0]
    if not limits:
        return None
    resets = [reset for reset in numbers("ratelimit-reset") if reset <= WINDOW_S]
    return RateLimit(
        limit=min(limits),
        remaining=min(numbers("x-rate-limit-remaining", "ratelimit-remaining"), default=None),
        reset_s=float(resets[0]) if resets else None,
    )


class RateBudget:
    """Paces requests: no minute uses more than `share` (above 0, at most 1) of the account's limit.

    Requests are spread evenly (the "generic cell rate algorithm"), but a tenth of a minute's part, at most ten, may
    go at once, so a quiet refresh never waits. When responses show that other clients use more than the rest,
    our part shrinks to `share` of the remainder. Any thread may call any method; the processes of this machine
    that name the same `file` share one budget.

    `now` is the system's monotonic clock in seconds, `sleep` replaces the wait in tests.
    """

    def __init__(
        self,
        share: float = 0.5,
        *,
        file: Path | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Wait | None = None,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"the share of the request limit must be above 0 and at most 1, not {share}")
        self._share = share
        self._store: BudgetStore = MemoryStore() if file is None else FileStore(file)
        self._now = now
        self._sleep = sleep
        # The limit that the state had at the last request, unless others crowd the account then.
        self._calm_limit: float | None = None
        self._waited_s = 0.0
        self._waited_lock = threading.Lock()
        self._told_at: float | None = None

    @property
    def seconds_waited(self) -> float:
        """The seconds that all threads of this process together have waited for their turns."""
        with self._waited_lock:
            return self._waited_s

    def acquire(self, stop: threading.Event = NEVER) -> float:
        """Wait for the turn to send one request; return the seconds waited. Raises `Stopped` once `stop` is set."""
        waited = 0.0
        moment = self._now()
        while True:
            with self._store.held(moment) as state:
                paused = moment < state.paused_until
                due, pauses = self._reserve(state, moment), state.pauses
                self._calm_limit = state.limit if moment >= state.crowded_until else None
            if due <= moment:
                return waited
            self._tell(due - moment, moment, paused)
            wait(due - moment, stop, self._sleep)
            waited += due - moment
            with self._waited_lock:
                self._waited_s += due - moment
            moment = max(due, self._now())
            with self._store.held(moment) as state:
                if pauses == state.pauses:
                    return waited
            # A pause began meanwhile and voids this turn: otherwise all waiting threads would go at once after it.

    def _tell(self, seconds: float, moment: float, paused: bool) -> None:
        """Tell of a long wait, but not of each of many in a row."""
        if seconds <= NOTABLE_WAIT_S:
            return
        with self._waited_lock:
            if self._told_at is not None and moment < self._told_at + TELLING_PAUSE_S:
                return
            self._told_at = moment
        reason = (
            "it asked for a pause"
            if paused
            else "this account's share of the request limit is used up, here or by other programs"
        )
        logger.warning("Waiting %.0f s for Zendesk: %s.", seconds, reason)

    def observe(self, headers: Mapping[str, str]) -> RateLimit | None:
        """Learn the account's limit, and how much of it remains, from the headers of a response."""
        seen = read_rate_limit(headers)
        if seen is None:
            return None
        # Alone we would always leave the others' share.
        crowded = seen.remaining is not None and seen.remaining < (1 - self._share) * seen.limit
        if not crowded and seen.limit == self._calm_limit:
            return seen  # nothing new: most responses are like this, and holding the state has its price
        self._calm_limit = None if crowded else float(seen.limit)
        now = self._now()
        with self._store.held(now) as state:
            state.limit = float(seen.limit)
            if crowded and seen.remaining is not None:
                window = WINDOW_S if seen.reset_s is None else seen.reset_s
                state.crowded_s = window / max(self._share * seen.remaining, 1.0)
                state.crowded_until = now + window
                state.crowded_due = min(max(state.crowded_due, now + state.crowded_s), state.crowded_until)
            else:
                state.crowded_due = state.crowded_until = 0.0
        return seen

    def pause(self, seconds: float) -> None:
        """Send nothing for `seconds`, at most an hour; then requests start one by one."""
        now, seconds = self._now(), min(seconds, MAX_PAUSE_S)
        with self._store.held(now) as state:
            state.pauses += 1
            state.paused_until = max(state.paused_until, now + seconds)
            state.due = state.paused_until + self._pace(state)[1]

    def _reserve(self, state: BudgetState, moment: float) -> float:
        interval, ahead = self._pace(state)
        due = max(moment, state.due - ahead, state.crowded_due)
        state.crowded_due = min(due + state.crowded_s, state.crowded_until)
        state.due = max(state.due, due) + interval
        return due

    def _pace(self, state: BudgetState) -> tuple[float, float]:
        """Return the seconds between requests, and how far one may run ahead, so that no minute exceeds the share."""
        per_minute = self._share * state.limit
        whole = math.floor(per_minute) or per_minute
        at_once = min(10.0, whole / 10)
        interval = WINDOW_S / (whole - at_once)
        return interval, at_once * interval
