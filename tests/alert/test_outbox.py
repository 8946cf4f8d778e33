"""The outbox: once per finding and channel, nothing old, tried with pauses, never lost, never a storm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.findings import finding, store
from zendesk_audit_assets.alert import outbox
from zendesk_audit_assets.alert.errors import NotDelivered, Undeliverable
from zendesk_audit_assets.alert.outbox import MAX_ATTEMPTS, MAX_MESSAGES, NoFindings
from zendesk_audit_assets.detect.finding import Finding
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.warehouse.migrations import migrate

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
DAY = timedelta(days=1)
LATER = NotDelivered("Nobody answers.", "Wait.")
NEVER = Undeliverable("No such hook.", "Set another one.")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        migrate(opened)
        store(opened, [])
        yield opened


@pytest.fixture
def enqueue(connection: duckdb.DuckDBPyConnection) -> Callable[..., None]:
    def run(*channels: str, level: str = "high", max_age: timedelta = DAY, now: datetime = NOW, **_: Any) -> None:
        outbox.enqueue(connection, channels or ("slack",), level, max_age, now)

    return run


def rows(connection: duckdb.DuckDBPyConnection, *columns: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"SELECT {', '.join(columns)} FROM alert_deliveries ORDER BY ALL").fetchall()


def due(connection: duckdb.DuckDBPyConnection, now: datetime = NOW, channel: str = "slack") -> list[str]:
    return [one.uid for one in outbox.due(connection, channel, now).findings]


def uid(number: int) -> str:
    return str(finding(number)["uid"])


@pytest.mark.parametrize("level", SEVERITIES)
def test_findings_at_or_above_the_level_are_due_on_every_channel(connection: Any, enqueue: Any, level: str) -> None:
    store(connection, [finding(number, severity=one) for number, one in enumerate(SEVERITIES)])
    enqueue("slack", "email", level=level)
    expected = {uid(number) for number in range(SEVERITIES.index(level), len(SEVERITIES))}
    assert set(due(connection)) == set(due(connection, channel="email")) == expected


def test_what_is_due_is_the_finding_as_it_is(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    (one,) = outbox.due(connection, "slack", NOW).findings
    row = finding()
    assert one == Finding.from_row(list(row), list(row.values()))


def test_a_finding_is_put_in_once_per_channel_whatever_becomes_of_it(connection: Any, enqueue: Any) -> None:
    store(connection, [finding(number) for number in range(4)])
    enqueue("slack")
    outbox.record_result(connection, "slack", [uid(0)], "sent", NOW)
    outbox.record_result(connection, "slack", [uid(1)], "suppressed", NOW)
    outbox.record_failure(connection, "slack", [uid(2)], NEVER, NOW)
    before = rows(connection, "*")
    enqueue("slack")
    assert rows(connection, "*") == before
    enqueue("slack", "email")
    assert len(rows(connection, "*")) == 8
    assert len(due(connection, channel="email")) == 4


def test_what_is_older_than_the_greatest_age_is_never_sent(connection: Any, enqueue: Any) -> None:
    old, new = NOW - DAY - timedelta(seconds=1), NOW - DAY
    store(connection, [finding(1, last_event_at=old, found_at=NOW), finding(2, last_event_at=new, found_at=NOW)])
    enqueue()
    assert due(connection) == [uid(2)]
    assert rows(connection, "status") == [("expired",), ("pending",)]
    enqueue(max_age=10 * DAY)
    assert due(connection) == [uid(2)]


def test_what_was_found_while_nothing_could_be_sent_is_sent_late(connection: Any, enqueue: Any) -> None:
    enqueue(now=NOW - 10 * DAY)
    found, happened = NOW - 9 * DAY, NOW - 9 * DAY - timedelta(hours=1)
    store(connection, [finding(1, last_event_at=happened, found_at=found), finding(2, found_at=NOW - 11 * DAY)])
    connection.execute("UPDATE findings SET last_event_at = found_at WHERE uid = $1", [uid(2)])
    enqueue()
    assert due(connection) == [uid(1)]
    enqueue("email")  # a new one
    assert due(connection, channel="email") == []


def test_a_try_that_lies_ahead_delays_nothing(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    outbox.record_failure(connection, "slack", due(connection), LATER, NOW + 365 * DAY)
    assert due(connection) == [uid(1)]


def test_a_closed_finding_is_not_sent_even_if_it_waited(connection: Any, enqueue: Any) -> None:
    store(connection, [finding(1, status="closed"), finding(2)])
    enqueue()
    assert due(connection) == [uid(2)]
    connection.execute("UPDATE findings SET status = 'closed'")
    enqueue()
    assert due(connection) == []
    assert rows(connection, "status") == [("suppressed",)]


def test_a_finding_that_is_gone_is_not_waited_for(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    connection.execute("DELETE FROM findings")
    enqueue()
    assert rows(connection, "status") == [("suppressed",)]
    assert outbox.state(connection, "slack").next_try is None


def test_a_delivery_to_an_unset_channel_expires_at_its_age(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue("slack")
    enqueue("email", now=NOW + DAY / 2)
    assert due(connection) == [uid(1)]
    enqueue("email", now=NOW + 2 * DAY)
    assert rows(connection, "channel", "status") == [("email", "pending"), ("slack", "expired")]


def test_what_waits_for_a_channel_that_is_set_does_not_grow_too_old(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    enqueue(now=NOW + 30 * DAY)
    assert due(connection, NOW + 30 * DAY) == [uid(1)]


def test_before_there_are_findings_it_says_what_makes_them(enqueue: Any, connection: Any) -> None:
    connection.execute("DROP TABLE findings")
    with pytest.raises(NoFindings, match="Materialize findings first"):
        enqueue()


def test_pauses_are_1_5_15_60_minutes_and_the_8th_try_is_the_last(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    now = NOW
    for minutes in (1, 5, 15, 60, 60, 60, 60):
        assert due(connection, now) == [uid(1)]
        outbox.record_failure(connection, "slack", [uid(1)], LATER, now)
        state = outbox.state(connection, "slack")
        assert state.next_try == now + timedelta(minutes=minutes)
        assert due(connection, now + timedelta(minutes=minutes, seconds=-1)) == []
        now += timedelta(minutes=minutes)
    outbox.record_failure(connection, "slack", [uid(1)], LATER, now)
    assert due(connection, now + 10 * DAY) == []
    assert rows(connection, "status", "attempts", "last_error", "first_tried_at", "last_tried_at", "sent_at") == [
        ("failed", MAX_ATTEMPTS, "Nobody answers. Wait.", NOW, now, None)
    ]
    assert outbox.state(connection, "slack") == outbox.ChannelState({"failed": 1}, "Nobody answers. Wait.", None)


def test_a_permanent_error_is_for_good_at_once(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    outbox.record_failure(connection, "slack", [uid(1)], NEVER, NOW)
    assert rows(connection, "status", "attempts") == [("failed", 1)]
    assert due(connection, NOW + DAY) == []


def test_what_failed_for_good_can_be_tried_again(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    outbox.record_failure(connection, "slack", [uid(1)], NEVER, NOW)
    outbox.retry_failed(connection, ["email"])
    assert due(connection) == []
    outbox.retry_failed(connection, ["slack"])
    assert due(connection) == [uid(1)]


def test_closing_a_finding_settles_its_failed_delivery(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    outbox.record_failure(connection, "slack", [uid(1)], NEVER, NOW)
    connection.execute("UPDATE findings SET status = 'closed'")
    assert outbox.state(connection, "slack") == outbox.ChannelState({"suppressed": 1}, None, None)


def test_what_is_about_the_log_is_as_old_as_its_discovery(connection: Any, enqueue: Any) -> None:
    store(connection, [finding(batch_id=0, last_event_at=NOW - 9 * DAY, found_at=NOW - DAY / 2)])
    enqueue()
    assert due(connection) == [finding()["uid"]]


def test_what_failed_and_was_closed_is_not_tried_again(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    outbox.record_failure(connection, "slack", due(connection), NEVER, NOW)
    connection.execute("UPDATE findings SET status = 'closed'")
    outbox.retry_failed(connection, ["slack"])
    assert due(connection) == []
    assert rows(connection, "status") == [("failed",)]


def test_a_delivery_waits_while_its_finding_is_away(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    connection.execute("UPDATE findings SET status = 'over'")
    enqueue()
    assert (due(connection), rows(connection, "status")) == ([], [("suppressed",)])
    connection.execute("UPDATE findings SET status = 'open'")
    enqueue()
    assert due(connection) == [finding()["uid"]]


@pytest.mark.parametrize("batch_id", [0, 1], ids=["about_the_log", "about_events"])
def test_a_finding_that_reopens_is_sent_again(connection: Any, enqueue: Any, batch_id: int) -> None:
    store(connection, [finding(batch_id=batch_id, found_at=NOW - DAY / 4)])
    enqueue()
    outbox.record_result(connection, "slack", due(connection), "sent", NOW - DAY / 8)
    connection.execute("UPDATE findings SET status = 'closed'")
    enqueue()
    assert due(connection) == []
    connection.execute("UPDATE findings SET status = 'open', found_at = $1", [NOW])
    enqueue()
    assert due(connection) == [finding()["uid"]]
    key = outbox.due(connection, "slack", NOW).keys[uid(1)]
    assert key == f"{uid(1)}-{int(NOW.timestamp())}000000"
    outbox.record_failure(connection, "slack", [uid(1)], LATER, NOW)
    assert outbox.due(connection, "slack", NOW + DAY / 8).keys == {uid(1): key}


def test_a_message_that_is_never_taken_holds_up_no_other(connection: Any, enqueue: Any) -> None:
    store(connection, [finding(0, severity="critical"), finding(1), finding(2)])
    enqueue()
    first, *others = due(connection)
    assert first == uid(0)
    outbox.record_failure(connection, "slack", [first], LATER, NOW)
    outbox.postpone(connection, "slack", others, NOW)
    assert due(connection) == []
    later = NOW + timedelta(minutes=2)
    assert due(connection, later)[:2] == others
    assert rows(connection, "attempts") == [(0,), (0,), (1,)]


def test_a_sent_delivery_has_its_time_and_is_not_due_again(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    outbox.record_failure(connection, "slack", [uid(1)], LATER, NOW)
    sent_at = NOW + timedelta(minutes=2)
    outbox.record_result(connection, "slack", [uid(1)], "sent", sent_at)
    assert rows(connection, "status", "attempts", "last_error", "first_tried_at", "last_tried_at", "sent_at") == [
        ("sent", 2, None, NOW, sent_at, sent_at)
    ]
    assert due(connection, NOW + DAY) == []
    assert outbox.state(connection, "slack").counts == {"sent": 1}


def test_a_late_result_does_not_change_a_settled_delivery(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue()
    outbox.record_result(connection, "slack", [uid(1)], "sent", NOW)
    outbox.record_failure(connection, "slack", [uid(1)], LATER, NOW)
    assert rows(connection, "status", "attempts") == [("sent", 1)]


def test_a_result_is_of_one_channel(connection: Any, enqueue: Any) -> None:
    store(connection, [finding()])
    enqueue("slack", "email")
    outbox.record_result(connection, "slack", [uid(1)], "sent", NOW)
    assert due(connection, channel="email") == [uid(1)]


@settings(max_examples=25)
@given(severities=st.lists(st.sampled_from(SEVERITIES), max_size=60), limit=st.integers(1, 30))
def test_the_most_severe_are_sent_one_by_one_and_no_one_is_left_out(severities: list[str], limit: int) -> None:
    with duckdb.connect() as connection:
        migrate(connection)
        store(connection, [finding(number, severity=one) for number, one in enumerate(severities)])
        outbox.enqueue(connection, ["slack"], "informational", DAY, NOW)
        batch = outbox.due(connection, "slack", NOW, limit)
    rank = SEVERITIES.index
    assert len(batch.findings) == min(limit, len(severities))
    singly, together = [one.severity for one in batch.findings], list(batch.suppressed.values())
    assert sorted(singly + together) == sorted(severities)
    assert singly == sorted(singly, key=rank, reverse=True)
    assert min(map(rank, singly), default=9) >= max(map(rank, together), default=0)


def test_twenty_messages_to_a_channel_are_the_most_in_a_run() -> None:
    assert MAX_MESSAGES == 20


def test_equally_severe_findings_are_sent_oldest_first(connection: Any, enqueue: Any) -> None:
    store(connection, [finding(number, first_event_at=NOW - timedelta(hours=number % 3)) for number in range(9)])
    enqueue()
    assert due(connection) == due(connection)
    times = [one.first_event_at for one in outbox.due(connection, "slack", NOW).findings]
    assert times == sorted(times)
