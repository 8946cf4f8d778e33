"""What Dagster loads: whatever is set, missing or wrong; complete, described, and without a secret."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets import Account, build_definitions, definitions, settings
from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.emulator import EmulatorOptions
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.orchestration._private import RepositorySnap
from zendesk_audit_assets.orchestration.checks import CHECKS
from zendesk_audit_assets.orchestration.resources import AlertsResource, ZendeskResource
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.transform import (
    CHANGES,
    DERIVED,
    HISTORIES,
    DerivedTable,
)
from zendesk_audit_assets.warehouse.table import Table

CONFIGURED = {
    "ZENDESK_SUBDOMAIN": "acme",
    "ZENDESK_CLIENT_ID": "reader",
    "ZENDESK_CLIENT_SECRET": "s3cret-of-the-client",
    "ZENDESK_START_DATE": "2024-01-01",
}
NOBODY = "https://events.example.invalid"
NEXT_YEAR = f"{datetime.now(timezone.utc) + timedelta(days=366):%Y-%m-%d}"

# A change to the configured settings that makes them wrong, and the variable that a tick then names.
WRONG = [
    ({"ZENDESK_SUBDOMAIN": ""}, "ZENDESK_SUBDOMAIN"),
    ({"ZENDESK_SUBDOMAIN": "https://acme.zendesk.com"}, "ZENDESK_SUBDOMAIN"),
    ({"ZENDESK_CLIENT_SECRET": ""}, "ZENDESK_CLIENT_SECRET"),
    ({"ZENDESK_CLIENT_SECRET": "two words"}, "ZENDESK_CLIENT_SECRET"),
    ({"ZENDESK_ACCESS_TOKEN": "second-way"}, "ZENDESK_AUTH_TYPE"),
    ({"ZENDESK_AUTH_TYPE": "password"}, "ZENDESK_AUTH_TYPE"),
    ({"ZENDESK_AUTH_TYPE": "api_token"}, "ZENDESK_API_TOKEN"),
    ({"ZENDESK_START_DATE": ""}, "ZENDESK_START_DATE"),
    ({"ZENDESK_START_DATE": "yesterday"}, "ZENDESK_START_DATE"),
    ({"ZENDESK_START_DATE": "2024-13-01"}, "ZENDESK_START_DATE"),
    ({"ZENDESK_START_DATE": NEXT_YEAR}, "ZENDESK_START_DATE"),
    ({"ZENDESK_BASE_URL": "http://proxy.example"}, "ZENDESK_BASE_URL"),
    ({"ZENDESK_BASE_URL": "not an address"}, "ZENDESK_BASE_URL"),
    ({"ZENDESK_TIMEZONE": "Amsterdam"}, "ZENDESK_TIMEZONE"),
    ({"ZENDESK_RATE_SHARE": "0"}, "ZENDESK_RATE_SHARE"),
    ({"ZENDESK_RATE_SHARE": "half"}, "ZENDESK_RATE_SHARE"),
    ({"ZENDESK_SENSOR_SECONDS": "1"}, "ZENDESK_SENSOR_SECONDS"),
    ({"ZENDESK_SENSOR_SECONDS": "a minute"}, "ZENDESK_SENSOR_SECONDS"),
    ({"ZENDESK_ALERT_LEVEL": "urgent"}, "ZENDESK_ALERT_LEVEL"),
    ({"ZENDESK_ALERT_WEBHOOK_URL": "https://example.com"}, "ZENDESK_ALERT_WEBHOOK_SECRET"),
]


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for variable in settings.VARIABLES:
        monkeypatch.delenv(variable.name, raising=False)
    monkeypatch.chdir(tmp_path)


def ticks(loaded: dg.Definitions) -> Iterator[str]:
    """What each schedule and sensor that asks Zendesk says when it skips; fails if one does not skip."""
    with dg.DagsterInstance.ephemeral() as instance:
        for schedule in loaded.schedules or []:
            if schedule.name != "maintenance":
                assert isinstance(schedule, dg.ScheduleDefinition)
                tick = schedule.evaluate_tick(dg.build_schedule_context(instance, datetime.now(timezone.utc)))
                assert not tick.run_requests
                yield str(tick.skip_message)
        for sensor in loaded.sensors or []:
            context = dg.build_sensor_context(instance, resources=dict(loaded.resources or {}))
            assert isinstance(sensor, dg.SensorDefinition)
            data = sensor.evaluate_tick(context)
            assert not data.run_requests
            yield str(data.skip_message)


def statuses(loaded: dg.Definitions) -> set[str]:
    return {one.default_status.value for one in [*(loaded.schedules or []), *(loaded.sensors or [])]}


def test_unconfigured_it_loads_stopped_and_ticks_say_what_to_set() -> None:
    loaded = build_definitions(Account())
    dg.Definitions.validate_loadable(loaded)
    assert statuses(loaded) == {"STOPPED"}
    assert set(ticks(loaded)) == {
        "ZENDESK_SUBDOMAIN is not set. Set it to the `acme` of https://acme.zendesk.com; see .env.example."
    }


@pytest.mark.parametrize(("change", "named"), WRONG, ids=str)
def test_misconfigured_it_loads_stopped_and_ticks_name_variables(change: dict[str, str], named: str) -> None:
    given = {**CONFIGURED, **change}
    loaded = build_definitions(Account.from_environ(given))
    assert statuses(loaded) == {"STOPPED"}
    said = list(ticks(loaded))
    assert len(said) == 4
    for sentence in said:
        assert named in sentence
        assert "\n" not in sentence


def test_configured_everything_starts_by_itself() -> None:
    loaded = build_definitions(Account.from_environ(CONFIGURED))
    dg.Definitions.validate_loadable(loaded)
    assert statuses(loaded) == {"RUNNING"}


def test_dagster_finds_the_same_definitions_by_the_modules_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CONFIGURED.items():
        monkeypatch.setenv(name, value)
    loaded = definitions.defs()
    assert loaded.executor is dg.in_process_executor
    assert {job.name for job in loaded.resolve_all_job_defs()} >= {"refresh", "backfill", "nightly", "prune_runs"}
    assert statuses(loaded) == {"RUNNING"}


def test_the_assets_are_these() -> None:
    summary = ("summaries", {"duckdb", "sql"})
    specs = {spec.key.to_user_string(): spec for spec in build_definitions(Account()).resolve_all_asset_specs()}
    assert {name: (spec.group_name, spec.kinds) for name, spec in specs.items()} == {
        "audit_logs": ("log", {"zendesk", "duckdb", "polars"}),
        "daily_activity": summary,
        "actor_names": summary,
        "actor_sources": summary,
        "actor_addresses": summary,
        "actor_summary": summary,
        "action_summary": summary,
        **{table.name: (table.group, {"duckdb", "sql"}) for table in (*CHANGES, *HISTORIES)},
        "findings": ("findings", {"duckdb", "sql"}),
        "alerts": ("delivery", {"python"}),
        "published_warehouse": ("published", {"duckdb"}),
        "published_parquet": ("published", {"parquet"}),
    }
    for spec in specs.values():
        assert not spec.owners
        assert spec.tags["domain"] == "audit"
        assert spec.description


def test_each_asset_comes_after_those_it_is_made_from() -> None:
    specs = {spec.key.to_user_string(): spec for spec in build_definitions(Account()).resolve_all_asset_specs()}
    deps = {name: {dep.asset_key.to_user_string() for dep in spec.deps} for name, spec in specs.items()}
    tables = {table.name: set(table.depends_on) for table in DERIVED}
    assert deps == {
        "audit_logs": set(),
        **tables,
        "findings": {"audit_logs", *(table.name for table in (*CHANGES, *HISTORIES))},
        "alerts": {"findings"},
        "published_warehouse": {"audit_logs", *tables, "findings"},
        "published_parquet": {"published_warehouse"},
    }


def test_the_jobs_schedules_sensors_and_checks_are_these() -> None:
    loaded = build_definitions(Account.from_environ(CONFIGURED), keep_runs_days=definitions.KEEP_RUNS_DAYS)
    jobs = {job.name: job for job in loaded.resolve_all_job_defs() if not job.name.startswith("__")}
    assert jobs.keys() == {"refresh", "backfill", "nightly", "deliver_alerts", "prune_runs"}
    assert all(job.description for job in jobs.values())
    schedules = {one.name: one for one in loaded.schedules or [] if isinstance(one, dg.ScheduleDefinition)}
    assert {name: (one.cron_schedule, one.job_name, one.execution_timezone) for name, one in schedules.items()} == {
        "hourly": ("0 * * * *", "refresh", "UTC"),
        "nightly": ("30 3 * * *", "nightly", "UTC"),
        "maintenance": ("0 5 * * *", "prune_runs", "UTC"),
    }
    sensors = loaded.sensors or []
    assert [(one.name, one.job_name, one.minimum_interval_seconds) for one in sensors] == [
        ("new_audit_events", "refresh", 60),
        ("undelivered_alerts", "deliver_alerts", 30),
    ]
    assert all(one.description for one in [*schedules.values(), *sensors])
    checks = {spec.key for one in loaded.asset_checks or [] for spec in one.check_specs}
    assert checks == {Scope().check_key(check.table, check.name) for check in CHECKS}


def test_the_sensor_looks_as_often_as_it_is_told() -> None:
    sensor, _ = build_definitions(Account.from_environ({**CONFIGURED, "ZENDESK_SENSOR_SECONDS": "15"})).sensors or []
    assert sensor.minimum_interval_seconds == 15


def test_every_column_has_a_type_a_description_and_its_pii_mark() -> None:
    schemas = {
        spec.key.to_user_string(): spec.metadata["dagster/column_schema"]
        for spec in build_definitions(Account()).resolve_all_asset_specs()
        if spec.group_name != "published"
    }
    tables: dict[str, Table | DerivedTable] = {table.name: table for table in (AUDIT_LOGS, *DERIVED, FINDINGS)}
    tables["alerts"] = DELIVERIES
    assert schemas.keys() == tables.keys()
    for name, table in tables.items():
        shown = schemas[name].columns
        assert [column.name for column in shown] == [column.name for column in table.columns]
        assert all(column.description and column.type for column in shown)
        assert {column.name for column in shown if "pii" in column.tags} == {
            column.name for column in table.columns if column.pii
        }
    marked = {column.name for schema in schemas.values() for column in schema.columns if "pii" in column.tags}
    assert marked >= {"actor_id", "actor_name", "ip_address", "source_label", "change_description"}


WAYS = {
    "client credentials": {"client_secret": "s3cret-of-the-client-7f1c"},
    "access token": {"access_token": "s3cret-access-token-a91b"},
    "API token": {"api_token": "s3cret-api-token-44d0"},
}


def variables_for(way: str, secret: str) -> dict[str, str]:
    none = {"ZENDESK_CLIENT_ID": "", "ZENDESK_CLIENT_SECRET": ""}
    return {
        "client credentials": {"ZENDESK_CLIENT_SECRET": secret},
        "access token": {**none, "ZENDESK_ACCESS_TOKEN": secret},
        "API token": {**none, "ZENDESK_EMAIL": "admin@example.com", "ZENDESK_API_TOKEN": secret},
    }[way]


def secret_of(way: str) -> settings.Variable[str]:
    return getattr(Account, *WAYS[way])


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`")
@pytest.mark.parametrize("way", WAYS)
def test_neither_the_ui_nor_a_repr_shows_a_secret(deploy: Callable[..., Any], way: str) -> None:
    (secret,) = WAYS[way].values()
    deployment = deploy(**variables_for(way, secret))
    loaded = deployment.definitions
    given_to_ui = dg.serialize_value(RepositorySnap.from_def(loaded.get_repository_def()))
    assert "audit_logs" in given_to_ui  # else nothing was looked at
    assert secret not in given_to_ui
    resource = ZendeskResource(deployment.account)
    assert secret == deployment.account.text(secret_of(way))
    assert not [text for text in map(repr, (loaded, loaded.resources, resource, str(resource))) if secret in text]


@pytest.mark.few(1)
@pytest.mark.parametrize("way", WAYS)
def test_no_secret_gets_into_dagsters_files_or_logs(
    deployed: Callable[..., Any], tmp_path: Path, capfd: pytest.CaptureFixture[str], way: str
) -> None:
    (secret,) = WAYS[way].values()
    variables = variables_for(way, secret)
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        good = deployed(tmp_path, instance, options=EmulatorOptions(**WAYS[way]), **variables)
        with good as deployment:
            assert loud(deployment).success
            sent = {header.split()[-1] for header in authorizations(deployment)}
        bad = deployed(tmp_path, instance, options=EmulatorOptions(), **variables)
        with bad as deployment:
            failed = loud(deployment)
            assert not failed.success
            sent |= {header.split()[-1] for header in authorizations(deployment)}
    printed = "".join(capfd.readouterr())
    written = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert any(failed.run_id.encode() in content for content in written)  # else nothing was looked at
    assert failed.run_id in printed
    for text in {secret, *sent}:
        assert text not in printed
        assert not any(text.encode() in content for content in written)


ALERT_SECRETS = {
    "ZENDESK_ALERT_SLACK_URL": "https://hooks.example.invalid/services/T0/B0/{}",
    "ZENDESK_ALERT_WEBHOOK_URL": "https://example.invalid/hook/{}",
    "ZENDESK_ALERT_WEBHOOK_SECRET": "{}",
    "ZENDESK_ALERT_PAGERDUTY_KEY": "{}",
    "ZENDESK_ALERT_SMTP_URL": "smtp://alerts:{}@example.invalid:1",
}


@pytest.mark.filterwarnings("ignore:Property `ScheduleDefinition.environment_vars`")
def test_neither_the_ui_nor_a_repr_shows_a_secret_of_alerts(
    deploy: Callable[..., Any],
) -> None:
    secret = "s3cret-of-alerts-90ab"
    variables = {name: form.format(secret) for name, form in ALERT_SECRETS.items()}
    deployment = deploy(**variables, ZENDESK_ALERT_EMAIL_TO="a@example.com")
    loaded = deployment.definitions
    given_to_ui = dg.serialize_value(RepositorySnap.from_def(loaded.get_repository_def()))
    assert "deliver_alerts" in given_to_ui  # else nothing was looked at
    assert secret not in given_to_ui
    resource = AlertsResource(deployment.account)
    assert secret in deployment.account.alert_slack_url
    assert not [text for text in map(repr, (loaded, loaded.resources, resource, str(resource))) if secret in text]


def test_no_secret_of_alerts_gets_into_dagsters_files_or_logs(
    deployed: Callable[..., Any],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "s3cret-of-alerts-90ab"
    variables = {name: form.format(secret) for name, form in ALERT_SECRETS.items()}
    home = tmp_path / "home"
    home.mkdir()
    with dg.DagsterInstance.local_temp(str(home), overrides={"telemetry": {"enabled": False}}) as instance:
        alerting = {**variables, "ZENDESK_ALERT_EMAIL_TO": "a@example.com", "ZENDESK_ALERT_PAGERDUTY_URL": NOBODY}
        with deployed(tmp_path, instance, **alerting) as deployment:
            now = datetime.now(timezone.utc)
            with deployment.warehouse.transaction() as connection:
                connection.execute(FINDINGS.ddl)
                connection.execute(
                    "INSERT INTO findings BY NAME SELECT 'uid' AS uid, 'id' AS rule_id, 'ZD-1' AS rule, "
                    "'high' AS severity, 'Title' AS title, 'So.' AS explanation, $now AS first_event_at, "
                    "$now AS last_event_at, 1 AS events, [1] AS event_ids, [] AS attack, false AS experimental, "
                    "'open' AS status, $now AS found_at, 1 AS batch_id",
                    {"now": now},
                )
            job = deployment.definitions.resolve_job_def("deliver_alerts")
            result = job.execute_in_process(instance=instance, raise_on_error=False)
            assert result.success
            (said,) = result.asset_materializations_for_node("alerts")
            assert said.metadata["pending"].value == 4
    printed = "".join((*capfd.readouterr(), caplog.text))
    written = [file.read_bytes() for file in home.rglob("*") if file.is_file()]
    assert any(b"No answer from example.invalid" in content for content in written)  # else nothing was looked at
    assert "No answer from example.invalid" in printed
    assert secret not in printed
    assert not any(secret.encode() in content for content in written)


def loud(deployment: Any) -> dg.ExecuteInProcessResult:
    """A run that logs all that Dagster would ever log."""
    job = deployment.definitions.resolve_job_def("backfill")
    return job.execute_in_process(instance=deployment.instance, tags=deployment.days.tags, raise_on_error=False)


def authorizations(deployment: Any) -> Iterator[str]:
    for request in deployment.zendesk.requests:
        if "authorization" in request.headers:
            yield request.headers["authorization"]
