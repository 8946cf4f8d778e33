"""Somebody is told of what a finding gains after its report: its parts stay open, and a closed one opens again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.log import DAY, HOUR, SECOND, START, Log, Record
from zendesk_audit_assets.alert import outbox
from zendesk_audit_assets.detect import Rule
from zendesk_audit_assets.severity import SEVERITIES

LEVELS = SEVERITIES[1:]
SEVERE = SEVERITIES[2:]
LATER = START + 4 * DAY


def own(number: int, name: str, level: str, sql: str) -> Rule:
    return Rule(
        id=f"00000000-0000-0000-0000-00000000000{number}", name=name, title=name, level=level,
        kind="sql" if sql.startswith("SELECT") else "event", sql=sql, file=f"{name}.yml",
    )  # fmt: skip


# All that a person did on a day is one finding, and so is all that they deleted.
DAYS = """SELECT actor_id::VARCHAR AS group_key, list(id) AS event_ids, 'A day.' AS explanation
    FROM history WHERE {} GROUP BY actor_id, created_at::DATE"""
WHOLE = own(1, "WHOLE", "critical", DAYS.format("true"))
BURST = own(2, "BURST", "high", DAYS.format("action = 'destroy'"))
PART = own(3, "PART", "medium", "true")


def acts(*hours: int, action: str = "update") -> list[Record]:
    return [{"created_at": START + hour * HOUR, "action": action} for hour in hours]


def happened(log: Log, *hours: int, action: str = "update") -> None:
    """A day that begins with an event and is covered, so that no finding changes its first event."""
    log.append(acts(*hours, action=action), window=(START, START + DAY))


def statuses(log: Log, rule: str) -> list[str]:
    return [status for _, status in log.named(rule, "events, status")]


def alerted(log: Log) -> list[tuple[str, int]]:
    """Send what is due: the rule and the number of events of each finding."""
    outbox.enqueue(log.connection, ["slack"], "medium", 10 * DAY, LATER)
    due = outbox.due(log.connection, "slack", LATER).findings
    ((now,),) = log.connection.execute("SELECT now()").fetchall()
    outbox.record_result(log.connection, "slack", [finding.uid for finding in due], "sent", now)
    return [(finding.rule, finding.events) for finding in due]


@pytest.mark.few(1)
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("closed", [pytest.param(False, marks=pytest.mark.faults), True])
def test_nothing_severe_is_a_part_of_what_was_told_before(log: Log, level: str, closed: bool) -> None:
    part = replace(PART, level=level, sql="source_id > 0")
    happened(log, 0)
    log.refresh([WHOLE, part])
    assert alerted(log) == [("WHOLE", 1)]
    log.append([{**one, "source_id": 1} for one in acts(1)])
    log.refresh([WHOLE, part])
    expected = "part" if level == "low" else "open"
    assert statuses(log, "PART") == [expected]
    assert alerted(log) == ([] if level == "low" else [("PART", 1)])
    if closed:
        log.close("WHOLE")
    for full in (False, True):
        log.refresh([WHOLE, part], full=full)
        assert (statuses(log, "PART"), alerted(log)) == ([expected], [])


@pytest.mark.parametrize("level", SEVERE[:-1])
def test_what_is_found_with_the_whole_is_a_part_of_it(log: Log, level: str) -> None:
    rules = [WHOLE, replace(PART, level=level)]
    happened(log, 0, 1, 2)
    log.refresh(rules)
    assert alerted(log) == [("WHOLE", 3)]
    log.refresh(rules, full=True)
    assert (statuses(log, "PART"), alerted(log)) == (["part"] * 3, [])


def test_later_parts_have_the_largest_whole_that_is_new(log: Log) -> None:
    rules = [WHOLE, BURST, PART]
    happened(log, 0)
    log.refresh(rules)
    assert alerted(log) == [("WHOLE", 1)]
    log.append(acts(1, 2, 3, action="destroy"))
    log.refresh(rules)
    assert alerted(log) == [("BURST", 3)]
    ((burst,),) = log.named("BURST", "uid")
    assert log.named("PART", "event_ids[1] = 1, part_of")[:3] == [(False, burst)] * 3
    before = log.rows("*")
    log.refresh(rules, full=True)
    assert log.rows("*") == before


@pytest.mark.few(1)
@pytest.mark.parametrize("level", LEVELS)
def test_a_closed_severe_finding_opens_again_when_it_grows(log: Log, level: str) -> None:
    rules = [replace(WHOLE, level=level)]
    happened(log, 0)
    log.refresh(rules)
    alerted(log)
    for hour in (1, 2):
        log.close("WHOLE")
        log.append(acts(hour))
        log.refresh(rules)
        severe = level != "low"
        assert statuses(log, "WHOLE") == ["open" if severe else "closed"]
        assert alerted(log) == [("WHOLE", hour + 1)] * severe
        before = log.rows("*")
        for full in (False, True):
            log.refresh(rules, full=full)
            assert (log.rows("*"), alerted(log)) == (before, [])


@pytest.mark.parametrize("lost", [False, True], ids=["followed", "rebuilt"])
def test_it_opens_by_what_is_stored_after_the_close(log: Log, lost: bool) -> None:
    happened(log, 0)
    log.refresh([WHOLE])
    log.close("WHOLE")
    log.append(acts(1))
    if lost:
        log.connection.execute("DROP TABLE findings")
    log.refresh([WHOLE])
    assert statuses(log, "WHOLE") == ["open"]


def test_it_opens_by_what_was_stored_but_not_yet_found(log: Log) -> None:
    happened(log, 0)
    log.refresh([WHOLE])
    log.append(acts(1))
    log.close("WHOLE")
    log.refresh([WHOLE])
    assert statuses(log, "WHOLE") == ["open"]


def test_a_part_found_as_its_whole_opens_again_is_its_part(log: Log) -> None:
    rules = [WHOLE, BURST]
    happened(log, 0)
    log.refresh(rules)
    log.close("WHOLE")
    log.append(acts(1, 2, action="destroy"))
    log.refresh(rules)
    assert (alerted(log), statuses(log, "BURST")) == ([("WHOLE", 3)], ["part"])


def test_only_new_events_open_a_closed_finding(log: Log) -> None:
    happened(log, 0, 1)
    narrow = replace(WHOLE, sql=DAYS.format("id = 1"))
    log.refresh([narrow])
    log.close("WHOLE")
    # Another event of the day, of which the finding is not; a rule that changes; and one that is off for a while.
    log.append([{"created_at": START + HOUR + SECOND, "actor_id": 6}])
    for rules in ([narrow], [WHOLE], [], [WHOLE]):
        log.refresh(rules)
    assert log.rows("actor_id, events, status") == [(5, 2, "closed"), (6, 1, "open")]
