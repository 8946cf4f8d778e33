"""How long the program waits for others: a time limit over a whole exchange, and when a wait is worth a word."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

# Longer waits are told, in seconds.
NOTABLE_WAIT_S = 5.0


def within(seconds: float, exchange: Callable[[], T], thread_name: str) -> T:
    """Return the result of `exchange`, or raise what it raises; `TimeoutError` when it takes more than `seconds`.

    A socket's timeout starts again with every byte, and resolving a name has none. The exchange therefore runs in a
    thread of its own; after the deadline nobody waits for it, and it does not keep the process alive.
    """
    outcomes: queue.SimpleQueue[T | BaseException] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcomes.put(exchange())
        except BaseException as error:
            outcomes.put(error)

    threading.Thread(target=run, name=thread_name, daemon=True).start()
    try:
        outcome = outcomes.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"it took more than {seconds:g} s") from None
    if isinstance(outcome, BaseException):
        raise outcome
    return outcome
