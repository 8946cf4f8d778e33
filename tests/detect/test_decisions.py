"""Decisions of people stay, whatever happens to the findings."""

from __future__ import annotations

import pytest

from support.log import DAY, FEW, HOUR, OWNER_CHANGED, SECOND, START, SUSPENDED, Log, rule
from support.warehouse import transaction
from zendesk_audit_assets.detect import (
    decisions,
)


def test_a_closed_finding_stays_closed_after_its_rule_was_off(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}], window=(START, START + DAY))
    log.refresh()
    log.close("ZD-001")
    before = log.named("ZD-001", "uid, status, found_at")
    for _ in range(2):
        log.refresh([rule("ZD-002")])
        assert log.named("ZD-001") == []
    log.refresh()
    assert log.named("ZD-001", "uid, status, found_at") == before


def test_what_is_about_the_log_and_comes_back_is_open_again(log: Log) -> None:
    log.append([{"created_at": START}, {"created_at": START + HOUR}], window=(START, START + DAY))
    whole = log.connection.sql("FROM audit_logs").pl()
    log.connection.execute("DELETE FROM audit_logs WHERE id = 1")
    log.refresh()
    ((uid, status, found_at),) = log.named("ZD-202", "uid, status, found_at")
    assert status == "open"
    log.connection.execute("DELETE FROM audit_logs")
    log.connection.register("whole", whole)
    log.connection.execute("INSERT INTO audit_logs FROM whole")
    log.refresh()
    assert log.named("ZD-202", "status") == [("resolved",)]
    log.connection.execute("DELETE FROM audit_logs")
    log.refresh()
    ((again, status, found_again),) = log.named("ZD-202", "uid, status, found_at")
    assert (again, status) == (uid, "open")
    assert found_again > found_at


def wave(log: Log) -> None:
    """Findings of every input: events, a correlation, other findings, and the log itself in each status."""
    own_role = {"source_type": "user", "change_description": "Role changed from Agent to Administrator"}
    records = [{**own_role, "source_id": 5}, OWNER_CHANGED, *({**SUSPENDED, "source_id": n} for n in range(6))]
    records = [{**record, "created_at": START + n * SECOND} for n, record in enumerate(records)]
    log.append(records, window=(START, START + DAY))
    log.append([{"created_at": START + DAY, "id": 100}], window=(START + DAY, START + 2 * DAY))
    log.append([{"created_at": START + DAY, "id": 101}], window=(START + DAY, START + 2 * DAY))
    brought = log.connection.sql("FROM audit_logs WHERE id IN (4, 100, 101)").pl()
    log.connection.execute("DELETE FROM audit_logs WHERE id IN (4, 100, 101)")
    log.refresh()
    assert len(log.named("ZD-202")) == 3
    log.connection.register("brought", brought)
    log.connection.execute("INSERT INTO audit_logs FROM brought WHERE id = 100")
    uid = log.rows("uid", "rule = 'ZD-202' AND object_label = 'batch 3'")[0][0]
    with transaction(log.connection) as connection:
        decisions.record(connection, [uid], "closed")
    log.close("ZD-001")
    log.refresh()


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "drop", [("findings", "findings_state"), ("findings",), ("findings_state",)], ids=lambda names: "_and_".join(names)
)
def test_dropped_findings_come_back_the_same(log: Log, drop: tuple[str, ...]) -> None:
    wave(log)
    before = log.rows("*")
    assert {row[-4] for row in before} == {"open", "part", "noted", "closed", "resolved"}
    assert {"ZD-001", "ZD-106", "ZD-115", "ZD-202"} <= {row[2] for row in before}
    for table in drop:
        log.connection.execute(f"DROP TABLE {table}")
    assert log.refresh().new == 0
    assert log.rows("*") == before


@pytest.mark.few(1)
@pytest.mark.parametrize("table", ["findings", "findings_state"])
def test_tables_of_another_version_are_rebuilt(log: Log, table: str) -> None:
    wave(log)
    before = log.rows("*")
    log.connection.execute(f"CREATE OR REPLACE TABLE {table} AS SELECT 1 AS other")
    log.refresh()
    assert log.rows("*") == before


def test_a_rule_about_the_log_that_was_off_keeps_its_findings(log: Log) -> None:
    wave(log)
    before = log.rows("*")
    log.refresh([one for one in FEW if one.name != "ZD-202"])
    assert log.named("ZD-202") == []
    log.refresh()
    assert log.rows("*") == before


def test_every_decision_is_kept_in_order(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}])
    log.refresh()
    ((uid,),) = log.named("ZD-001", "uid")
    log.connection.execute("UPDATE finding_decisions SET decided_at = '2999-01-01'")  # a clock that was wrong
    log.close("ZD-001")
    history = "SELECT uid, status FROM finding_decisions ORDER BY decided_at"
    assert log.connection.execute(history).fetchall() == [(uid, "open"), (uid, "closed")]
    log.refresh(full=True)
    assert log.named("ZD-001", "status") == [("closed",)]
