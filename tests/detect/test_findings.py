"""Findings follow the log: in any order of arrival as from the whole log; and what people did to them stays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from support.log import DAY, FEW, HOUR, OWNER_CHANGED, SECOND, START, SUSPENDED, YEARS_AGO, Log, rule
from zendesk_audit_assets.detect import (
    Rule,
    RuleError,
)
from zendesk_audit_assets.detect.tables import FINDINGS


def test_an_event_rule_gives_a_finding_per_event(log: Log) -> None:
    event = {**OWNER_CHANGED, "created_at": START, "source_id": 7, "source_label": "Account: Account"}
    log.append([{**event, "ip_address": "203.0.113.7"}, {"created_at": START, "source_type": "macro"}])
    done = log.refresh()
    assert (done.rows_total, done.new, done.rows_written, done.batch_id) == (1, 1, 1, 1)
    assert done.open_by_severity == {"high": 1}
    (row,) = log.connection.sql("FROM findings").pl().rows(named=True)
    assert row["rule"] == "ZD-001"
    assert row["rule_id"] == rule("ZD-001").id
    assert (row["severity"], row["title"]) == ("high", "Account owner changed")
    assert row["explanation"] == (
        'Ada changed account "Account: Account" from 203.0.113.7: Owner changed from Ada to Bea'
    )
    assert (row["actor_id"], row["actor_name"], row["ip_address"]) == (5, "Ada", "203.0.113.7")
    assert (row["object_type"], row["object_id"], row["object_label"]) == ("account", 7, "Account: Account")
    assert row["first_event_at"] == row["last_event_at"] == START
    assert (row["events"], row["event_ids"], row["batch_id"]) == (1, [1], 1)
    assert row["attack"] == ["T1098", "T1078"]
    assert (row["experimental"], row["status"]) == (False, "open")
    assert len(row["uid"]) == 64


def test_the_columns_are_those_of_the_contract(log: Log) -> None:
    log.refresh()
    assert log.connection.table("findings").columns == [column.name for column in FINDINGS.columns]


def test_a_description_is_masked_before_it_is_cut(log: Log) -> None:
    texts = [
        f"Owner changed from {'x' * before} to https://user:topsecret@example.com/hook" for before in range(240, 275, 4)
    ]
    log.append([{**OWNER_CHANGED, "change_description": text, "created_at": START} for text in texts])
    log.refresh([rule("ZD-001")])
    explanations = [explanation for (explanation,) in log.rows("explanation")]
    assert len(explanations) == len(texts)
    for explanation in explanations:
        assert "tops" not in explanation
        assert explanation.endswith("…")


def test_an_event_may_be_found_by_several_rules(log: Log) -> None:
    change = {"source_type": "user", "change_description": "Role changed from Agent to Administrator"}
    log.append([{**change, "created_at": START, "actor_id": 6, "source_id": 6}])
    log.refresh()
    assert log.rows("rule, severity") == [("ZD-002", "high"), ("ZD-110", "critical")]
    assert len(set(log.rows("uid"))) == 2


def test_a_refresh_reads_only_new_events_and_a_second_none(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}])
    log.refresh()
    before = log.rows("*")
    done = log.refresh()
    assert (done.new, done.rows_written, done.rules_rebuilt) == (0, 0, ())
    assert log.rows("*") == before
    log.append([{**OWNER_CHANGED, "created_at": START - DAY}])
    assert log.refresh().new == 1
    assert log.named("ZD-001", "event_ids, batch_id") == [([1], 1), ([2], 2)]


def test_event_rules_need_no_coverage(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}])
    done = log.refresh()
    assert done.evaluated_to is None
    assert done.rows_total == 1


def test_rules_that_count_judge_only_the_unbroken_coverage(log: Log) -> None:
    burst = [{**SUSPENDED, "created_at": START + 3 * DAY + n * SECOND, "source_id": n} for n in range(5)]
    log.append(window=(START, START + DAY))
    log.append(burst, window=(START + 2 * DAY, START + 4 * DAY))
    assert log.refresh().evaluated_to == START + DAY
    assert log.named("ZD-106") == []
    log.append(window=(START + DAY, START + 2 * DAY))
    assert log.refresh().evaluated_to == START + 4 * DAY
    assert log.named("ZD-106") == [([1, 2, 3, 4, 5],)]


def test_the_start_of_the_log_may_be_given(log: Log) -> None:
    log.append([{"created_at": START + DAY + HOUR}], window=(START + DAY, START + 2 * DAY))
    assert log.refresh().evaluated_to == START + 2 * DAY
    assert log.refresh(start=START).evaluated_to == START
    log.append(window=(START, START + DAY))
    assert log.refresh(start=START).evaluated_to == START + 2 * DAY


def test_a_finding_that_grows_is_updated_and_opens_again(log: Log) -> None:
    burst = [{**SUSPENDED, "created_at": START + n * SECOND, "source_id": n} for n in range(7)]
    log.append(burst[:5], window=(START, START + HOUR / 2))
    log.refresh([rule("ZD-106"), rule("ZD-014-suspended")])
    log.found_at(YEARS_AGO)
    log.close("ZD-106")
    ((uid,),) = log.named("ZD-106", "uid")
    log.append(
        [{**record, "created_at": record["created_at"] + HOUR / 2} for record in burst[5:]],
        window=(START + HOUR / 2, START + HOUR),
    )

    done = log.refresh([rule("ZD-106"), rule("ZD-014-suspended")])

    assert done.new == 2  # the two suspensions themselves
    assert log.named("ZD-106", "uid, events, status, found_at > $$2026-01-01$$, batch_id") == [
        (uid, 7, "open", True, 2)
    ]
    assert log.named("ZD-106", "first_event_at, last_event_at") == [(START, START + HOUR / 2 + 6 * SECOND)]


def test_late_events_are_judged_with_what_happened_around_them(log: Log) -> None:
    burst = [{**SUSPENDED, "created_at": START + n * SECOND, "source_id": n} for n in range(5)]
    log.append(burst[:4], window=(START, START + DAY))
    log.append([{"created_at": START + 2 * DAY}], window=(START + DAY, START + 3 * DAY))
    log.refresh()
    assert log.named("ZD-106") == []
    log.append(burst[4:], window=(START, START + DAY))
    log.refresh()
    assert log.named("ZD-106") == [([1, 2, 3, 4, 6],)]


def test_a_new_rule_looks_at_the_whole_log_and_the_others_do_not(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}], window=(START, START + DAY))
    log.refresh([rule("ZD-020")])
    done = log.refresh([rule("ZD-020"), rule("ZD-001")])
    assert (done.rules_rebuilt, done.new) == (("ZD-001",), 1)


def test_a_changed_rule_looks_again_and_keeps_what_people_said(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}])
    log.refresh([rule("ZD-001")])
    log.found_at(YEARS_AGO)
    log.close("ZD-001")
    done = log.refresh([replace(rule("ZD-001"), level="critical")])
    assert (done.rules_rebuilt, done.new, done.rows_written) == (("ZD-001",), 0, 1)
    assert log.rows("severity, status, found_at") == [("critical", "closed", YEARS_AGO)]


def test_a_changed_rule_takes_back_what_it_no_longer_finds(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}])
    log.refresh([rule("ZD-001")])
    log.refresh([replace(rule("ZD-001"), sql="false")])
    assert log.rows() == []


def test_findings_of_a_rule_that_is_switched_off_go(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}])
    log.refresh()
    assert log.refresh([one for one in FEW if one.name != "ZD-001"]).rows_total == 0
    assert log.refresh([]).rules == 0


def test_a_rule_over_findings_judges_anew_when_another_rule_changes(log: Log) -> None:
    own_role = {"source_type": "user", "change_description": "Role changed from Agent to Administrator"}
    records = [{**own_role, "source_id": 5}, OWNER_CHANGED]
    log.append(
        [{**record, "created_at": START + n * HOUR} for n, record in enumerate(records)], window=(START, START + DAY)
    )
    log.refresh([one for one in FEW if one.name != "ZD-001"])
    assert log.named("ZD-115") == []
    log.refresh()
    assert log.named("ZD-115", "event_ids, actor_id, severity") == [([1, 2], 5, "high")]
    ((explanation,),) = log.named("ZD-115", "explanation")
    assert explanation == (
        "Ada changed user, changed account. "
        "3 rules within 24 hours: ZD-001, ZD-002, ZD-110. Their weight is 40; the threshold is 20."
    )


def test_another_time_zone_judges_anew(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}], window=(START, START + DAY))
    log.refresh(timezone="UTC")
    anew = log.refresh(timezone="Asia/Tokyo").rules_rebuilt
    assert "ZD-104" in anew
    assert "ZD-001" not in anew


def test_the_level_of_a_query_counts_unless_settings_fix_it(log: Log, own_sql: Callable[..., Rule]) -> None:
    log.append([{"created_at": START}], window=(START, START + DAY))
    query = "SELECT 'x' AS group_key, list(id) AS event_ids, 'Why.' AS explanation, 'high' AS level FROM evaluated"
    log.refresh([own_sql(query)])
    assert log.rows("severity, explanation, events") == [("high", "Ada changed. Why.", 1)]
    log.refresh([replace(own_sql(query), level="medium", level_is_fixed=True)])
    assert log.rows("severity") == [("medium",)]


@pytest.mark.few(2)
@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELECT shoe FROM evaluated", "shoe"),
        (
            "SELECT 'x' AS group_key, list(id) AS event_ids, '' AS explanation, 'severe' AS level FROM evaluated",
            "a level that is none of",
        ),
        ("SELECT 'x' AS group_key, ['a'] AS event_ids, '' AS explanation FROM evaluated", "ConversionException"),
        ("SELEKT 1", "SELEKT"),
    ],
)
def test_a_query_that_fails_is_told_by_its_file_and_changes_nothing(
    log: Log, own_sql: Callable[..., Rule], query: str, problem: str
) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}], window=(START, START + DAY))
    log.refresh([rule("ZD-001")])
    before = log.rows("*")
    with pytest.raises(RuleError) as error:
        log.refresh([rule("ZD-001"), own_sql(query)])
    assert problem in error.value.cause
    assert "own.sql" in error.value.cause
    assert log.rows("*") == before
    assert log.connection.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall() == [(0,)]
    assert log.refresh([rule("ZD-001")]).rows_written == 0


@pytest.mark.parametrize(
    "explanation",
    [
        "(change_description::INT)::VARCHAR",
        "strptime(change_description, '%Y')::VARCHAR",
        "json_extract(change_description, '$.x')::VARCHAR",
        "error(change_description)",
    ],
)
def test_what_a_failing_query_tells_quotes_nothing_of_the_log(
    log: Log, own_sql: Callable[..., Rule], explanation: str
) -> None:
    log.append([{"created_at": START, "change_description": "password: hunter2"}], window=(START, START + DAY))
    query = f"SELECT 'x' AS group_key, [id] AS event_ids, {explanation} AS explanation FROM evaluated"
    with pytest.raises(RuleError) as error:
        log.refresh([own_sql(query)])
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


def test_a_rule_about_the_log_that_leaves_out_a_column_is_named(log: Log, own_sql: Callable[..., Rule]) -> None:
    log.append([{"created_at": START}], window=(START, START + DAY))
    query = "SELECT 'x' AS group_key, now() AS began_at, now() AS ended_at"
    with pytest.raises(RuleError, match=r"own\.sql"):
        log.refresh([own_sql(query, "input: log")])


@pytest.mark.few(1)
@pytest.mark.parametrize("days", [91, 500, 2000])
def test_who_was_away_is_found_however_long_that_was(log: Log, days: int) -> None:
    log.append([{"created_at": START, "action": "login"}], window=(START, START + DAY))
    log.refresh([rule("ZD-109")])
    back = START + days * DAY
    changed = {"created_at": back + HOUR, "source_type": "permission_set"}
    log.append([{"created_at": back, "action": "login"}, changed], window=(START + DAY, back + DAY))
    log.refresh([rule("ZD-109")])
    found = log.named("ZD-109", "uid, event_ids, explanation")
    assert [ids for _, ids, _ in found] == [[2, 3]]
    log.refresh([rule("ZD-109")], full=True)
    assert log.named("ZD-109", "uid, event_ids, explanation") == found


def test_columns_may_be_named_in_any_case_also_in_a_refresh(log: Log, own_sql: Callable[..., Rule]) -> None:
    mine = own_sql(
        "SELECT id::TEXT AS group_key, [id] AS event_ids, 'Why.' AS explanation FROM evaluated WHERE Setting IS NULL"
    )
    log.append([{"created_at": START}], window=(START, START + DAY))
    log.refresh([mine])
    log.append([{"created_at": START + DAY}], window=(START + DAY, START + 2 * DAY))
    log.refresh([mine])
    assert log.named("OWN-1") == [([1],), ([2],)]


def test_a_rule_runs_anew_when_the_table_that_it_waited_for_appears(log: Log) -> None:
    log.append(
        [
            {"created_at": START, "ip_address": "203.0.113.7", "action": "login"},
            {"created_at": START + HOUR / 2, "ip_address": "198.51.100.7", "action": "login"},
        ],
        window=(START, START + DAY),
    )
    log.refresh()
    assert log.named("ZD-102") == []
    log.connection.execute(
        "CREATE TABLE network_countries AS FROM (VALUES ('203.0.113.0/24', 'NL'), ('198.51.100.0/24', 'BR')) "
        "AS known(network, country)"
    )
    log.refresh()
    assert log.named("ZD-102") == [([1, 2],)]


def test_two_findings_of_one_name_are_one(log: Log, own_sql: Callable[..., Rule]) -> None:
    log.append([{"created_at": START}, {"created_at": START}], window=(START, START + DAY))
    log.refresh([own_sql("SELECT 'x' AS group_key, [id] AS event_ids, 'Why.' AS explanation FROM evaluated")])
    assert len(log.rows()) == 1


def test_a_rule_waits_for_the_tables_it_needs(log: Log, own_sql: Callable[..., Rule]) -> None:
    log.append([{"created_at": START}], window=(START, START + DAY))
    waiting = own_sql(
        "SELECT who AS group_key, list(id) AS event_ids, '' AS explanation FROM evaluated, vips GROUP BY who",
        "needs: [vips]",
    )
    assert log.refresh([waiting]).rows_total == 0
    log.connection.execute("CREATE TABLE vips AS SELECT 'Bea' AS who")
    log.append([{"created_at": START + HOUR}])
    assert log.refresh([waiting]).rows_total == 1


def test_one_actor_in_two_countries_within_an_hour(log: Log) -> None:
    networks = [("203.0.113.0/24", "NL"), ("198.51.100.0/24", "US"), ("192.0.2.0/24", "NL")]
    log.connection.execute("CREATE TABLE network_countries (network VARCHAR, country VARCHAR)")
    log.connection.executemany("INSERT INTO network_countries VALUES (?, ?)", networks)
    log.append(
        [
            {"created_at": START, "ip_address": "203.0.113.7"},
            {"created_at": START + HOUR, "ip_address": "192.0.2.7"},
            {"created_at": START + 2 * HOUR, "ip_address": "198.51.100.7"},
            {"created_at": START + 3 * HOUR + SECOND, "ip_address": "203.0.113.7"},
        ],
        window=(START, START + DAY),
    )
    log.refresh()
    assert log.named("ZD-102") == [([2, 3],)]


"""What must be found of each episode, whatever else is."""
