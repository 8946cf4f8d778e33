"""What happened once is open once: low findings of a day are one, and parts of a larger finding are not open."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from support.log import DAY, HOUR, OWNER_CHANGED, SECOND, START, YEARS_AGO, Log, rule
from support.warehouse import database, transaction
from zendesk_audit_assets.alert import outbox
from zendesk_audit_assets.detect import Rule, decisions
from zendesk_audit_assets.severity import SEVERITIES

DELETED = {"source_type": "macro", "action": "destroy"}
LOW = replace(rule("ZD-020"), level="low")


def deleted(*moments: datetime, **changes: Any) -> list[dict[str, Any]]:
    return [{**DELETED, "created_at": moment, **changes} for moment in moments]


def test_low_findings_of_a_rule_an_actor_and_a_day_are_one(log: Log) -> None:
    log.append([*deleted(START, START + HOUR, START + DAY), *deleted(START + HOUR, actor_id=6, actor_name="Bea")])
    done = log.refresh([LOW])
    assert done.open_by_severity == {"low": 3}
    assert log.rows("actor_id, events, event_ids") == [(5, 1, [3]), (5, 2, [1, 2]), (6, 1, [4])]
    ((explanation,),) = log.rows("explanation", "events = 2")
    assert explanation.startswith("2 times on this day.")


def test_a_day_that_goes_on_extends_its_finding(log: Log) -> None:
    log.append(deleted(START + HOUR, source_label="Macro: A"))
    log.refresh([LOW])
    log.found_at(YEARS_AGO)
    ((uid,),) = log.rows("uid")
    log.append(deleted(START + 2 * HOUR, START, source_label="Macro: B"))
    done = log.refresh([LOW])
    assert (done.new, done.rows_written, done.rows_total) == (0, 1, 1)
    assert log.rows("uid, event_ids, found_at, object_label") == [(uid, [3, 1, 2], YEARS_AGO, "Macro: B")]


def test_a_closed_day_that_goes_on_stays_closed(log: Log) -> None:
    log.append(deleted(START))
    log.refresh([LOW])
    log.close("ZD-020")
    log.append(deleted(START + HOUR))
    log.refresh([LOW])
    log.refresh([LOW], full=True)
    assert log.rows("status, events") == [("closed", 2)]


def test_a_day_that_goes_on_is_alerted_once(log: Log) -> None:
    log.append(deleted(START))
    for hours in (1, 2):
        log.refresh([LOW])
        outbox.enqueue(log.connection, ["slack"], "low", DAY, START + HOUR)
        log.append(deleted(START + hours * HOUR))
    assert log.connection.execute("SELECT status FROM alert_deliveries").fetchall() == [("pending",)]


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_a_day_takes_over_what_was_decided_and_sent_of_its_events(log: Log, closed: int) -> None:
    log.append(deleted(START, START + HOUR))
    uids = [sha256(f"{LOW.id} {event}".encode()).hexdigest() for event in (1, 2)]
    with transaction(log.connection) as connection:
        for uid in uids:
            connection.execute("INSERT INTO finding_decisions VALUES ($1, 'open', $2)", [uid, YEARS_AGO])
            connection.execute(
                "INSERT INTO alert_deliveries (uid, channel, status, attempts) VALUES ($1, 'slack', 'sent', 1)", [uid]
            )
    for uid in uids[:closed]:
        with transaction(log.connection) as connection:
            connection.execute("INSERT INTO finding_decisions VALUES ($1, 'closed', now())", [uid])
    assert log.refresh([LOW]).new == 0
    assert log.rows("status, found_at") == [("closed" if closed == 2 else "open", YEARS_AGO)]
    outbox.enqueue(log.connection, ["slack"], "low", 10_000 * DAY, START + DAY)
    assert log.connection.execute("SELECT count(*) FROM alert_deliveries").fetchall() == [(2,)]


BURST = [replace(rule("ZD-021"), level="low"), rule("ZD-105")]


def test_a_burst_of_sixty_deletions_is_one_open_finding(log: Log) -> None:
    burst = [{**DELETED, "source_type": "ticket", "created_at": START + n * SECOND, "source_id": n} for n in range(60)]
    log.append(burst[:30], window=(START, START + HOUR))
    log.refresh(BURST)
    log.append(burst[30:], window=(START, START + DAY))
    done = log.refresh(BURST)
    assert done.open_by_severity == {"high": 1}
    assert log.rows("rule, events", "status = 'open'") == [("ZD-105", 60)]


OWN_ROLE = {"source_type": "user", "change_description": "Role changed from Agent to Administrator", "source_id": 5}
GRANTED = [rule("ZD-002"), rule("ZD-110")]


def test_the_less_severe_finding_of_an_event_is_a_part(log: Log) -> None:
    log.append([{**OWN_ROLE, "created_at": START}])
    assert log.refresh(GRANTED).open_by_severity == {"critical": 1}
    ((whole,),) = log.named("ZD-110", "uid")
    assert log.named("ZD-002", "status, part_of") == [("part", whole)]


def test_a_part_is_open_when_the_whole_is_gone(log: Log) -> None:
    log.append([{**OWN_ROLE, "created_at": START}])
    log.refresh(GRANTED)
    log.refresh(GRANTED[:1])
    assert log.named("ZD-002", "status, part_of") == [("open", None)]


def test_parts_are_settled_with_the_whole_but_later_ones_are_open(log: Log) -> None:
    log.append([{**OWN_ROLE, "created_at": START}])
    log.refresh(GRANTED)
    log.close("ZD-110")
    log.refresh(GRANTED)
    assert log.named("ZD-002", "status") == [("part",)]
    # A rule that comes later finds what nobody has looked at.
    later = Rule(id="00000000-0000-0000-0000-000000000009", name="OWN-9", title="Own", level="high", kind="event",
                 sql="action = 'update'", file="own.yml")  # fmt: skip
    log.refresh([*GRANTED, later])
    assert log.named("OWN-9", "status") == [("open",)]
    log.refresh([*GRANTED, later], full=True)
    assert log.named("OWN-9", "status") == [("open",)]


def test_equal_findings_of_an_event_are_both_open(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}])
    twin = Rule(id="00000000-0000-0000-0000-000000000009", name="OWN-9", title="Own", level="high", kind="event",
                sql="action = 'update'", file="own.yml")  # fmt: skip
    assert log.refresh([rule("ZD-001"), twin]).open_by_severity == {"high": 2}


def test_informational_findings_are_no_work(log: Log) -> None:
    log.append([{**OWN_ROLE, "change_description": "Role changed from Agent to Team Lead", "created_at": START}])
    done = log.refresh([rule("ZD-003")])
    assert (done.rows_total, done.open_by_severity) == (1, {})
    assert log.rows("rule, status") == [("ZD-003", "noted")]
    outbox.enqueue(log.connection, ["slack"], SEVERITIES[0], DAY, START)
    assert log.connection.execute("SELECT count(*) FROM alert_deliveries").fetchall() == [(0,)]
    with transaction(log.connection) as connection:
        decisions.record(connection, [uid for (uid,) in log.rows("uid")], "closed")
    log.refresh([rule("ZD-003")], full=True)
    assert log.rows("status") == [("closed",)]


MOMENTS = st.lists(
    st.tuples(st.integers(0, 60 * 72), st.sampled_from(["macro", "ticket", "user"]), st.sampled_from([5, 6, None])),
    max_size=12,
)


@pytest.mark.faults
@settings(max_examples=examples(4))
@given(batches=st.lists(MOMENTS, min_size=2, max_size=4), closed=st.booleans())
def test_batches_in_any_order_give_the_days_and_parts_of_a_rebuild(batches: list[list[Any]], closed: bool) -> None:
    rules = [LOW, rule("ZD-002"), rule("ZD-003"), rule("ZD-110"), rule("ZD-107"), rule("ZD-105")]
    with database() as connection:
        log = Log(connection)
        log.append(window=(START, START + 4 * DAY))
        for number, batch in enumerate(batches):
            log.append(
                {
                    "created_at": START.astimezone(timezone.utc) + minute * 60 * SECOND, "source_type": kind,
                    "actor_id": actor, "source_id": minute % 7, "action": "update" if kind == "user" else "destroy",
                    "change_description": OWN_ROLE["change_description"],
                }
                for minute, kind, actor in batch
            )  # fmt: skip
            log.refresh(rules, start=START)
            # Nobody was told of a severe part but by a report of its whole.
            assert not log.connection.execute(
                "FROM findings AS part JOIN findings AS whole ON whole.uid = part.part_of "
                "WHERE part.severity NOT IN ('informational', 'low') AND whole.found_at < part.found_at"
            ).fetchall()
            if closed and number < len(batches) - 1:
                for name in ("ZD-107", "ZD-020", "ZD-110", "ZD-105"):
                    log.close(name)
        followed = log.rows()
        log.refresh(rules, start=START, full=True)
        assert followed == log.rows()
