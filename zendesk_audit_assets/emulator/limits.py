"""Rate limits per minute, and the headers that report them."""

from __future__ import annotations

import math
from dataclasses import dataclass

_WINDOW_S = 60.0


@dataclass(frozen=True)
class RateStatus:
    """The state of a limit after a request was counted; the next minute begins in `reset_s` seconds."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool

    def headers(self) -> dict[str, str]:
        """The headers of Zendesk's two generations of rate limits."""
        return {
            "x-rate-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_s),
        }


class MinuteLimit:
    """Allows `limit` requests per minute. A minute begins with the first request after the previous minute."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._started_at = -math.inf
        self._used = 0

    def count(self, now: float) -> RateStatus:
        """Count a request at this epoch second."""
        if not 0 <= now - self._started_at < _WINDOW_S:
            self._started_at, self._used = now, 0
        exceeded = self._used >= self._limit
        self._used += not exceeded
        reset_s = max(1, math.ceil(self._started_at + _WINDOW_S - now))
        return RateStatus(self._limit, self._limit - self._used, reset_s, exceeded)
