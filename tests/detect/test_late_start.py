"""A finding keeps its uid, its decisions and its alert when a late event moves its start or joins it to another one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.log import DAY, HOUR, START, SUSPENDED, Log, Record, rule
from support.warehouse import database, transaction
from zendesk_audit_assets.alert import outbox
from zendesk_audit_assets.detect import Rule, decisions

MINUTE = timedelta(minutes=1)
NOON = START + 12 * HOUR
LATER = START + 4 * DAY


def own(number: int, name: str, sql: str) -> Rule:
    return Rule(
        id=f"00000000-0000-0000-0000-00000000000{number}", name=name, title=name, level="high", kind="sql", sql=sql,
        file=f"{name}.sql",
    )  # fmt: skip


# Two or more events of an actor with at most ten minutes between them.
STRETCH = own(
    1,
    "STRETCH",
    """
    SELECT actor_id::VARCHAR AS group_key, list(id) AS event_ids, 'A stretch.' AS explanation
    FROM (
        SELECT *, count(*) FILTER (begins) OVER (PARTITION BY actor_id ORDER BY created_at, id) AS stretch
        FROM (
            SELECT *, coalesce(created_at - lag(created_at) OVER (
                PARTITION BY actor_id, created_at::DATE ORDER BY created_at, id
            ) > INTERVAL 10 MINUTE, true) AS begins
            FROM history
        )
    )
    GROUP BY actor_id, stretch HAVING count(*) > 1
    """,
)
# The first event of an actor on an object; and each event with the one before.
FIRST = own(
    2,
    "FIRST",
    """
    SELECT concat_ws(' ', actor_id, source_id) AS group_key, [arg_min(id, (created_at, id))] AS event_ids,
        'The first.' AS explanation
    FROM history GROUP BY actor_id, source_id
    """,
)
NEAREST = own(
    3,
    "NEAREST",
    """
    SELECT id::VARCHAR AS group_key, [before, id] AS event_ids, 'The nearest.' AS explanation
    FROM (SELECT id, source_id, lag(id) OVER (PARTITION BY actor_id ORDER BY created_at, id) AS before FROM history)
    WHERE before IS NOT NULL AND source_id = 1
    """,
)
# Each two events of an actor that follow each other: findings of one group that share events.
PAIRS = own(
    4,
    "PAIRS",
    """
    SELECT actor_id::VARCHAR AS group_key, [before, id] AS event_ids, 'A pair.' AS explanation
    FROM (SELECT id, actor_id, lag(id) OVER (PARTITION BY actor_id ORDER BY created_at, id) AS before FROM history)
    WHERE before IS NOT NULL
    """,
)


def at(*minutes: int, **changes: Any) -> list[Record]:
    return [{"created_at": NOON + minute * MINUTE, "source_id": 1, **changes} for minute in minutes]


def covered(log: Log) -> Log:
    log.append(window=(START, START + 2 * DAY))
    return log


def alerted(log: Log) -> list[tuple[str, str, tuple[int, ...]]]:
    """Send what is due: the rule, the key and the events of each finding."""
    outbox.enqueue(log.connection, ["slack"], "medium", 10 * DAY, LATER)
    due = outbox.due(log.connection, "slack", LATER)
    ((now,),) = log.connection.execute("SELECT now()").fetchall()
    outbox.record_result(log.connection, "slack", [finding.uid for finding in due.findings], "sent", now)
    return [(finding.rule, due.keys[finding.uid], finding.event_ids) for finding in due.findings]


def follow(log: Log, rules: Sequence[Rule], *batches: Sequence[Record]) -> list[int]:
    """How many alerts each of the batches gave."""
    alerts = []
    for batch in batches:
        log.append(batch)
        log.refresh(rules)
        alerts.append(len(alerted(log)))
    return alerts


CASES = {
    "earlier": (STRETCH, [at(0, 5), at(-5)], [1, 0]),
    "earlier_twice": (STRETCH, [at(0, 5), at(-5), at(-12)], [1, 0, 0]),
    "between_two": (STRETCH, [at(0, 5, 20, 25), at(12)], [2, 0]),
    "before_and_between_two": (STRETCH, [at(0, 5, 20, 25), at(-5, 12)], [2, 0]),
    "another_before": (STRETCH, [at(0, 5), at(-40, -35)], [1, 1]),
    "another_after_two_were_joined": (STRETCH, [at(0, 5, 20, 25), at(12), at(-40, -35)], [2, 0, 1]),
    "another_actor": (STRETCH, [at(0, 5), at(-5, -4, actor_id=6)], [1, 1]),
    "same_second": (STRETCH, [at(0, 5), at(0)], [1, 0]),
    "first_is_earlier": (FIRST, [at(5), at(0)], [1, 0]),
    "first_of_another": (FIRST, [at(5), at(0, source_id=2)], [1, 1]),
    "nearest_is_nearer": (NEAREST, [[*at(0, source_id=2), *at(20)], at(10, source_id=2)], [1, 0]),
    "nearest_of_another": (NEAREST, [[*at(0, source_id=2), *at(20)], at(30)], [1, 1]),
    "beside_one_that_shares_an_event": (PAIRS, [at(5, 10), at(0)], [1, 1]),
    "after_midnight": (STRETCH, [at(11 * 60 + 50, 11 * 60 + 59), at(12 * 60 + 1, 12 * 60 + 9)], [1, 1]),
}  # fmt: skip


USUAL = ("earlier", "between_two", "first_is_earlier", "nearest_is_nearer", "another_actor", "after_midnight")


@pytest.mark.few(6)
@pytest.mark.parametrize("case", sorted(CASES, key=lambda case: case not in USUAL))
def test_a_finding_is_alerted_once_wherever_it_begins(log: Log, case: str) -> None:
    judged, batches, expected = CASES[case]
    assert follow(covered(log), [judged], *batches) == expected
    before = log.rows("*")
    log.refresh([judged], full=True)
    assert (log.rows("*"), alerted(log)) == (before, [])


@pytest.mark.few(2)
@pytest.mark.parametrize("lost", [False, True], ids=["followed", "rebuilt"])
@pytest.mark.parametrize("case", USUAL[:4])
def test_a_decision_stays_wherever_a_finding_begins(log: Log, case: str, lost: bool) -> None:
    judged, (first, late), _ = CASES[case]
    follow(covered(log), [judged], first)
    log.close(judged.name)
    closed = {uid for (uid,) in log.rows("uid")}
    if lost:
        log.connection.execute("DROP TABLE findings")
    # It has gained an event, so that it opens again, is alerted once more, and under a key that says so.
    log.append(late)
    assert log.refresh([judged]).new == 0
    ((uid, status),) = log.rows("uid, status")
    assert (uid in closed, status) == (True, "open")
    ((_, key, _),) = alerted(log)
    assert key.startswith(f"{uid}-")
    log.refresh([judged], full=True)
    assert (log.rows("uid, status"), alerted(log)) == ([(uid, "open")], [])


def test_a_message_that_may_have_arrived_keeps_its_key(log: Log) -> None:
    log = covered(log)
    log.append(at(0, 5))
    log.refresh([STRETCH])
    outbox.enqueue(log.connection, ["slack"], "medium", 10 * DAY, LATER)
    before = outbox.due(log.connection, "slack", LATER)  # sent, but not recorded
    log.append(at(-5))
    log.refresh([STRETCH])
    outbox.enqueue(log.connection, ["slack"], "medium", 10 * DAY, LATER)
    assert outbox.due(log.connection, "slack", LATER).keys == before.keys


RULES = [STRETCH, rule("ZD-106"), rule("ZD-111")]
KINDS: dict[str, Record] = {
    "suspended": SUSPENDED,
    "granted": {"source_type": "user", "change_description": "Role changed from Agent to Administrator"},
    "created": {"source_type": "oauth_client", "action": "create"},
}
# Moments of one day, of which some are together.
EVENTS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 40), st.sampled_from(sorted(KINDS)), st.integers(5, 6)),
    min_size=8, max_size=40,
)  # fmt: skip


@pytest.mark.faults
@settings(max_examples=examples(6), deadline=None)
@given(events=EVENTS, data=st.data())
def test_in_any_order_each_finding_is_told_once_and_decided_once(events: list[Any], data: st.DataObject) -> None:
    records = [
        {
            **KINDS[kind], "id": number, "actor_id": actor, "source_id": actor if kind == "granted" else 100 + number,
            "created_at": START + hour * HOUR + minute * MINUTE,
        }
        for number, (hour, minute, kind, actor) in enumerate(events, 1)
    ]  # fmt: skip
    order = data.draw(st.permutations(records))
    cuts = sorted(data.draw(st.sets(st.integers(1, len(order) - 1), max_size=4)))
    closes_after = data.draw(st.none() | st.integers(0, len(cuts)))
    columns = "rule, event_ids, severity, explanation"

    with database() as connection:
        log = covered(Log(connection))
        log.append(records)
        log.refresh(RULES)
        at_once = log.rows(columns)
    with database() as connection:
        log = covered(Log(connection))
        told: Counter[tuple[str, int]] = Counter()
        closed: list[tuple[str, str, list[int]]] = []
        for number, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(order)], strict=True)):
            log.append(order[begin:end])
            log.refresh(RULES)
            for name, _, event_ids in alerted(log):
                told.update((name, event) for event in event_ids)
            if number == closes_after:
                closed = log.rows("rule, uid, event_ids", "status = 'open'")
                with transaction(connection):
                    decisions.record(connection, [uid for _, uid, _ in closed], "closed")
        assert log.rows(columns) == at_once
        followed = log.rows("*")
        log.refresh(RULES, full=True)
        assert (log.rows("*"), alerted(log)) == (followed, [])
        # A rule tells no event twice, but in a finding that opened again; and every open finding was told.
        uids = {uid for _, uid, _ in closed}
        again = {(name, one) for name, uid, ids in log.rows("rule, uid, event_ids") if uid in uids for one in ids}
        assert {one for one, times in told.items() if times > 1} <= again
        sent = "(SELECT uid FROM alert_deliveries WHERE status = 'sent')"
        assert log.rows("uid", f"status = 'open' AND severity = 'high' AND uid NOT IN {sent}") == []
        holds = {(name, one): (ids, status) for name, ids, status in log.rows("rule, event_ids, status") for one in ids}
        for name, _, ids in closed:
            held, status = holds[name, ids[0]]
            assert set(held) >= set(ids)
            assert held != ids or status == "closed"
