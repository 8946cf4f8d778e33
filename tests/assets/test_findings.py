"""Findings as an asset: counts, the newest, and a chart, without names; rules of one's own; mistakes in words."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from zendesk_audit_assets.assets import findings
from zendesk_audit_assets.automation import REFRESH

HELPERS = runpy.run_path(str(Path(__file__).parents[1] / "delivery" / "receiver.py"))
finding, store = HELPERS["finding"], HELPERS["store"]
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


def test_a_refresh_says_what_was_found_and_names_nobody(deployment: Any) -> None:
    deployment.happens(
        action="update",
        source_type="user",
        source_label="Name: Bob Besonders",
        change_description="Role changed from Agent to Administrator",
        actor_name="Ada Außergewöhnlich",
    )
    result = deployment.run(REFRESH)
    assert result.success
    said = told(result)
    counted = deployment.query("SELECT severity, count(*) FROM findings WHERE status = 'open' GROUP BY ALL")
    assert {name.removeprefix("open_"): n for name, n in said.items() if name.startswith("open_") and n} == dict(
        counted
    )
    assert said["dagster/row_count"] == said["new"] == sum(count for _, count in counted)
    assert said["rules"] > 40
    assert "ZD-002" in said["by_rule"]
    assert "ZD-002" in said["newest"]
    assert "high" in said["by_severity"]
    for name in MARKDOWN:
        assert "Ada" not in said[name]
        assert "Bob" not in said[name]


def test_a_refresh_without_news_finds_nothing_new(deployment: Any) -> None:
    deployment.run(REFRESH)
    assert told(deployment.run(REFRESH))["new"] == 0


def test_a_full_rebuild_finds_the_same(deployment: Any) -> None:
    deployment.run(REFRESH)
    columns = "uid, severity, title, events, event_ids, status, found_at"
    before = deployment.query(f"SELECT {columns} FROM findings ORDER BY uid")
    said = told(deployment.run(REFRESH, config={"findings": {"config": {"full_rebuild": True}}}))
    assert said["rules_anew"] != "none"
    assert deployment.query(f"SELECT {columns} FROM findings ORDER BY uid") == before


def test_a_rule_of_ones_own_is_in_force(deploy: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "own.yml").write_text(
        "title: Our macro was touched\nid: 4d7a1d3e-6a0f-4a3c-9d1f-0a7f8f1c0b11\nname: OWN-1\nstatus: stable\n"
        "level: critical\nlogsource: {product: zendesk, service: audit}\n"
        "detection: {touched: {object_type: macro, source_label|contains: Crown}, condition: touched}\n"
    )
    deployment = deploy(ZENDESK_RULES_DIR=str(folder))
    deployment.happens(source_type="macro", source_label="Macro: Crown jewels", action="update")
    assert told(deployment.run(REFRESH))["open_critical"] == 1
    assert deployment.query("SELECT title FROM findings WHERE rule = 'OWN-1'") == [("Our macro was touched",)]


def test_a_rule_that_cannot_be_used_is_named_and_the_log_is_kept_all_the_same(
    deploy: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "own.yml").write_text("title: [")
    deployment = deploy(ZENDESK_RULES_DIR=str(folder))
    result = deployment.run(REFRESH)
    assert not result.success
    assert "own.yml" in failed(result)
    assert deployment.holds_everything()


def test_before_there_is_anything_the_page_says_so(connection: duckdb.DuckDBPyConnection) -> None:
    for show in (findings._by_rule, findings._newest, findings._by_severity):
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
    for show in (findings._by_rule, findings._newest, findings._by_severity):
        shown = show(connection)
        assert 0 < len(shown.encode("utf-16-le")) // 2 < 1000
        assert "<b>" not in shown.replace("\\<b\\>", "")


def test_secrets_are_masked_on_the_page(connection: duckdb.DuckDBPyConnection) -> None:
    store(connection, [finding(1, title="Bearer 0123456789abcdef")])
    assert "[masked]" in findings._newest(connection).replace("\\", "")
    assert "0123456789" not in findings._newest(connection) + findings._by_rule(connection)


def test_the_chart_has_a_bar_for_each_of_thirty_days(connection: duckdb.DuckDBPyConnection) -> None:
    last = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
    ages = [0, 0, 0, 0, 1, 29, 30]
    store(connection, [finding(n, last_event_at=last - timedelta(days=age)) for n, age in enumerate(ages)])
    lines = findings._by_severity(connection).splitlines()
    assert lines[0] == "**Findings by severity**, 30 days to 2026-03-01, UTC"
    (high,) = [line for line in lines if line.startswith("high ")]
    assert high.split() == ["high", "▂" + 27 * "·" + "▂█", "6"]
