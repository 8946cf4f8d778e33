"""The state of a rate budget, and the two places that hold it: this process, or a file that several processes share."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from zendesk_audit_assets import files

logger = logging.getLogger("zendesk_audit_assets.zendesk")

# The smallest limit that Zendesk documents for a current plan (Team), until a response tells the account's own.
UNKNOWN_LIMIT = 200

# Zendesk counts requests per minute.
WINDOW_S = 60.0

# No pause is longer, and no file makes a process wait longer.
MAX_PAUSE_S = 3600.0

# Zendesk's largest documented limit is 2,500 requests a minute.
_MAX_LIMIT = 1_000_000

_MAX_FILE_BYTES = 4096
# The lock is held for less than a millisecond.
_LOCK_TIMEOUT_S = 30.0
_LOCK_POLL_S = 0.001


@dataclass
class BudgetState:
    """When the next requests may go, in seconds of the system's monotonic clock, which all processes share."""

    limit: float = float(UNKNOWN_LIMIT)
    due: float = 0.0  # when a request is due if all are spread evenly; it may go somewhat sooner
    crowded_s: float = 0.0  # seconds between requests while others use the limit up
    crowded_due: float = 0.0
    crowded_until: float = 0.0
    paused_until: float = 0.0
    pauses: int = 0
    written_at: float = 0.0


class BudgetStore(Protocol):
    """Holds the state. The holder is alone with it, and its changes are kept."""

    def held(self, now: float) -> AbstractContextManager[BudgetState]: ...


class MemoryStore:
    """The state of one process."""

    def __init__(self, state: BudgetState | None = None) -> None:
        self._lock = threading.Lock()
        self._state = state or BudgetState()

    @contextmanager
    def held(self, now: float) -> Iterator[BudgetState]:
        with self._lock:
            yield self._state


class FileStore:
    """The state as JSON in a file, under a lock file beside it that the system frees when a process dies.

    Content that `BudgetState` could not have written counts as no content. Where a file is not this user's, or cannot
    be used, this process goes on with a state of its own, and says so once.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock_path = path.with_name(f"{path.name}.lock")
        self._threads = threading.Lock()  # first, so that only processes contend for the file
        self._lock = FileLock(
            self._lock_path,
            timeout=_LOCK_TIMEOUT_S,
            mode=files.PRIVATE_FILE,
            thread_local=False,
            poll_interval=_LOCK_POLL_S,
        )
        self._instead: MemoryStore | None = None

    @contextmanager
    def held(self, now: float) -> Iterator[BudgetState]:
        with self._threads:
            opened = None if self._instead else self._open(now)
            if opened is None:
                self._instead = self._instead or MemoryStore()
                with self._instead.held(now) as state:
                    yield state
                return
            file, state = opened
            before = replace(state)
            try:
                yield state
                if state != before:  # else somebody only looked whether a pause has begun
                    state.written_at = now
                    self._write(file, state)
            finally:
                os.close(file)
                self._lock.release()

    def _open(self, now: float) -> tuple[int, BudgetState] | None:
        """The open file and its state, with the lock held; None when they cannot be used."""
        try:
            files.make_folder(self._path.parent, files.FOLDER_ON_THE_WAY)
            files.create_own(self._lock_path)
            self._lock.acquire()
        except Timeout:
            self._go_on_alone(f"another process holds it for more than {_LOCK_TIMEOUT_S:.0f} s")
            return None
        except OSError as error:
            self._go_on_alone(str(error.strerror), error.filename)
            return None
        try:
            files.require_own(self._path)
            # A link is not followed, and a pipe does not block.
            flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            file = os.open(self._path, flags | getattr(os, "O_BINARY", 0), files.PRIVATE_FILE)
            try:
                return file, _parse(os.read(file, _MAX_FILE_BYTES), now)
            except BaseException:
                os.close(file)
                raise
        except OSError as error:
            self._lock.release()
            self._go_on_alone(str(error.strerror), error.filename)
            return None
        except BaseException:
            self._lock.release()
            raise

    def _write(self, file: int, state: BudgetState) -> None:
        content = json.dumps(vars(state)).encode()
        try:
            os.lseek(file, 0, os.SEEK_SET)
            os.write(file, content)
            os.ftruncate(file, len(content))
        except OSError as error:
            self._go_on_alone(str(error.strerror))
            self._instead = MemoryStore(state)

    def _go_on_alone(self, reason: str, path: str | None = None) -> None:
        self._instead = MemoryStore()
        logger.warning(
            "%s cannot be used (%s), so this process does not know what other processes take of the request limit. "
            "Delete it, and give this user write access to its folder.",
            path or self._path,
            reason,
        )


def _parse(content: bytes, now: float) -> BudgetState:
    """The state; a new one if the content is torn, of another version, from before the last boot, or out of range."""
    try:
        values = json.loads(content)
        state = BudgetState(**{field.name: values.pop(field.name) for field in fields(BudgetState)})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return BudgetState()
    return state if not values and _is_plausible(state, now) else BudgetState()


def _is_plausible(state: BudgetState, now: float) -> bool:
    ranges = {
        "limit": (1, _MAX_LIMIT),
        "due": (0, now + MAX_PAUSE_S + 10 * WINDOW_S),  # those who wait after a pause go one by one
        "crowded_s": (0, WINDOW_S),
        "crowded_due": (0, now + 2 * WINDOW_S),
        "crowded_until": (0, now + 2 * WINDOW_S),
        "paused_until": (0, now + MAX_PAUSE_S),
        "pauses": (0, 2**53),
        # The clock begins again at 0 when the machine starts.
        "written_at": (0, now + WINDOW_S),
    }
    return type(state.pauses) is int and all(
        type(value) in (int, float) and low <= value <= high
        for value, (low, high) in ((getattr(state, name), bounds) for name, bounds in ranges.items())
    )
