"""From findings to people: what is due is sent, then noted. Where the warehouse and the channels meet; no Dagster."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from filelock import FileLock, Timeout

from zendesk_audit_assets.alert import (
    Channel,
    Message,
    NotDelivered,
    of_finding,
    of_suppressed,
    outbox,
)
from zendesk_audit_assets.alert.outbox import ChannelState, Due
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.warehouse.database import LOCK_TIMEOUT_S, Warehouse, WarehouseBusy

logger = logging.getLogger("zendesk_audit_assets.alert")

# Seconds after which a slow channel is left for the next run: the log must not wait for it.
CHANNEL_S = 60.0


@dataclass(frozen=True)
class Letter:
    """A message, the findings that are settled once it has arrived, and what they are then."""

    message: Message
    uids: tuple[str, ...]
    status: str


def _now() -> datetime:
    return datetime.now(timezone.utc)


def deliver(
    warehouse: Warehouse,
    channels: Sequence[Channel],
    *,
    level: str,
    max_age: timedelta,
    try_failed_again: bool = False,
    clock: Callable[[], datetime] = _now,
) -> Mapping[str, ChannelState]:
    """Send what is due to each channel, and say how each stands afterwards.

    The warehouse is never held while something is sent. Whoever is killed after a message was sent and before that
    is noted leaves it to be sent again, with the same key; none is lost.
    Raises `WarehouseBusy` when another run has been delivering for ten minutes, `NoFindings`.
    """
    names = [channel.name for channel in channels]
    with _one_at_a_time(warehouse):
        with warehouse.transaction() as connection:
            outbox.enqueue(connection, names, level, max_age, clock())
            if try_failed_again:
                outbox.try_failed_again(connection, names)
            waiting = [outbox.due(connection, name, clock()) for name in names]
        for channel, due in zip(channels, waiting, strict=True):
            _send_all(warehouse, channel, due, clock)
        with warehouse.transaction() as connection:
            return {name: outbox.state(connection, name) for name in names}


def _send_all(warehouse: Warehouse, channel: Channel, due: Due, clock: Callable[[], datetime]) -> None:
    letters = list(_letters(due))
    until = time.monotonic() + CHANNEL_S
    for number, letter in enumerate(letters):
        if time.monotonic() > until:
            logger.warning("%s is slow: %d messages are left for the next run.", channel.name, len(letters) - number)
            return
        try:
            channel.send(letter.message)
        except AuditError as error:
            logger.warning("%s: %s", channel.name, error)
            with warehouse.transaction() as connection:
                outbox.note_failure(connection, channel.name, letter.uids, error, clock())
                if not error.permanent:
                    # A channel that does not answer is not asked for every message: all that waits for it waits.
                    rest = [uid for other in letters[number + 1 :] for uid in other.uids]
                    outbox.postpone(connection, channel.name, rest, clock())
                    return
        except Exception as bug:
            # Else it would be the first to be sent in each run, and keep all others from being sent.
            failure = NotDelivered(f"The message could not be sent ({type(bug).__name__}).", "Look at the run's log.")
            with warehouse.transaction() as connection:
                outbox.note_failure(connection, channel.name, letter.uids, failure, clock())
            raise
        else:
            with warehouse.transaction() as connection:
                outbox.note(connection, channel.name, letter.uids, letter.status, clock())


def _letters(due: Due) -> Iterator[Letter]:
    """What is one message for many first: killed after it, the next run has only the others to send."""
    if due.suppressed:
        yield Letter(of_suppressed(due.suppressed), tuple(due.suppressed), "suppressed")
    for finding in due.findings:
        yield Letter(of_finding(finding), (finding["uid"],), "sent")


@contextmanager
def _one_at_a_time(warehouse: Warehouse) -> Iterator[None]:
    """Two runs at once would send everything twice. The system frees the lock when a process dies."""
    warehouse.path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(f"{warehouse.path}.alerts.lock", timeout=LOCK_TIMEOUT_S)
    try:
        lock.acquire()
    except Timeout as error:
        raise WarehouseBusy(
            f"Another run has been sending alerts for {LOCK_TIMEOUT_S:.0f} s.", "Wait, or stop it in the Dagster UI."
        ) from error
    try:
        yield
    finally:
        lock.release()
