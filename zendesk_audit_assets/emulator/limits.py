"""How many requests a minute the account may make, and the headers that say so."""

from __future__ import annotations

import math
from dataclasses import dataclass

_WINDOW_S = 60.0


@dataclass(frozen=True)
class Allowance:
    """What is left after a request has been counted; `reset_s` until the next minute begins."""

    limit: int
    remaining: int
    reset_s: int
    exceeded: bool

    def headers(self) -> dict[str, str]:
        return {
            "x-rate-limit": str(self.limit),
            "x-rate-limit-remaining": str(self.remaining),
            "ratelimit-limit": str(self.limit),
            "ratelimit-remaining": str(self.remaining),
            "ratelimit-reset": str(self.reset_s),
        }


class RateLimit:
    """Counts in minutes that begin with the first request after the previous one ended."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._began_at = -math.inf
        self._used = 0

    def count(self, now: float) -> Allowance:
        if not 0 <= now - self._began_at < _WINDOW_S:
            self._began_at, self._used = now, 0
        exceeded = self._used >= self._limit
        self._used += not exceeded
        reset_s = max(1, math.ceil(self._began_at + _WINDOW_S - now))
        return Allowance(self._limit, self._limit - self._used, reset_s, exceeded)
