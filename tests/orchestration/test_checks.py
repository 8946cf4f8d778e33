"""Each check passes on a good warehouse, and fails when its promise is broken in the data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import time_machine

from support.deployment import NOW
from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.detect.checks import LOG_RULES, check_name
from zendesk_audit_assets.emulator import EmulatorOptions
from zendesk_audit_assets.extract.checks import READ_WITHIN
from zendesk_audit_assets.orchestration.checks import CHECKS, whole_table_checks
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.transform import checks as transform_checks
from zendesk_audit_assets.warehouse.check import Check, CheckResult
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.table import CHANGES_TYPE


def tables_with(check: str) -> list[str]:
    return [one.table for one in CHECKS if one.name == check]


DERIVED_CHECKS = [(one.table, one.name) for one in transform_checks.CHECKS]
LITERALS = {
    "BIGINT": "-7",
    "BOOLEAN": "false",
    "DATE": "DATE '2026-01-01'",
    "DOUBLE": "0.5",
    "JSON": "'{}'",
    "MAP(VARCHAR, BIGINT)": "MAP {'x': 1}",
    "TIMESTAMPTZ": "TIMESTAMPTZ '2026-01-01 00:00:00+00'",
    "VARCHAR": "'x'",
    "VARCHAR[]": "['x']",
    CHANGES_TYPE: "[]",
}


def stray_row(name: str) -> str:
    """Insert a row that belongs to no event, with a value in each column; a period of it has an end."""
    (table,) = (one for one in DERIVED if one.name == name)
    return f"INSERT INTO {name} VALUES ({', '.join(LITERALS[column.type] for column in table.columns)})"


FULL_REFRESH = {"audit_logs": {"config": {"full_refresh": True}}}


@dataclass(frozen=True)
class Damage:
    """Statements that break one promise and no other, and what the check then says."""

    asset: str
    check: str
    statements: tuple[str, ...]
    says: str
    severity: str = "error"


def of_the_log(check: str, *statements: str, says: str, warns: bool = False) -> Damage:
    severity = "warn" if warns else "error"
    return Damage("audit_logs", check, statements, says, severity)


# The checks of a damaged warehouse run then: after all that the good one went through.
EVALUATED_AT = NOW + timedelta(minutes=30)
LATER = f"TIMESTAMPTZ '{EVALUATED_AT.isoformat()}'"
# One row at least in every derived table, whatever else the history of the account holds.
HAPPENED: list[dict[str, Any]] = [
    {"source_type": "user", "change_description": "Role changed from Agent to Administrator"},
    {
        "source_type": "zendesk/business_hours/workweek",
        "change_description": 'Workweek changed from {"mon": {"09:00": "17:00"}} to {}',
    },
    {"source_type": "account_setting", "change_description": "Two factor changed from Enabled to Disabled"},
    {"source_type": "user", "action": "login"},
    {"source_type": "rule", "change_description": "Title changed from A to B"},
]
A_FINDING = (
    f"INSERT INTO findings BY NAME SELECT '{{uid}}' AS uid, 'id' AS rule_id, 'ZD-1' AS rule, 'high' AS severity, "
    f"'Title' AS title, 'So.' AS explanation, {LATER} AS first_event_at, {LATER} AS last_event_at, 1 AS events, "
    f"[1] AS event_ids, [] AS attack, false AS experimental, 'open' AS status, {LATER} AS found_at, 1 AS batch_id"
)
A_ROW = "id = (SELECT min(id) FROM audit_logs)"
DAMAGES = [
    of_the_log(
        "ids_are_unique",
        f"INSERT INTO audit_logs FROM audit_logs WHERE {A_ROW}",
        says="1 rows repeat an id",
    ),
    of_the_log(
        "rows_lie_in_coverage",
        f"INSERT INTO audit_logs SELECT * REPLACE (-5 AS id, created_at - INTERVAL 30 DAY AS created_at) "
        f"FROM audit_logs WHERE {A_ROW}",
        says="1 rows lie in no window",
    ),
    of_the_log(
        "rows_lie_in_coverage",
        "DELETE FROM coverage",
        says="rows lie in no window",
    ),
    of_the_log(
        "coverage_has_no_gap",
        "UPDATE coverage SET window_start = window_start + INTERVAL 1 SECOND "
        "WHERE window_start = (SELECT min(window_start) FROM coverage)",
        says="Nothing was read just after",
    ),
    of_the_log(
        "coverage_has_no_gap",
        "INSERT INTO coverage SELECT * REPLACE (window_end + INTERVAL 1 HOUR AS window_start, "
        "window_end + INTERVAL 2 HOUR AS window_end) FROM coverage ORDER BY window_end DESC LIMIT 1",
        says="Nothing was read just after",
    ),
    of_the_log(
        "nothing_was_rejected",
        f"INSERT INTO audit_log_rejects VALUES ('no id', '{{}}', 1, {LATER}, 'run')",
        says="1 records are in audit_log_rejects",
    ),
    of_the_log(
        "no_event_has_changed",
        f"INSERT INTO audit_log_revisions SELECT * REPLACE ('Umbenannt' AS source_label) FROM audit_logs WHERE {A_ROW}",
        says="1 other versions are in audit_log_revisions, 0 of them",
        warns=True,
    ),
    of_the_log(
        "no_event_has_changed",
        f"INSERT INTO audit_log_revisions SELECT * REPLACE (999 AS actor_id) FROM audit_logs WHERE {A_ROW}",
        says="1 other versions are in audit_log_revisions, 1 of them",
    ),
    of_the_log(
        "a_read_is_recent",
        f"UPDATE coverage SET window_end = least(window_end, {LATER} - INTERVAL 4 HOUR)",
        says="The newest second read is 4.0 hours old.",
        warns=True,
    ),
    of_the_log("a_read_is_recent", "DELETE FROM coverage", says="does not exist yet", warns=True),
    *(
        Damage(table, check, (stray_row(table),) * rows, says)
        for check, rows, says in (
            ("events_equal_the_log", 1, "expected from audit_logs"),
            ("nothing_is_missing", 1, "expected from"),
            ("each_has_one_row", 2, "1 rows repeat "),
            ("one_period_is_open", 1, "1 have no period without an end"),
        )
        for table in tables_with(check)
    ),
    Damage(
        "audit_changes",
        "nothing_is_missing",
        ("DELETE FROM audit_changes WHERE event_id = (SELECT min(event_id) FROM audit_changes)",),
        "in audit_changes, ",
    ),
    *(
        Damage(table, check, (f"DROP TABLE {table}",), f"{table} does not exist yet", "warn")
        for table, check in DERIVED_CHECKS
    ),
    Damage(
        "findings",
        "uids_are_unique",
        (A_FINDING.format(uid="twice"), A_FINDING.format(uid="twice")),
        "1 findings repeat a uid",
    ),
    Damage(
        "findings",
        "every_rule_was_evaluated",
        ("UPDATE findings_state SET failure = 'Why.' WHERE rule_id = (SELECT min(rule_id) FROM findings_state)",),
        "Why.",
    ),
    Damage(
        "findings",
        "every_rule_was_evaluated",
        ("ALTER TABLE findings_state DROP failure",),
        "An earlier version wrote the findings",
        "warn",
    ),
    Damage("findings", "every_rule_was_evaluated", ("DROP TABLE findings",), "does not exist", "warn"),
    *(
        Damage(
            "findings",
            check_name(rule),
            (
                A_FINDING.format(uid=rule.id)
                .replace("'id' AS rule_id", f"'{rule.id}' AS rule_id")
                .replace("'high'", f"'{severity}'"),
            ),
            "So.",
            "error" if severity == "high" else "warn",
        )
        for rule in LOG_RULES
        for severity in ("medium", "high")
    ),
    *(Damage("findings", check_name(rule), ("DROP TABLE findings",), "does not exist", "warn") for rule in LOG_RULES),
    Damage("findings", "uids_are_unique", ("DROP TABLE findings",), "does not exist yet", "warn"),
    Damage(
        "alerts",
        "no_delivery_has_failed",
        (
            A_FINDING.format(uid="one"),
            "INSERT INTO alert_deliveries BY NAME "
            "SELECT 'one' AS uid, 'slack' AS channel, 'failed' AS status, 8 AS attempts",
        ),
        "Alerts have failed for good: 1 to slack.",
    ),
    Damage(
        "alerts",
        "no_delivery_has_failed",
        ("DROP TABLE alert_deliveries",),
        "does not exist yet",
        "warn",
    ),
]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, deployed: Any) -> Iterator[Any]:
    """A deployment whose nightly run succeeded; `evaluated` are its check results."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        deployed(tmp_path_factory.mktemp("good"), instance, days=7, options=EmulatorOptions()) as deployment,
    ):
        for event in HAPPENED:
            deployment.happens(**event)
        result = deployment.run("nightly")
        assert result.success
        deployment.evaluated = result.get_asset_check_evaluations()
        yield deployment


@pytest.fixture
def damaged(good: Any, tmp_path: Path) -> Any:
    """A copy of the good warehouse, after some statements."""

    def damage(*statements: str) -> Warehouse:
        shutil.copy(good.warehouse.path, tmp_path / "audit.duckdb")
        warehouse = Warehouse(tmp_path / "audit.duckdb")
        with warehouse.transaction() as connection:
            for statement in statements:
                connection.execute(statement)
        return warehouse

    return damage


def find(check: Check, warehouse: Warehouse, good: Any) -> CheckResult:
    first = good.days.first
    with time_machine.travel(EVALUATED_AT, tick=False), warehouse.transaction() as connection:
        return check.run(connection, datetime(first.year, first.month, first.day, tzinfo=timezone.utc))


def check_named(asset: str, name: str) -> Check:
    (check,) = (one for one in CHECKS if (one.table, one.name) == (asset, name))
    return check


def test_every_check_passes_on_a_good_warehouse(good: Any) -> None:
    assert {evaluation.asset_check_key for evaluation in good.evaluated} == {
        Scope().check_key(check.table, check.name) for check in CHECKS
    }
    assert [evaluation.description for evaluation in good.evaluated if not evaluation.passed] == []


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: f"{damage.asset}.{damage.check}: {damage.says}")
def test_a_check_fails_when_its_promise_is_broken(good: Any, damaged: Any, damage: Damage) -> None:
    check = check_named(damage.asset, damage.check)
    finding = find(check, damaged(*damage.statements), good)
    assert not finding.passed
    assert damage.says in finding.summary
    assert finding.severity == damage.severity


def test_there_is_a_way_to_make_each_check_fail() -> None:
    assert {(damage.asset, damage.check) for damage in DAMAGES} == {(check.table, check.name) for check in CHECKS}


@pytest.mark.faults
def test_dagster_is_told_of_what_a_check_finds(deployment: Any) -> None:
    deployment.run("backfill")
    deployment.happens(id="no number")
    deployment.happens(action="impersonate", trace="x")
    failed = {
        evaluation.check_name: evaluation
        for evaluation in deployment.run("nightly", config=FULL_REFRESH).get_asset_check_evaluations()
        if not evaluation.passed
    }
    assert failed.keys() == {"nothing_was_rejected", "zd_205_unknown_words", "zd_208_rejected_records"}
    assert failed["nothing_was_rejected"].metadata["rows"].value == 1
    assert failed["nothing_was_rejected"].severity == dg.AssetCheckSeverity.ERROR
    drift = failed["zd_205_unknown_words"]
    assert drift.severity == dg.AssetCheckSeverity.WARN
    assert 'Field "trace", not seen in the 90 days before.' in str(drift.description)
    assert 'Action "impersonate" on ' in str(drift.description)


@pytest.mark.faults
def test_every_check_can_be_run_before_anything_was_read(deployment: Any) -> None:
    job = dg.define_asset_job("checks_only", selection=dg.AssetSelection.all_asset_checks())
    definitions = dg.Definitions.merge(deployment.definitions, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("checks_only").execute_in_process(instance=deployment.instance)
    assert {one.asset_check_key for one in result.get_asset_check_evaluations()} == {
        Scope().check_key(check.table, check.name) for check in CHECKS
    }


def test_one_check_can_be_run_without_the_others(good: Any) -> None:
    key = whole_table_checks(Scope())[0]
    job = dg.define_asset_job("one_check", selection=dg.AssetSelection.checks(key))
    definitions = dg.Definitions.merge(good.definitions, dg.Definitions(jobs=[job]))
    result = definitions.resolve_job_def("one_check").execute_in_process(instance=good.instance)
    assert [one.asset_check_key for one in result.get_asset_check_evaluations()] == [key]


def test_a_rule_about_the_log_fails_and_passes_with_the_data(good: Any, damaged: Any) -> None:
    check = check_named("findings", "zd_202_count_mismatch")
    lost = f"CREATE TABLE lost AS FROM audit_logs WHERE {A_ROW}"
    warehouse = damaged(lost, "DELETE FROM audit_logs WHERE id IN (SELECT id FROM lost)")

    def refreshed() -> CheckResult:
        with warehouse.transaction() as connection:
            findings.refresh(connection, load_rules())
        return find(check, warehouse, good)

    failed = refreshed()
    assert (failed.passed, failed.severity) == (False, "error")
    assert "the log holds" in failed.summary
    with warehouse.transaction() as connection:
        connection.execute("INSERT INTO audit_logs FROM lost")
    assert refreshed().passed


def test_a_closed_finding_and_a_rule_that_is_off_pass(good: Any, damaged: Any) -> None:
    check = check_named("findings", "zd_201_silence")
    (rule,) = (rule for rule in LOG_RULES if rule.name == "ZD-201")
    one = A_FINDING.format(uid="one").replace("'id' AS rule_id", f"'{rule.id}' AS rule_id")
    closed = damaged(one, "UPDATE findings SET status = 'closed' WHERE uid = 'one'")
    assert find(check, closed, good).summary == "No open finding of ZD-201."
    off = damaged(f"DELETE FROM findings_state WHERE rule_id = '{rule.id}'")
    assert find(check, off, good).summary == "The rule ZD-201 is not in force."


@pytest.mark.parametrize(("age", "passes"), [(timedelta(0), True), (timedelta(minutes=1), False)])
def test_a_read_may_be_three_hours_old_and_no_older(good: Any, damaged: Any, age: timedelta, passes: bool) -> None:
    seconds = (READ_WITHIN + age).total_seconds()
    warehouse = damaged(f"UPDATE coverage SET window_end = least(window_end, {LATER} - INTERVAL {seconds} SECOND)")
    assert find(check_named("audit_logs", "a_read_is_recent"), warehouse, good).passed == passes


def test_every_check_says_what_it_promises(good: Any) -> None:
    keys = {spec.key: spec.description for one in good.definitions.asset_checks for spec in one.check_specs}
    assert keys == {Scope().check_key(check.table, check.name): check.description for check in CHECKS}


def test_a_failed_delivery_of_a_closed_finding_is_settled(good: Any, damaged: Any) -> None:
    warehouse = damaged(
        A_FINDING.format(uid="one"),
        "INSERT INTO alert_deliveries BY NAME "
        "SELECT 'one' AS uid, 'slack' AS channel, 'failed' AS status, 8 AS attempts",
        "UPDATE findings SET status = 'closed' WHERE uid = 'one'",
    )
    assert find(check_named("alerts", "no_delivery_has_failed"), warehouse, good).passed
