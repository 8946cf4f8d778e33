"""Delivery as a whole: real HTTP, a real DuckDB file, and senders that are killed."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from support.findings import finding, store
from support.patience import PATIENCE_S
from support.receivers import Receiver
from zendesk_audit_assets.alert import deliver as deliver_module
from zendesk_audit_assets.alert.channels.slack import Slack
from zendesk_audit_assets.alert.channels.webhook import Webhook
from zendesk_audit_assets.alert.errors import NotDelivered
from zendesk_audit_assets.alert.message import Message
from zendesk_audit_assets.alert.outbox import MAX_MESSAGES, ChannelState
from zendesk_audit_assets.warehouse.database import Warehouse

pytestmark = pytest.mark.dates

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def receiver() -> Iterator[Any]:
    with Receiver() as running:
        yield running


@pytest.fixture
def deliver(warehouse: Warehouse) -> Callable[..., Any]:
    def run(*channels: Any, now: datetime = NOW, level: str = "high", **how: Any) -> Any:
        return deliver_module.deliver(
            warehouse, channels, level=level, max_age=timedelta(hours=24), clock=lambda: now, **how
        )

    return run


@pytest.fixture
def found(warehouse: Warehouse) -> Callable[..., None]:
    def put(*findings: dict[str, Any]) -> None:
        with warehouse.transaction() as connection:
            store(connection, findings)

    put()
    return put


def webhook(receiver: Any) -> Webhook:
    return Webhook(receiver.url, "s3cret")


def keys(receiver: Any) -> list[str]:
    return [request.headers["idempotency-key"] for request in receiver.received]


def statuses(warehouse: Warehouse) -> Counter[str]:
    with warehouse.transaction() as connection:
        return Counter(status for (status,) in connection.execute("SELECT status FROM alert_deliveries").fetchall())


def test_what_is_found_is_sent_once(deliver: Any, found: Any, receiver: Any) -> None:
    found(finding(1), finding(2, severity="low"))
    for _ in range(3):
        assert deliver(webhook(receiver)) == {"webhook": ChannelState({"sent": 1}, None, None)}
    assert keys(receiver) == [finding(1)["uid"]]


def test_every_channel_is_sent_it(deliver: Any, found: Any, receiver: Any) -> None:
    found(finding(1))
    deliver(webhook(receiver), Slack(f"{receiver.url}/slack"))
    assert [request.path for request in receiver.received] == ["/", "/slack"]


def test_without_a_channel_nothing_is_kept_for_one(deliver: Any, found: Any, warehouse: Warehouse) -> None:
    found(finding(1))
    assert deliver() == {}
    assert statuses(warehouse) == {}


def test_a_first_backfill_of_old_findings_sends_nothing(
    deliver: Any, found: Any, receiver: Any, warehouse: Warehouse
) -> None:
    found(*(finding(n, last_event_at=NOW - timedelta(days=n + 2), found_at=NOW) for n in range(1_000)))
    deliver(webhook(receiver))
    assert receiver.received == []
    assert statuses(warehouse) == {"expired": 1_000}


@pytest.mark.faults
def test_a_storm_is_twenty_messages_and_one_that_counts_the_rest(
    deliver: Any, found: Any, receiver: Any, warehouse: Warehouse
) -> None:
    found(*(finding(n, severity="critical" if n % 100 == 0 else "high") for n in range(1_000)))
    deliver(webhook(receiver))
    summary, *single = [request.json for request in receiver.received]
    assert len(single) == MAX_MESSAGES
    assert Counter(one["severity"] for one in single) == {"critical": 10, "high": 10}
    assert (summary["kind"], summary["title"], summary["high"]) == ("suppressed", "980 more findings suppressed", 980)
    assert statuses(warehouse) == {"sent": 20, "suppressed": 980}
    deliver(webhook(receiver))
    assert len(receiver.received) == MAX_MESSAGES + 1


@pytest.mark.faults
def test_a_silent_channel_is_asked_once_a_run_and_loses_nothing(
    deliver: Any, found: Any, receiver: Any, warehouse: Warehouse
) -> None:
    found(*(finding(n) for n in range(30)))
    receiver.always = (503, {}, b"down")
    state = deliver(webhook(receiver))["webhook"]
    assert len(receiver.received) == 1
    assert (state.counts, state.next_try) == ({"pending": 30}, NOW + timedelta(minutes=1))
    assert "503 (down)" in state.last_error
    deliver(webhook(receiver), now=NOW + timedelta(seconds=59))
    assert len(receiver.received) == 1
    receiver.always = (200, {}, b"")
    deliver(webhook(receiver), now=NOW + timedelta(minutes=1))
    assert statuses(warehouse) == {"sent": 20, "suppressed": 10}
    assert len(set(keys(receiver))) == 21
    assert keys(receiver)[0] == keys(receiver)[1]  # the one that was not taken, again with its key


def test_one_channel_that_is_down_keeps_no_other_from_its_messages(deliver: Any, found: Any, receiver: Any) -> None:
    found(finding(1))
    states = deliver(Slack("http://127.0.0.1:1/services/T/B/x"), webhook(receiver))
    assert states["slack"].counts == {"pending": 1}
    assert states["webhook"].counts == {"sent": 1}


def test_a_refused_message_blocks_no_other(deliver: Any, found: Any, receiver: Any) -> None:
    found(finding(1), finding(2))
    receiver.says(400, b"invalid")
    assert deliver(webhook(receiver))["webhook"].counts == {"failed": 1, "sent": 1}
    assert deliver(webhook(receiver), retry_failed=True)["webhook"].counts == {"sent": 2}
    assert len(receiver.received) == 3


def test_outbox_and_log_hold_no_secret_of_a_channel(
    deliver: Any, found: Any, receiver: Any, warehouse: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    found(finding(1))
    receiver.says(500, b"cannot handle /services/T01/B02/the-secret: Bearer 0123456789abcdef-another-secret")
    deliver(Slack(f"{receiver.url}/services/T01/B02/the-secret"))
    with warehouse.transaction() as connection:
        ((error,),) = connection.execute("SELECT last_error FROM alert_deliveries").fetchall()
    assert "500" in error
    assert "secret" not in error + caplog.text


def test_the_warehouse_is_free_while_a_message_is_sent(deliver: Any, found: Any, warehouse: Warehouse) -> None:
    found(finding(1))
    seen = []

    class Looking:
        name = "webhook"

        def send(self, message: Message) -> None:
            other = Warehouse(warehouse.path, lock_timeout_s=0, stray_reader_timeout_s=0)
            with other.transaction() as connection:
                seen.extend(connection.execute("SELECT status FROM alert_deliveries").fetchall())

    deliver(Looking())
    assert seen == [("pending",)]


def test_a_slow_channel_is_left_for_the_next_run(
    deliver: Any, found: Any, receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    found(finding(1), finding(2))
    monkeypatch.setattr(deliver_module, "CHANNEL_S", -1)
    assert deliver(webhook(receiver))["webhook"].counts == {"pending": 2}
    monkeypatch.undo()
    assert deliver(webhook(receiver))["webhook"].counts == {"sent": 2}


def test_a_bug_fails_the_run_and_blocks_no_other_message(deliver: Any, found: Any, receiver: Any) -> None:
    found(finding(1, first_event_at=NOW - timedelta(hours=1)), finding(2))
    broken = finding(1)["uid"]

    class Broken:
        name = "webhook"

        def send(self, message: Message) -> None:
            if message.key == broken:
                raise ZeroDivisionError
            webhook(receiver).send(message)

    with pytest.raises(ZeroDivisionError):
        deliver(Broken())
    state = deliver(Broken())["webhook"]
    assert state.counts == {"pending": 1, "sent": 1}
    assert "ZeroDivisionError" in str(state.last_error)


def test_two_runs_at_once_send_everything_once(deliver: Any, found: Any, receiver: Any) -> None:
    found(*(finding(n) for n in range(15)))
    runs = [threading.Thread(target=deliver, args=(webhook(receiver),)) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(keys(receiver)) == len(set(keys(receiver))) == 15


# The process ends by SIGKILL as soon as the receiver has the n-th message: after the sending, before the note of it.
KILLED = """
import os, signal, sys
from datetime import datetime, timedelta
from pathlib import Path
from zendesk_audit_assets.alert import deliver as deliver_module
from zendesk_audit_assets.alert.channels.webhook import Webhook
from zendesk_audit_assets.warehouse.database import Warehouse

path, url, now, number = sys.argv[1:]

class Killed(Webhook):
    sent = 0
    def send(self, message):
        super().send(message)
        Killed.sent += 1
        if Killed.sent == int(number):
            os.kill(os.getpid(), signal.SIGKILL)

channel = Killed(url, "s3cret")
moment = datetime.fromisoformat(now)
deliver_module.deliver(
    Warehouse(Path(path)), [channel], level="high", max_age=timedelta(hours=24), clock=lambda: moment
)
"""


@pytest.mark.faults
@pytest.mark.parametrize("number", [1, 2, 11])
def test_a_kill_before_the_commit_resends_with_the_same_key(
    deliver: Any, found: Any, receiver: Any, warehouse: Warehouse, number: int
) -> None:
    found(*(finding(n) for n in range(30)))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(warehouse.path), receiver.url, NOW.isoformat(), str(number)],
        check=False,
        timeout=PATIENCE_S,
    )
    assert killed.returncode == -9
    assert len(receiver.received) == number
    in_doubt = keys(receiver)[-1]
    assert deliver(webhook(receiver))["webhook"].counts == {"sent": 20, "suppressed": 10}
    assert keys(receiver).count(in_doubt) == 2
    assert Counter(keys(receiver)).most_common()[1][1] == 1
    assert len(set(keys(receiver))) == 21


def test_an_error_of_a_channel_never_fails_the_delivery(deliver: Any, found: Any) -> None:
    found(finding(1))

    class Down:
        name = "email"

        def send(self, message: Message) -> None:
            raise NotDelivered("Down.", "Wait.")

    assert deliver(Down())["email"].last_error == "Down. Wait."
