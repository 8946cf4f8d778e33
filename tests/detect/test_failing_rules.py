"""A rule whose query fails on the log stops no other; it is told, tried again, and catches up."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.log import DAY, FEW, HOUR, OWN_ID, OWNER_CHANGED, PACK, START, Log, rule
from zendesk_audit_assets.detect import Rule, RuleError
from zendesk_audit_assets.detect.checks import every_rule_was_evaluated
from zendesk_audit_assets.detect.findings import FindingsRefreshed
from zendesk_audit_assets.extract.record import FIELDS

NUMBER = "(CASE WHEN object_type = 'macro' THEN change_description::INT END)"
FAILS = f"SELECT {NUMBER}::VARCHAR AS group_key, [id] AS event_ids, '' AS explanation FROM evaluated"
FAILS_AS_LOG = (
    f"SELECT max({NUMBER})::VARCHAR AS group_key, '' AS explanation, now() AS began_at, now() AS ended_at "
    "FROM audit_events HAVING count(*) > 1"
)
NO_NUMBER = {"source_type": "macro", "change_description": "no number"}


@pytest.mark.parametrize(
    ("query", "columns", "header"),
    [
        ("SELECT id AS group_key, '' AS explanation", "event_ids", ()),
        ("SELECT id AS group_key, [id] AS event_ids", "explanation", ()),
        ("SELECT [id] AS event_ids, '' AS explanation", "group_key", ()),
        ("SELECT 'x' AS group_key, '' AS explanation, now() AS began_at", "ended_at", ("input: log",)),
        ("SELECT 'x' AS group_key, now() AS ended_at, now() AS began_at", "explanation", ("input: log",)),
    ],
)
def test_a_query_without_a_column_that_it_must_return_is_told(
    log: Log, own_sql: Callable[..., Rule], query: str, columns: str, header: tuple[str, ...]
) -> None:
    with pytest.raises(RuleError, match=f"its query returns no column {columns}"):
        refresh_with(log, own_sql(f"{query} FROM audit_events", *header))


def test_no_packaged_rule_fails_on_a_record_without_a_field(log: Log) -> None:
    kinds = (
        {"source_type": "macro"},
        {"source_type": "user", "change_description": "Role changed from Agent to Administrator"},
        {"source_type": "user_setting", "change_description": "Suspended"},
        {
            "source_type": "account_setting",
            "source_label": "Security: Single sign-on",
            "change_description": "Turned off",
        },
        {"source_type": "user", "action": "login", "ip_address": "192.0.2.1"},
        {"source_type": "ticket", "action": "destroy"},
        {
            "source_type": "trigger",
            "change_description": "Actions changed from a to Notify webhook https://evil.example",
        },
    )
    usual = [{"created_at": START + n * HOUR, "actor_id": n % 9 + 1, **kinds[0]} for n in range(45 * 24)]
    optional = [field.name for field in FIELDS if not field.required]
    odd = [
        {"created_at": START + 46 * DAY + n * HOUR, "source_id": 7, "source_label": "Eve", **kind, field: None}
        for n, field in enumerate(optional)
        for kind in kinds
    ]
    log.append([*usual, *odd], window=(START, START + 60 * DAY))
    assert log.refresh_in(PACK).left_out == {}
    assert log.named("ZD-108")


def refresh_with(log: Log, *rules: Rule) -> FindingsRefreshed:
    log.append([{"created_at": START}], window=(START, START + DAY))
    return log.refresh(rules)


@pytest.mark.parametrize(
    ("query", "header"),
    [
        (FAILS, ()),
        pytest.param(FAILS.replace("evaluated", "history"), ("input: findings",), marks=pytest.mark.faults),
        pytest.param(FAILS_AS_LOG, ("input: log",), marks=pytest.mark.faults),
    ],
)
def test_a_rule_that_fails_on_a_record_stops_no_other_and_catches_up(
    log: Log, own_sql: Callable[..., Rule], query: str, header: tuple[str, ...]
) -> None:
    """In the end all is as if nothing had failed, with the rules that read its findings."""
    rules = (*FEW, own_sql(query, *header))
    log.append([{"created_at": START, "change_description": "1"}], window=(START, START + DAY))
    assert log.refresh_in(rules).left_out == {}
    before = log.named("OWN-1", "uid, event_ids, status")
    later = START + DAY + HOUR
    log.append(
        [{**OWNER_CHANGED, "created_at": later}, {**NO_NUMBER, "created_at": later}],
        window=(START + DAY, START + 2 * DAY),
    )
    for _ in range(2):
        done = log.refresh_in(rules)
        assert list(done.left_out) == [OWN_ID]
        assert "own.sql cannot be used: its query fails on a row of the log" in done.left_out[OWN_ID]
        assert log.named("ZD-001") == [([2],)]
        assert log.named("OWN-1", "uid, event_ids, status") == before
        check = every_rule_was_evaluated(log.connection, START)
        assert (check.passed, check.severity, check.summary) == (False, "error", done.left_out[OWN_ID])
    # The record becomes readable, as it would with a corrected rule.
    for table in ("audit_logs", "audit_events"):
        log.connection.execute(f"UPDATE {table} SET change_description = '2' WHERE id = 3")
    log.append([{"created_at": START + HOUR, "change_description": "3"}])
    done = log.refresh_in(rules)
    assert done.left_out == {}
    assert every_rule_was_evaluated(log.connection, START).passed
    caught_up = log.rows(where="batch_id > 0")
    assert log.refresh_in(rules, full=True).left_out == {}
    assert log.rows(where="batch_id > 0") == caught_up


@pytest.mark.few(3)
@pytest.mark.parametrize("ids", ["[]", "NULL", "[NULL]", "[id + 1000]"])
@pytest.mark.parametrize("header", [(), ("input: findings",)])
def test_a_row_without_an_event_of_the_log_is_told(
    log: Log, own_sql: Callable[..., Rule], ids: str, header: tuple[str, ...]
) -> None:
    query = f"SELECT id AS group_key, {ids}::BIGINT[] AS event_ids, '' AS explanation FROM history"
    with pytest.raises(RuleError, match="event_ids are empty or name no event of the log"):
        refresh_with(log, own_sql(query, *header))


def test_a_row_may_name_an_event_from_before_the_window(log: Log, own_sql: Callable[..., Rule]) -> None:
    own = own_sql("SELECT id AS group_key, [id] AS event_ids, '' AS explanation FROM audit_events")
    for day in range(3):
        at = START + day * DAY
        log.append([{"created_at": at}], window=(at, at + DAY))
        assert log.refresh_in([own]).left_out == {}
    assert log.named("OWN-1") == [([1],), ([2],), ([3],)]


ENDLESS = "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT 1 FROM n) SELECT {} FROM n WHERE i > 1"


@pytest.mark.few(1)
@pytest.mark.parametrize(
    ("columns", "header"),
    [
        ("i AS group_key, [i] AS event_ids, '' AS explanation", ()),
        ("i AS group_key, now() AS began_at, now() AS ended_at, '' AS explanation", ("input: log",)),
    ],
)
def test_an_endless_rule_is_left_out(
    log: Log, own_sql: Callable[..., Rule], columns: str, header: tuple[str, ...]
) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}], window=(START, START + DAY))
    done = log.refresh_in([rule("ZD-001"), own_sql(ENDLESS.format(columns), *header)], time_limit_s=0.05)
    assert list(done.left_out) == [OWN_ID]
    assert "its query takes longer than 0.05 seconds" in done.left_out[OWN_ID]
    assert log.named("ZD-001") == [([1],)]


def test_a_rule_that_never_worked_runs_over_the_whole_log_later(log: Log, own_sql: Callable[..., Rule]) -> None:
    log.append([{**NO_NUMBER, "created_at": START}], window=(START, START + DAY))
    assert list(log.refresh_in([own_sql(FAILS)]).left_out) == [OWN_ID]
    assert log.refresh_in([own_sql(FAILS)], full=True).new == 0
    log.connection.execute("DROP TABLE findings")
    assert list(log.refresh_in([own_sql(FAILS)]).left_out) == [OWN_ID]
    corrected = own_sql(FAILS.replace("::INT", ""))
    assert log.refresh_in([corrected]).rules_rebuilt == ("OWN-1",)
    assert log.named("OWN-1") == [([1],)]
    assert log.refresh_in([]).rows_total == 0
    assert log.connection.execute("FROM findings_state").fetchall() == []
