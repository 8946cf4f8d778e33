"""Findings as an asset: counts, the newest, and a chart, without names; rules of one's own; mistakes in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from support.findings import finding, store
from zendesk_audit_assets.detect import charts

OWN = """\
title: Our macro was touched
id: 4d7a1d3e-6a0f-4a3c-9d1f-0a7f8f1c0b11
name: OWN-1
status: stable
level: critical
logsource: {product: zendesk, service: audit}
detection: {touched: {object_type: macro, source_label|contains: Crown}, condition: touched}
"""
# Whoever names an object writes what this casts.
FAILS = """\
-- title: Fails
-- id: 4d7a1d3e-6a0f-4a3c-9d1f-0a7f8f1c0b12
-- name: OWN-2
-- level: low
SELECT (source_label::INT)::VARCHAR AS group_key, [id] AS event_ids, '' AS explanation FROM evaluated
"""
GRANTED = {
    "action": "update",
    "source_type": "user",
    "source_label": "Name: Bob Besonders",
    "change_description": "Role changed from Agent to Administrator",
    "actor_name": "Ada Außergewöhnlich",
}
MARKDOWN = ("by_rule", "newest", "by_severity")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("SET TimeZone = 'UTC'")
        store(opened, [])
        yield opened


def told(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (materialization,) = result.asset_materializations_for_node("findings")
    return {name: value.value for name, value in materialization.metadata.items()}


def failed(result: dg.ExecuteInProcessResult) -> str:
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    return str(event.step_failure_data.user_failure_data.description)


@pytest.fixture(scope="module")
def refreshed(deployed: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A deployment with two rules of its own, one of which fails, after the refresh `result`; nothing follows."""
    folder = tmp_path_factory.mktemp("findings")
    (folder / "rules").mkdir()
    (folder / "rules" / "own.yml").write_text(OWN)
    (folder / "rules" / "fails.sql").write_text(FAILS)
    with (
        dg.DagsterInstance.ephemeral() as instance,
        deployed(folder, instance, ZENDESK_RULES_DIR=str(folder / "rules")) as deployment,
    ):
        deployment.happens(**GRANTED)
        deployment.happens(source_type="macro", source_label="Macro: Crown jewels", action="update")
        deployment.result = deployment.run("refresh")
        assert deployment.result.success
        yield deployment


def test_a_refresh_says_what_was_found_and_names_nobody(refreshed: Any) -> None:
    said = told(refreshed.result)
    counted = refreshed.query("SELECT severity, count(*) FROM findings WHERE status = 'open' GROUP BY ALL")
    assert {name.removeprefix("open_"): n for name, n in said.items() if name.startswith("open_") and n} == dict(
        counted
    )
    assert said["dagster/row_count"] == said["new"] >= sum(count for _, count in counted) > 0
    assert said["rules"] > 40
    assert "ZD-002" in said["by_rule"]
    assert "ZD-002" in said["newest"]
    assert "high" in said["by_severity"]
    for name in MARKDOWN:
        assert "Ada" not in said[name]
        assert "Bob" not in said[name]


def test_a_rule_of_ones_own_is_in_force(refreshed: Any) -> None:
    assert told(refreshed.result)["open_critical"] == 1
    assert refreshed.query("SELECT title FROM findings WHERE rule = 'OWN-1'") == [("Our macro was touched",)]


def test_a_rule_whose_query_fails_is_left_out_and_told(refreshed: Any) -> None:
    assert told(refreshed.result)["rules_left_out"] == 1
    (failed,) = [check for check in refreshed.result.get_asset_check_evaluations() if not check.passed]
    assert (failed.check_name, failed.severity) == ("every_rule_was_evaluated", dg.AssetCheckSeverity.ERROR)
    assert "fails.sql cannot be used: its query fails on a row of the log (ConversionException)" in failed.description


@pytest.mark.faults
def test_a_refresh_without_news_and_a_rebuild_find_the_same(refreshed: Any) -> None:
    columns = "uid, severity, title, events, event_ids, status, found_at"
    before = refreshed.query(f"SELECT {columns} FROM findings ORDER BY uid")
    said = told(refreshed.run("refresh", only="findings"))
    assert (said["new"], said["rules_rebuilt"]) == (0, "none")
    said = told(refreshed.run("refresh", only="findings", config={"findings": {"config": {"full_rebuild": True}}}))
    assert (said["new"], said["rules_rebuilt"] != "none") == (0, True)
    assert refreshed.query(f"SELECT {columns} FROM findings ORDER BY uid") == before


def test_a_rule_that_cannot_be_used_is_named(deploy: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "own.yml").write_text("title: [")
    result = deploy(ZENDESK_RULES_DIR=str(folder)).run("refresh", only="findings")
    assert not result.success
    assert "own.yml" in failed(result)


def test_before_there_is_anything_the_page_says_so(connection: duckdb.DuckDBPyConnection) -> None:
    for show in (charts.by_rule, charts.newest, charts.by_severity):
        assert show(connection) == "No findings yet."


def test_the_page_shows_everything_in_place_however_much_there_is(connection: duckdb.DuckDBPyConnection) -> None:
    now = datetime(2026, 3, 1, tzinfo=timezone.utc)
    store(
        connection,
        [
            finding(
                n,
                rule=f"ZD-{n:03}",
                title="|Ünder` *attack* <b>" * 30,
                last_event_at=now - timedelta(hours=n),
                severity=("low", "high", "critical")[n % 3],
            )
            for n in range(500)
        ],
    )
    for show in (charts.by_rule, charts.newest, charts.by_severity):
        shown = show(connection)
        assert 0 < len(shown.encode("utf-16-le")) // 2 < 1000
        assert "<b>" not in shown.replace("\\<b\\>", "")


def test_secrets_are_masked_on_the_page(connection: duckdb.DuckDBPyConnection) -> None:
    store(connection, [finding(1, title="Bearer 0123456789abcdef")])
    assert "[masked]" in charts.newest(connection).replace("\\", "")
    assert "0123456789" not in charts.newest(connection) + charts.by_rule(connection)


def test_the_chart_has_a_bar_for_each_of_thirty_days(connection: duckdb.DuckDBPyConnection) -> None:
    last = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    ages = [0, 0, 0, 0, 1, 29, 30]
    store(connection, [finding(n, last_event_at=last - timedelta(days=age)) for n, age in enumerate(ages)])
    lines = charts.by_severity(connection).splitlines()
    assert lines[0] == "**Findings by severity**, 30 days to 2026-03-01, UTC"
    (high,) = [line for line in lines if line.startswith("high ")]
    assert high.split() == ["high", "▂" + 27 * "·" + "▂█", "6"]
