"""Our part of the account's request limit, shared by every thread of the process."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

logger = logging.getLogger("zendesk_audit_assets.zendesk")

# Waits longer than this are logged, in seconds.
NOTABLE_WAIT_S = 5.0

# The smallest limit that Zendesk documents for a current plan (Team), until an answer tells the account's own.
UNKNOWN_LIMIT = 200

# Zendesk counts requests per minute.
WINDOW_S = 60.0

_PAST = float("-inf")


@dataclass(frozen=True)
class RateLimit:
    """What an answer's headers say: requests per minute, how many are left, seconds until it starts anew."""

    limit: int
    remaining: int | None = None
    reset_s: float | None = None


def read_rate_limit(headers: Mapping[str, str]) -> RateLimit | None:
    """The account's limit, or None if the headers do not tell it; the stricter of two if they tell both.

    Every answer carries `X-Rate-Limit` and `X-Rate-Limit-Remaining`, lists also `ratelimit-limit`,
    `ratelimit-remaining` and `ratelimit-reset` (Zendesk, "Rate limits"). Other APIs of Zendesk put a date into
    the last one, so what is not a number of seconds within the minute counts as unknown.
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
    """Paces requests so that in no minute more than `share` (above 0, at most 1) of the account's limit is used.

    They are spread evenly (the "generic cell rate algorithm"), but a tenth of a minute's part, at most ten, may
    go at once, so that a quiet refresh never waits. Where answers show that others have used more than their
    part, ours shrinks to `share` of what is left. Any thread may call any method.
    """

    def __init__(
        self,
        share: float = 0.5,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"the share of the request limit must be above 0 and at most 1, not {share}")
        self._share = share
        self._now = now
        self._sleep = sleep
        self._lock = threading.Lock()
        self._waited_s = 0.0
        self._even_s, self._ahead_s = _pace(share * UNKNOWN_LIMIT)
        self._next = _PAST  # when a request is due if all are spread evenly; it may go `_ahead_s` sooner
        self._crowded_s = 0.0
        self._crowded_next = _PAST
        self._crowded_until = _PAST
        self._paused_until = _PAST
        self._pauses = 0

    @property
    def seconds_waited(self) -> float:
        """What all threads together have waited for their turns."""
        with self._lock:
            return self._waited_s

    def acquire(self) -> float:
        """Wait for the turn to send one request; returns the seconds waited."""
        waited = 0.0
        moment = self._now()
        while True:
            with self._lock:
                paused = moment < self._paused_until
                due, pauses = self._reserve(moment), self._pauses
            if due > moment:
                if due - moment > NOTABLE_WAIT_S:
                    reason = "it asked for a pause" if paused else "our part of its request limit is used up"
                    logger.info("Waiting %.0f s for Zendesk: %s.", due - moment, reason)
                self._sleep(due - moment)
                waited += due - moment
            with self._lock:
                if pauses == self._pauses:
                    self._waited_s += waited
                    return waited
            # A pause began meanwhile, so this turn is void: else all who waited would go at once after it.
            moment = max(due, self._now())

    def observe(self, headers: Mapping[str, str]) -> RateLimit | None:
        """Learn the account's limit, and what is left of it, from an answer's headers."""
        seen = read_rate_limit(headers)
        if seen is None:
            return None
        with self._lock:
            self._even_s, self._ahead_s = _pace(self._share * seen.limit)
            # Alone we would always leave the others' part.
            if seen.remaining is not None and seen.remaining < (1 - self._share) * seen.limit:
                now = self._now()
                window = WINDOW_S if seen.reset_s is None else seen.reset_s
                self._crowded_s = window / max(self._share * seen.remaining, 1.0)
                self._crowded_until = now + window
                self._crowded_next = min(max(self._crowded_next, now + self._crowded_s), self._crowded_until)
            else:
                self._crowded_next = self._crowded_until = _PAST
        return seen

    def pause(self, seconds: float) -> None:
        """Let nobody send for so long. After it requests start one by one."""
        with self._lock:
            self._pauses += 1
            self._paused_until = max(self._paused_until, self._now() + seconds)
            self._next = self._paused_until + self._ahead_s

    def _reserve(self, moment: float) -> float:
        due = max(moment, self._next - self._ahead_s, self._crowded_next)
        self._crowded_next = min(due + self._crowded_s, self._crowded_until)
        self._next = max(self._next, due) + self._even_s
        return due


def _pace(per_minute: float) -> tuple[float, float]:
    """Seconds between requests, and how far one may run ahead, so that no minute sees more than `per_minute`."""
    whole = math.floor(per_minute) or per_minute
    at_once = min(10.0, whole / 10)
    interval = WINDOW_S / (whole - at_once)
    return interval, at_once * interval
