"""The derived tables as assets, with their charts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets.emulator import EmulatorOptions
from zendesk_audit_assets.orchestration.checks import CHECKS, whole_table_checks
from zendesk_audit_assets.orchestration.partitions import Days
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.transform.charts import CHARTS

TABLES = [table.name for table in DERIVED]
FIGURES = {table.name: {name for name, _ in table.metrics} for table in DERIVED}
# What a few days of the made-up history may lack.
RARE = {
    "account_setting": "Turned on",
    "user": "Role changed from Agent to Administrator",
    "zendesk/business_hours/workweek": "Workweek changed from not set to {}",
}


def config(**choices: bool) -> dict[str, Any]:
    return {"derived_tables": {"config": choices}}


def materialization_of(result: dg.ExecuteInProcessResult, table: str) -> dg.AssetMaterialization:
    all_tables = result.asset_materializations_for_node("derived_tables")
    (materialization,) = [one for one in all_tables if one.asset_key == dg.AssetKey(table)]
    return materialization


def metadata_of(result: dg.ExecuteInProcessResult, table: str) -> dict[str, Any]:
    return {name: value.value for name, value in materialization_of(result, table).metadata.items()}


def contents(deployment: Any) -> dict[str, list[tuple[Any, ...]]]:
    return {table: deployment.query(f"FROM {table} ORDER BY ALL") for table in TABLES}


@pytest.fixture(scope="module")
def refreshed(deployed: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A deployment after a refresh; `result` is that run's. For tests that only look."""
    with (
        dg.DagsterInstance.ephemeral() as instance,
        deployed(tmp_path_factory.mktemp("refreshed"), instance) as deployment,
    ):
        for source_type, change in RARE.items():
            deployment.happens(source_type=source_type, source_label="Page: Thing", change_description=change)
        deployment.result = deployment.run("refresh")
        yield deployment


@pytest.mark.faults
def test_after_several_refreshes_every_table_equals_a_full_rebuild(deployment: Any) -> None:
    first = deployment.days.first
    assert deployment.run("refresh", Days(first, first + timedelta(days=1))).success
    deployment.happens(actor_id=77)
    deployment.happens(created_at=f"{first}T06:00:00Z", actor_name="Renamed")
    deployment.happens(actor_id=77, action="destroy")
    last = deployment.run("refresh", config={"audit_logs": {"config": {"full_refresh": True}}})
    assert deployment.holds_everything()
    assert not any(metadata_of(last, table)["rebuilt"] for table in TABLES)
    refreshed = contents(deployment)

    # Of a day that is settled: nothing is read, so the tables have seen as much of the log as before.
    rebuilt = deployment.run("refresh", Days(first, first), config=config(full_rebuild=True))
    assert all(metadata_of(rebuilt, table)["rebuilt"] for table in TABLES)
    assert contents(deployment) == refreshed


def test_one_refresh_brings_its_days_and_every_derived_table(refreshed: Any) -> None:
    assert refreshed.result.success
    assert refreshed.holds_everything()
    made = {event.asset_key for event in refreshed.result.get_asset_materialization_events()}
    assert made == {spec.key for spec in refreshed.definitions.resolve_all_asset_specs()} - {
        dg.AssetKey("published_parquet")
    }


def test_each_refresh_runs_the_checks_that_do_not_grow_with_the_log(refreshed: Any) -> None:
    evaluated = {one.asset_check_key for one in refreshed.result.get_asset_check_evaluations()}
    assert evaluated == {Scope().check_key(check.table, check.name) for check in CHECKS} - set(
        whole_table_checks(Scope())
    )


def test_a_table_can_be_chosen_by_itself(refreshed: Any) -> None:
    chosen = refreshed.run("refresh", only="sign_ins", config=config(full_rebuild=True))
    made = chosen.asset_materializations_for_node("derived_tables")
    assert [one.asset_key.to_user_string() for one in made] == ["sign_ins"]


@pytest.mark.faults
def test_a_refresh_without_news_writes_nothing_that_follows_the_log(refreshed: Any) -> None:
    said = metadata_of(refreshed.run("refresh"), "daily_activity")
    assert (said["rows_written"], said["note"], said["rebuilt"]) == (0, "nothing new", False)


@pytest.mark.parametrize("table", TABLES)
def test_the_metadata_say_how_large_a_table_is_and_where(refreshed: Any, table: str) -> None:
    said = metadata_of(refreshed.result, table)
    assert said.keys() - {chart.name for chart in CHARTS} - FIGURES[table] == {
        "dagster/row_count", "rows_written", "rebuilt", "note", "dagster/uri",
    }  # fmt: skip
    ((rows,),) = refreshed.query(f"SELECT count(*) FROM {table}")
    assert said["dagster/row_count"] == rows
    assert rows > 0 or table == "dormant_privileged_actors"  # for which the history is too short
    assert said["dagster/uri"] == refreshed.warehouse.path.as_uri()


def test_the_share_of_lines_that_are_understood_is_told(refreshed: Any) -> None:
    said = metadata_of(refreshed.result, "audit_changes")
    no_sign_ins = "FROM audit_changes WHERE action IS DISTINCT FROM 'login'"
    ((lines, parsed, ambiguous),) = refreshed.query(
        "SELECT count(*), count(*) FILTER (confidence <> 'unparsed'), count(*) FILTER (confidence = 'ambiguous') "
        + no_sign_ins
    )
    assert (said["share_parsed"], said["share_ambiguous"]) == pytest.approx((parsed / lines, ambiguous / lines))


@pytest.mark.parametrize("table", ["audit_logs", *TABLES])
def test_the_columns_that_dagster_shows_are_those_of_the_table(refreshed: Any, table: str) -> None:
    spec = refreshed.definitions.get_assets_def(table).specs_by_key[dg.AssetKey(table)]
    shown = {column.name: column.type for column in spec.metadata["dagster/column_schema"].columns}
    stored = dict(refreshed.query(f"SELECT column_name, column_type FROM (DESCRIBE {table})"))
    assert {name: kind.replace("TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE") for name, kind in shown.items()} == stored


def test_the_charts_are_markdown_that_dagster_shows_without_a_click(refreshed: Any) -> None:
    people = {event["actor_name"] for event in refreshed.zendesk.events if event["actor_id"] > 0}
    for chart in CHARTS:
        shown = materialization_of(refreshed.result, chart.table).metadata[chart.name]
        assert isinstance(shown, dg.MarkdownMetadataValue)
        assert shown.value is not None
        assert 0 < len(shown.value.encode("utf-16-le")) / 2 < 1000
        assert not [person for person in people if person in shown.value]


@pytest.mark.faults
def test_charts_and_tables_of_an_empty_log_are_made_as_well(deploy: Callable[..., Any]) -> None:
    result = deploy(options=EmulatorOptions()).run("refresh")
    assert result.success
    assert metadata_of(result, "daily_activity")["events_per_day"] == "No events yet."


@pytest.mark.faults
def test_business_hours_are_those_of_the_configured_time_zone(deploy: Callable[..., Any]) -> None:
    monday = date(2026, 6, 8)
    deployment = deploy(ZENDESK_TIMEZONE="Asia/Tokyo", ZENDESK_START_DATE=str(monday))
    deployment.zendesk.add([{"created_at": f"{monday}T00:30:00Z", "actor_id": 501}])  # 09:30 in Tokyo
    deployment.zendesk.add([{"created_at": f"{monday}T10:00:00Z", "actor_id": 502}])  # 19:00 in Tokyo
    deployment.run("refresh")
    off_hours = "SELECT actor_id, off_hours_share FROM actor_summary WHERE actor_id IN (501, 502) ORDER BY ALL"
    assert deployment.query(off_hours) == [(501, 0.0), (502, 1.0)]


def test_an_unknown_time_zone_is_named_and_builds_nothing(deploy: Callable[..., Any]) -> None:
    result = deploy(ZENDESK_TIMEZONE="Mars/Olympus").run("refresh")
    failures = result.filter_events(lambda event: event.is_step_failure)
    assert failures
    for event in failures:
        said = event.step_failure_data.user_failure_data
        assert said is not None
        assert "ZENDESK_TIMEZONE is 'Mars/Olympus'" in str(said.description)
    assert result.asset_materializations_for_node("audit_logs")


@pytest.mark.parametrize("table", TABLES)
def test_the_page_of_a_table_shows_its_query(refreshed: Any, table: str) -> None:
    spec = refreshed.definitions.get_assets_def(table).specs_by_key[dg.AssetKey(table)]
    assert next(one for one in DERIVED if one.name == table).sql.strip() in spec.metadata["sql"].value
