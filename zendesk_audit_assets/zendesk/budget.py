"""Our part of the account's request limit, shared by every thread, and by every process that uses the same file."""

from __future__ import annotations

import fcntl
import logging
import math
import mmap
import os
import struct
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Protocol

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


@dataclass
class BudgetState:
    """When the next requests may go, in seconds of the system's monotonic clock, which all processes share."""

    limit: float = float(UNKNOWN_LIMIT)
    due: float = _PAST  # when a request is due if all are spread evenly; it may go somewhat sooner
    crowded_s: float = 0.0  # seconds between requests while others use the limit up
    crowded_due: float = _PAST
    crowded_until: float = _PAST
    paused_until: float = _PAST
    pauses: int = 0
    written_at: float = _PAST


class BudgetStore(Protocol):
    """Where the state lives; whoever holds it is alone with it, and what they change stays."""

    def held(self, now: float) -> AbstractContextManager[BudgetState]: ...


class RateBudget:
    """Paces requests so that in no minute more than `share` (above 0, at most 1) of the account's limit is used.

    They are spread evenly (the "generic cell rate algorithm"), but a tenth of a minute's part, at most ten, may
    go at once, so that a quiet refresh never waits. Where answers show that others have used more than their
    part, ours shrinks to `share` of what is left. Any thread may call any method; with a `file`, the processes of
    this machine that name the same file share one budget.
    """

    def __init__(
        self,
        share: float = 0.5,
        *,
        file: Path | None = None,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < share <= 1:
            raise ValueError(f"the share of the request limit must be above 0 and at most 1, not {share}")
        self._share = share
        self._store: BudgetStore = _InMemory() if file is None else _InFile(file)
        self._now = now
        self._sleep = sleep
        self._calm_limit: int | None = None  # as the last answer told it, if that had nothing else to say
        self._waited_s = 0.0
        self._waited_lock = threading.Lock()

    @property
    def seconds_waited(self) -> float:
        """What all threads of this process together have waited for their turns."""
        with self._waited_lock:
            return self._waited_s

    def acquire(self) -> float:
        """Wait for the turn to send one request; returns the seconds waited."""
        waited = 0.0
        moment = self._now()
        while True:
            with self._store.held(moment) as state:
                paused = moment < state.paused_until
                due, pauses = self._reserve(state, moment), state.pauses
            if due <= moment:
                return waited
            if due - moment > NOTABLE_WAIT_S:
                reason = "it asked for a pause" if paused else "our part of its request limit is used up"
                logger.info("Waiting %.0f s for Zendesk: %s.", due - moment, reason)
            self._sleep(due - moment)
            waited += due - moment
            with self._waited_lock:
                self._waited_s += due - moment
            moment = max(due, self._now())
            with self._store.held(moment) as state:
                if pauses == state.pauses:
                    return waited
            # A pause began meanwhile, so this turn is void: else all who waited would go at once after it.

    def observe(self, headers: Mapping[str, str]) -> RateLimit | None:
        """Learn the account's limit, and what is left of it, from an answer's headers."""
        seen = read_rate_limit(headers)
        if seen is None:
            return None
        # Alone we would always leave the others' part.
        crowded = seen.remaining is not None and seen.remaining < (1 - self._share) * seen.limit
        if not crowded and seen.limit == self._calm_limit:
            return seen  # nothing new: most answers are like this, and holding the state has its price
        self._calm_limit = None if crowded else seen.limit
        now = self._now()
        with self._store.held(now) as state:
            state.limit = float(seen.limit)
            if crowded and seen.remaining is not None:
                window = WINDOW_S if seen.reset_s is None else seen.reset_s
                state.crowded_s = window / max(self._share * seen.remaining, 1.0)
                state.crowded_until = now + window
                state.crowded_due = min(max(state.crowded_due, now + state.crowded_s), state.crowded_until)
            else:
                state.crowded_due = state.crowded_until = _PAST
        return seen

    def pause(self, seconds: float) -> None:
        """Let nobody send for so long. After it requests start one by one."""
        now = self._now()
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
        """Seconds between requests, and how far one may run ahead, so that no minute sees more than our part."""
        per_minute = self._share * state.limit
        whole = math.floor(per_minute) or per_minute
        at_once = min(10.0, whole / 10)
        interval = WINDOW_S / (whole - at_once)
        return interval, at_once * interval


class _InMemory:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._state = BudgetState()

    @contextmanager
    def held(self, now: float) -> Iterator[BudgetState]:
        with self._lock:
            yield self._state


class _InFile:
    """A record of fixed size in a file that stays open; it is locked for the microseconds of a change.

    The lock is the system's own, which it frees when a process dies, and which waits without asking again and again.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        weakref.finalize(self, os.close, self._file)
        if os.fstat(self._file).st_size < _RECORD.size:
            os.ftruncate(self._file, _RECORD.size)
        # In memory, because every call of the system lets another thread go first.
        self._record = mmap.mmap(self._file, _RECORD.size)
        self._threads = threading.Lock()  # the file's lock belongs to the whole process

    @contextmanager
    def held(self, now: float) -> Iterator[BudgetState]:
        with self._threads:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                state = _unpacked(self._record, now)
                yield state
                state.written_at = now
                _RECORD.pack_into(self._record, 0, *_values(state), _MAGIC)
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)


_NAMES = tuple(field.name for field in fields(BudgetState))
_values = attrgetter(*_NAMES)
# The fields, then which version wrote them: what is not whole, or of another version, begins anew.
_MAGIC = b"budget 1"
_RECORD = struct.Struct("<" + "".join("q" if name == "pauses" else "d" for name in _NAMES) + "8s")


def _unpacked(record: mmap.mmap, now: float) -> BudgetState:
    *values, magic = _RECORD.unpack_from(record)
    if magic != _MAGIC:
        return BudgetState()
    state = BudgetState(*values)
    # A state from the future is of before the last start of the machine, when the clock began at 0 again.
    return state if state.written_at <= now + WINDOW_S else BudgetState()
