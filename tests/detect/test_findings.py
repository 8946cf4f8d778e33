"""Findings follow the log: in any order of arrival as from the whole log; and what people did to them stays."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.warehouse import transaction
from zendesk_audit_assets.detect import (
    Rule,
    RuleError,
    decisions,
    findings,
    load_rules,
)
from zendesk_audit_assets.detect.findings import FindingsRefreshed
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.emulator.episodes import EPISODES, Episode
from zendesk_audit_assets.emulator.events import Event
from zendesk_audit_assets.emulator.history import build_history
from zendesk_audit_assets.emulator.options import HistoryOptions
from zendesk_audit_assets.severity import at_least
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.warehouse.migrations import migrate

UTC = timezone.utc
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC)
PACK = load_rules()
# Of each kind some, for tests in which the others have nothing to say.
FEW = tuple(
    rule
    for rule in PACK
    if rule.name[3:6] in ("001", "002", "014", "102", "104", "106", "110", "115", "201", "202", "203", "205", "206")
)
YEARS_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OWN_ID = "00000000-0000-0000-0000-000000000001"

RECORDS = {
    "id": pl.Int64,
    "created_at": pl.Datetime("us", "UTC"),
    "action": pl.String,
    "source_type": pl.String,
    "source_id": pl.Int64,
    "source_label": pl.String,
    "change_description": pl.String,
    "actor_id": pl.Int64,
    "actor_name": pl.String,
    "ip_address": pl.String,
}
Record = Mapping[str, Any]


class Log:
    """A warehouse file that batches are appended to."""

    def __init__(self, path: Path) -> None:
        self.connection = duckdb.connect(str(path))
        self.connection.execute("SET TimeZone = 'UTC'")
        migrate(self.connection)
        self.connection.execute(f"CREATE VIEW audit_events AS {AUDIT_EVENTS.sql}")
        self.batches = 0
        self.ids = 0

    def append(self, records: Iterable[Record] = (), *, window: tuple[datetime, datetime] | None = None) -> None:
        """A batch of partial records; it vouches for `window`."""
        self.batches += 1
        rows = []
        for record in records:
            self.ids += 1
            rows.append({"id": self.ids, "actor_id": 5, "actor_name": "Ada", "action": "update", **record})
        self.connection.register("incoming", pl.DataFrame(rows, schema=RECORDS))
        self.connection.execute(
            f"INSERT INTO audit_logs BY NAME "
            f"SELECT *, {self.batches} AS batch_id, now() AS inserted_at, 'run' AS run_id FROM incoming"
        )
        self.connection.unregister("incoming")
        if window is not None:
            self.connection.execute(
                "INSERT INTO coverage VALUES (?, ?, ?, ?, 'run', 1, ?, ?, 0, 0, now())",
                [self.batches, *window, window[1] + HOUR, len(rows), len(rows)],
            )

    def refresh(self, rules: Iterable[Rule] = FEW, **how: Any) -> FindingsRefreshed:
        with transaction(self.connection):
            return findings.refresh(self.connection, tuple(rules), **how)

    def close(self, rule: str) -> None:
        with transaction(self.connection) as connection:
            decisions.record(connection, [uid for (uid,) in self.named(rule, "uid")], "closed")

    def found_at(self, instant: datetime) -> None:
        """Let everything so far have been found at this time."""
        self.connection.execute("UPDATE finding_decisions SET decided_at = $1", [instant])
        self.connection.execute("UPDATE findings SET found_at = $1", [instant])

    def rows(self, columns: str = "* EXCLUDE (found_at)", where: str = "true") -> list[tuple[Any, ...]]:
        return self.connection.execute(f"SELECT {columns} FROM findings WHERE {where} ORDER BY ALL").fetchall()

    def named(self, rule: str, columns: str = "event_ids") -> list[tuple[Any, ...]]:
        return self.rows(columns, f"rule = '{rule}'")


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    log = Log(tmp_path / "audit.duckdb")
    yield log
    log.connection.close()


@pytest.fixture
def own(tmp_path: Path) -> Callable[..., Rule]:
    """A rule of one's own in SQL, by its query and header lines."""
    folder = tmp_path / "rules"
    folder.mkdir()

    def own(query: str, *header: str) -> Rule:
        lines = ["title: Own", f"id: {OWN_ID}", "name: OWN-1", "level: low", *header]
        (folder / "own.sql").write_text("\n".join([*(f"-- {line}" for line in lines), query]))
        (rule,) = load_rules(folder, packaged=False)
        return rule

    return own


def rule(name: str) -> Rule:
    (found,) = (rule for rule in PACK if rule.name == name)
    return found


def records_of(events: Iterable[Event]) -> list[dict[str, Any]]:
    return [{**event._asdict(), "created_at": datetime.fromtimestamp(event.created_at, UTC)} for event in events]


OWNER_CHANGED = {"source_type": "account", "change_description": "Owner changed from Ada to Bea"}
SUSPENDED = {"source_type": "user_setting", "change_description": "Suspended"}


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
        'Ada from 203.0.113.7: update account "Account: Account": Owner changed from Ada to Bea'
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


@pytest.mark.parametrize("before", range(240, 275, 4))
def test_a_description_is_masked_before_it_is_cut(log: Log, before: int) -> None:
    text = f"Owner changed from {'x' * before} to https://user:topsecret@example.com/hook"
    log.append([{**OWNER_CHANGED, "change_description": text, "created_at": START}])
    log.refresh()
    ((explanation,),) = log.rows("explanation")
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


def test_a_finding_that_grows_is_updated_and_stays_closed(log: Log) -> None:
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
    assert log.named("ZD-106", "uid, events, status, found_at, batch_id") == [(uid, 7, "closed", YEARS_AGO, 2)]
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
    assert explanation == ("3 rules within 24 hours: ZD-001, ZD-002, ZD-110. Their weight is 40; the threshold is 20.")


def test_another_time_zone_judges_anew(log: Log) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}], window=(START, START + DAY))
    log.refresh(timezone="UTC")
    anew = log.refresh(timezone="Asia/Tokyo").rules_rebuilt
    assert "ZD-104" in anew
    assert "ZD-001" not in anew


def test_the_level_of_a_query_counts_unless_settings_fix_it(log: Log, own: Callable[..., Rule]) -> None:
    log.append([{"created_at": START}], window=(START, START + DAY))
    query = "SELECT 'x' AS group_key, list(id) AS event_ids, 'Why.' AS explanation, 'high' AS level FROM evaluated"
    log.refresh([own(query)])
    assert log.rows("severity, explanation, events") == [("high", "Why.", 1)]
    log.refresh([replace(own(query), level="medium", level_is_fixed=True)])
    assert log.rows("severity") == [("medium",)]


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("SELECT shoe FROM evaluated", "shoe"),
        (
            "SELECT 'x' AS group_key, list(id) AS event_ids, '' AS explanation, 'severe' AS level FROM evaluated",
            "severe",
        ),
        ("SELECT 'x' AS group_key, ['a'] AS event_ids, '' AS explanation FROM evaluated", "ConversionException"),
        ("SELEKT 1", "SELEKT"),
    ],
)
def test_a_query_that_fails_is_told_by_its_file_and_changes_nothing(
    log: Log, own: Callable[..., Rule], query: str, problem: str
) -> None:
    log.append([{**OWNER_CHANGED, "created_at": START}], window=(START, START + DAY))
    log.refresh([rule("ZD-001")])
    before = log.rows("*")
    with pytest.raises(RuleError) as error:
        log.refresh([rule("ZD-001"), own(query)])
    assert problem in error.value.cause
    assert "own.sql" in error.value.cause
    assert log.rows("*") == before
    assert log.connection.execute("SELECT count(*) FROM duckdb_tables() WHERE temporary").fetchall() == [(0,)]
    assert log.refresh([rule("ZD-001")]).rows_written == 0


def test_what_a_failing_query_tells_quotes_nothing_of_the_log(log: Log, own: Callable[..., Rule]) -> None:
    log.append([{"created_at": START, "change_description": "password: hunter2"}], window=(START, START + DAY))
    query = "SELECT 'x' AS group_key, [change_description::INT] AS event_ids, '' AS explanation FROM evaluated"
    with pytest.raises(RuleError) as error:
        log.refresh([own(query)])
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None


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


def test_columns_may_be_named_in_any_case_also_in_a_refresh(log: Log, own: Callable[..., Rule]) -> None:
    mine = own(
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


@pytest.mark.parametrize(
    "drop", [("findings", "findings_state"), ("findings",), ("findings_state",)], ids=lambda names: "_and_".join(names)
)
def test_dropped_findings_come_back_the_same(log: Log, drop: tuple[str, ...]) -> None:
    wave(log)
    before = log.rows("*")
    assert {row[-3] for row in before} == {"open", "closed", "resolved"}
    assert {"ZD-001", "ZD-106", "ZD-115", "ZD-202"} <= {row[2] for row in before}
    for table in drop:
        log.connection.execute(f"DROP TABLE {table}")
    assert log.refresh().new == 0
    assert log.rows("*") == before


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


def test_two_findings_of_one_name_are_one(log: Log, own: Callable[..., Rule]) -> None:
    log.append([{"created_at": START}, {"created_at": START}], window=(START, START + DAY))
    log.refresh([own("SELECT 'x' AS group_key, [id] AS event_ids, 'Why.' AS explanation FROM evaluated")])
    assert len(log.rows()) == 1


def test_a_rule_waits_for_the_tables_it_needs(log: Log, own: Callable[..., Rule]) -> None:
    log.append([{"created_at": START}], window=(START, START + DAY))
    waiting = own(
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


def test_a_silent_log_is_told_and_over_when_it_speaks_again(log: Log) -> None:
    log.append([{"created_at": START + n * HOUR} for n in range(120)], window=(START, START + 120 * HOUR))
    log.refresh()
    assert log.named("ZD-201") == []
    log.append(window=(START + 120 * HOUR, START + 140 * HOUR))
    log.refresh()
    ((uid, status, explanation),) = log.named("ZD-201", "uid, status, explanation")
    assert (status, explanation) == (
        "open",
        "No event for 21 hours; the longest silence in the 60 days before was of 1.0 hours.",
    )
    log.append(window=(START + 140 * HOUR, START + 150 * HOUR))
    assert log.refresh().new == 0
    assert log.named("ZD-201", "uid, status, last_event_at") == [(uid, "open", START + 150 * HOUR)]
    log.append([{"created_at": START + 151 * HOUR}], window=(START + 150 * HOUR, START + 152 * HOUR))
    log.refresh()
    assert log.named("ZD-201", "uid, status") == [(uid, "resolved")]
    log.refresh(full=True)
    assert log.named("ZD-201", "uid, status") == [(uid, "resolved")]


def test_rows_that_went_by_other_means_are_told(log: Log) -> None:
    log.append([{"created_at": START}, {"created_at": START + HOUR}], window=(START, START + DAY))
    log.append([{"created_at": START + DAY}], window=(START + DAY, START + 2 * DAY))
    log.refresh()
    assert log.named("ZD-202") == []
    log.connection.execute("DELETE FROM audit_logs WHERE id = 2")
    log.refresh()
    assert log.named("ZD-202", "explanation, severity, batch_id") == [
        ("Batch 1 committed 2 events; the log holds 1 of them.", "high", 0)
    ]


def test_events_that_appeared_late_are_told(log: Log) -> None:
    log.append([{"created_at": START}], window=(START, START + DAY))
    log.append([{"created_at": START + DAY - SECOND}], window=(START, START + 2 * DAY))
    log.refresh()
    assert log.named("ZD-203", "object_label, events") == [("batch 2", 1)]


def test_a_fall_of_the_parse_rate_is_told(log: Log) -> None:
    log.append([{"created_at": START + 37 * DAY}], window=(START, START + 38 * DAY))
    log.connection.execute(
        """
        CREATE TABLE audit_changes AS
        SELECT
            TIMESTAMPTZ '2026-01-02' + n * INTERVAL 1 HOUR AS created_at, 'update' AS action,
            CASE WHEN n > 36 * 24 - 100 AND n % 10 = 0 THEN 'unparsed' ELSE 'exact' END AS confidence
        FROM range(36 * 24) AS hours(n)
        """
    )
    log.refresh()
    ((explanation,),) = log.named("ZD-206", "explanation")
    assert explanation.startswith("94 % of ")


def test_settings_in_another_language_are_told(log: Log) -> None:
    setting = {"source_type": "account_setting", "source_label": "Beveiliging: Tweefactorauthenticatie"}
    texts = ["Uitgeschakeld", "Ingeschakeld", "Turned on"] * 7
    log.append(
        [{**setting, "created_at": START + n * HOUR, "change_description": text} for n, text in enumerate(texts)]
    )
    log.refresh()
    assert log.named("ZD-205-words", "explanation") == [
        ("14 of 21 changes of settings in 90 days have unknown wording.",)
    ]
    log.append({**setting, "created_at": START + n * HOUR, "change_description": "Turned off"} for n in range(7))
    log.refresh()
    assert log.named("ZD-205-words", "status") == [("resolved",)]


def episodes_of(seed: int, log: Log, **options: Any) -> list[Episode]:
    """A made-up history with its episodes, read in one go."""
    given = HistoryOptions(start=START - 240 * DAY, end=START, seed=seed, **options)
    history = build_history(given)
    log.append(records_of(history.events), window=(given.start, given.end))
    return history.episodes


EXPECTED = {
    "account_takeover": {"ZD-002", "ZD-015-first", "ZD-016", "ZD-111", "ZD-115"},
    "protections_off_and_on": {"ZD-008", "ZD-010", "ZD-010-changed", "ZD-113"},
    "self_escalation": {"ZD-002", "ZD-110", "ZD-111", "ZD-015", "ZD-115"},
    "two_networks": {"ZD-103"},
    "mass_deletion": {"ZD-021", "ZD-105"},
    "rule_sends_data_out": {"ZD-018", "ZD-019"},
    "mass_suspension": {"ZD-014-staff", "ZD-014-suspended", "ZD-106"},
    "act_after_removal": {"ZD-003", "ZD-014-suspended", "ZD-114"},
    "dormant_admin": {"ZD-009", "ZD-109"},
    "redaction_off": {"ZD-011", "ZD-012"},
    "mass_role_change": {"ZD-003", "ZD-107"},
    "owner_change": {"ZD-001"},
}
"""What must be found of each episode, whatever else is."""


@pytest.mark.parametrize("seed", [1, 2])
def test_every_episode_is_found_by_the_rules_that_are_there_for_it(log: Log, seed: int) -> None:
    episodes = episodes_of(seed, log)
    assert {episode.name for episode in episodes} == set(EPISODES) == set(EXPECTED)
    log.refresh(PACK, timezone="Europe/Amsterdam")
    for episode in episodes:
        ids = ", ".join(map(str, episode.event_ids))
        found = {name for (name,) in log.rows("DISTINCT rule", f"list_has_any(event_ids, [{ids}])")}
        assert EXPECTED[episode.name] <= found, episode.name


def test_fifty_administrators_make_under_one_alert_a_day(log: Log) -> None:
    # 400 people, of whom 50 are administrators, as busy as the 40 of the demo.
    options = HistoryOptions(start=START - 90 * DAY, end=START, seed=3, agents=400, events_per_day=900, episodes=False)
    log.append(records_of(build_history(options).events), window=(options.start, options.end))
    log.refresh(PACK, timezone="Europe/Amsterdam")
    to_look_at = list(at_least("medium"))
    assert len(log.rows("uid", f"severity IN {tuple(to_look_at)}")) < 90


def test_in_any_order_of_arrival_the_findings_are_those_of_a_rebuild(log: Log) -> None:
    chance = random.Random(4)
    options = HistoryOptions(start=START - 130 * DAY, end=START, seed=4, agents=16, events_per_day=40)
    records = records_of(build_history(options).events)
    # One stretch after the other, two of them late, and of each some events that appear only with a later one.
    stretches = [options.start + n * 20 * DAY for n in range(7)]
    windows = [(begin, min(begin + 20 * DAY, options.end)) for begin in stretches if begin < options.end]
    windows[4], windows[6] = windows[6], windows[4]
    late: list[dict[str, Any]] = []
    for begin, end in windows:
        due, late = late, []
        for record in records:
            if begin <= record["created_at"] < end:
                (late if chance.random() < 0.02 else due).append(record)
        log.append(due, window=(begin, end))
        log.refresh(PACK, timezone="Europe/Amsterdam")
    log.append(late)
    log.refresh(PACK, timezone="Europe/Amsterdam")

    of_events = "batch_id > 0"
    followed = log.rows(where=of_events)
    log.refresh(PACK, timezone="Europe/Amsterdam", full=True)
    assert followed == log.rows(where=of_events)
    assert len({row[2] for row in followed}) > 25
    assert log.rows("count(*), count(DISTINCT uid)") == [(len(log.rows("uid")),) * 2]


BATCHES = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 72 * 60),
            st.sampled_from(["Suspended", "Unsuspended", "Role changed from Agent to Admin", "", "Turned off"]),
            st.sampled_from(["user_setting", "user", "account_setting", "ticket"]),
            st.sampled_from(["create", "update", "destroy", "exported"]),
            st.integers(1, 3),
            st.integers(1, 6),
        ),
        max_size=25,
    ),
    min_size=1,
    max_size=4,
)


COUNTING = {
    "ZD-002", "ZD-003", "ZD-010", "ZD-014", "ZD-014-staff", "ZD-014-suspended", "ZD-021", "ZD-105", "ZD-106", "ZD-107",
    "ZD-109", "ZD-110", "ZD-111", "ZD-113", "ZD-114", "ZD-115",
}  # fmt: skip


@given(batches=BATCHES, gap=st.integers(0, 72))
@settings(max_examples=3)
def test_random_batches_give_the_findings_of_a_rebuild(batches: list[list[Any]], gap: int) -> None:
    rules = [one for one in PACK if one.name in COUNTING]
    with TemporaryDirectory() as folder:
        log = Log(Path(folder) / "audit.duckdb")
        # First all but the hour of the gap is covered, and that at the end.
        hour = START + gap * HOUR
        log.append(window=(START, hour))
        log.append(window=(hour + HOUR, START + 4 * DAY))
        for batch in batches:
            log.append(
                {
                    "created_at": START + timedelta(minutes=minute), "change_description": text, "actor_id": actor,
                    "source_type": kind, "action": action, "source_id": source,
                    "source_label": "IP restrictions" if kind == "account_setting" else None,
                }
                for minute, text, kind, action, actor, source in batch
            )  # fmt: skip
            log.refresh(rules, start=START)
        log.append(window=(hour, hour + HOUR))
        log.refresh(rules, start=START)
        followed = log.rows()
        log.refresh(rules, start=START, full=True)
        assert followed == log.rows()
        log.connection.close()
