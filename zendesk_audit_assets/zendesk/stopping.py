"""Waits that another thread can end."""

from __future__ import annotations

import threading
from collections.abc import Callable

Wait = Callable[[float], None]

# For callers that nobody stops.
NEVER = threading.Event()


class Stopped(Exception):
    """The caller was stopped: its wait or its request was given up."""


def require_going(stop: threading.Event) -> None:
    """Raise `Stopped` if `stop` is set."""
    if stop.is_set():
        raise Stopped


def wait(seconds: float, stop: threading.Event = NEVER, sleep: Wait | None = None) -> None:
    """Wait for `seconds`, by `sleep` if there is one. Raises `Stopped` as soon as `stop` is set."""
    if sleep is None:
        stop.wait(seconds)
    else:
        sleep(seconds)
    require_going(stop)
