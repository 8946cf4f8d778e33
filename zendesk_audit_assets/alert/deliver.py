"""Send the alerts that are due, and record each result. Where the warehouse and the channels meet."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from zendesk_audit_assets.alert import outbox
from zendesk_audit_assets.alert.channels import Channel
from zendesk_audit_assets.alert.errors import NotDelivered
from zendesk_audit_assets.alert.message import Message, message_for, message_for_suppressed
from zendesk_audit_assets.alert.outbox import ChannelState, Due
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.identity import owner_of
from zendesk_audit_assets.warehouse.database import Warehouse

logger = logging.getLogger("zendesk_audit_assets.alert")

# Seconds after which a slow channel is left for the next run: the log must not wait for it.
CHANNEL_S = 60.0


@dataclass(frozen=True)
class Outgoing:
    """A message, the uids of the findings that it settles, and their status once it has arrived."""

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
    retry_failed: bool = False,
    clock: Callable[[], datetime] = _now,
) -> Mapping[str, ChannelState]:
    """Send to each channel the findings that are due; the state of each channel by name.

    Findings below the severity `level` or older than `max_age` are not sent; `retry_failed` also sends the deliveries
    that failed for good. The warehouse is never locked while a message is sent. Delivery is at least once: after a
    crash between send and commit, the next run resends with the same key.
    Raises `NoFindings`, and `WarehouseBusy` when another run has been delivering for ten minutes.
    """
    names = [channel.name for channel in channels]
    with warehouse.exclusive("alerts", "sending alerts"):
        with warehouse.transaction() as connection:
            outbox.enqueue(connection, names, level, max_age, clock())
            if retry_failed:
                outbox.retry_failed(connection, names)
            waiting = [outbox.due(connection, name, clock()) for name in names]
            account_url = owner_of(connection)
        for channel, due in zip(channels, waiting, strict=True):
            _send_all(warehouse, channel, list(_outgoing(due, account_url)), clock)
        with warehouse.transaction() as connection:
            return {name: outbox.state(connection, name) for name in names}


def _send_all(
    warehouse: Warehouse, channel: Channel, messages: Sequence[Outgoing], clock: Callable[[], datetime]
) -> None:
    until = time.monotonic() + CHANNEL_S
    for number, outgoing in enumerate(messages):
        if time.monotonic() > until:
            logger.warning(
                "%s is slow: the next run sends the other %d messages.", channel.name, len(messages) - number
            )
            return
        try:
            channel.send(outgoing.message)
        except AuditError as error:
            logger.warning("%s: %s", channel.name, error)
            with warehouse.transaction() as connection:
                outbox.record_failure(connection, channel.name, outgoing.uids, error, clock())
                if not error.permanent:
                    # A channel that does not answer is asked once a run; the other messages wait as long as this one.
                    rest = [uid for other in messages[number + 1 :] for uid in other.uids]
                    outbox.postpone(connection, channel.name, rest, clock())
                    return
        except Exception as bug:
            # Unrecorded, it would be the first message of each run and block all others.
            failure = NotDelivered(f"The message could not be sent ({type(bug).__name__}).", "Look at the run's log.")
            with warehouse.transaction() as connection:
                outbox.record_failure(connection, channel.name, outgoing.uids, failure, clock())
            raise
        else:
            with warehouse.transaction() as connection:
                outbox.record_result(connection, channel.name, outgoing.uids, outgoing.status, clock())


def _outgoing(due: Due, account_url: str | None) -> Iterator[Outgoing]:
    """The message for many comes first: after a crash behind it, the next run has only the others to send."""
    if due.suppressed:
        severities = {due.keys[uid]: severity for uid, severity in due.suppressed.items()}
        yield Outgoing(message_for_suppressed(severities, account_url), tuple(due.suppressed), "suppressed")
    for finding in due.findings:
        yield Outgoing(message_for(finding, account_url, due.keys[finding.uid]), (finding.uid,), "sent")
