"""What assets are given: a client of the account, and the warehouse."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from dagster_duckdb import DuckDBResource

from zendesk_audit_assets.alert import Slack
from zendesk_audit_assets.detect import load_rules
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.resources import (
    AlertsResource,
    RulesResource,
    WarehouseResource,
    ZendeskResource,
)
from zendesk_audit_assets.settings import BadSettings, Settings
from zendesk_audit_assets.zendesk import AccessToken, ApiToken, ClientCredentials


def resolved(given: Settings) -> ZendeskResource:
    """The resource as a run is given it, with the environment looked up."""
    with dg.build_resources({"zendesk": ZendeskResource.from_settings(given)}) as resources:
        return resources.zendesk


@pytest.mark.parametrize(
    ("way", "kind"),
    [
        (
            {"ZENDESK_CLIENT_ID": "emulator-client", "ZENDESK_CLIENT_SECRET": "emulator-client-secret"},
            ClientCredentials,
        ),
        ({"ZENDESK_ACCESS_TOKEN": "emulator-access-token"}, AccessToken),
        ({"ZENDESK_EMAIL": "admin@example.com", "ZENDESK_API_TOKEN": "emulator-api-token"}, ApiToken),
    ],
)
def test_each_way_to_authenticate_reaches_the_account(
    deploy: Callable[..., Any], way: dict[str, str], kind: type
) -> None:
    none = {"ZENDESK_CLIENT_ID": "", "ZENDESK_CLIENT_SECRET": ""}
    deployment = deploy(**{**none, **way})
    with resolved(deployment.settings).client() as client:
        assert isinstance(client.account.credentials, kind)
        assert client.count() == len(deployment.zendesk.events)


def test_the_environment_is_looked_up_by_the_run_and_not_when_the_code_is_loaded(
    deployment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = ZendeskResource.from_settings(deployment.settings)
    monkeypatch.setenv("ZENDESK_SUBDOMAIN", "renamed")
    with dg.build_resources({"zendesk": resource}) as resources:
        assert resources.zendesk.subdomain == "renamed"


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "ZENDESK_SUBDOMAIN"),
        ({"subdomain": "acme"}, "ZENDESK_CLIENT_ID"),
        ({"subdomain": "acme", "access_token": "x"}, "ZENDESK_START_DATE"),
        (
            {"subdomain": "acme", "access_token": "x", "start_date": "2024-01-01", "rate_share": "2"},
            "ZENDESK_RATE_SHARE",
        ),
    ],
)
def test_a_client_without_its_settings_names_the_variable(fields: dict[str, str], named: str) -> None:
    with pytest.raises(AuditError, match=named), ZendeskResource(**fields).client():
        pass


def test_all_clients_of_an_account_share_one_rate_budget(deployment: Any) -> None:
    resource = resolved(deployment.settings)
    with resource.client() as client:
        client.count()
        budget = Path(f"{deployment.settings.database}.budget.json")
    before = budget.read_bytes()
    with resource.client() as client:
        client.count()
    assert budget.read_bytes() != before


def test_alerts_have_their_channels_level_and_age_from_the_environment_of_the_run(
    deployment: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    variables = {"ZENDESK_ALERT_SLACK_URL": "https://hooks.example.com/one", "ZENDESK_ALERT_LEVEL": "critical"}
    resource = AlertsResource.from_settings(Settings(variables))
    monkeypatch.setenv("ZENDESK_ALERT_SLACK_URL", "https://hooks.example.com/two")
    monkeypatch.setenv("ZENDESK_ALERT_LEVEL", "low")
    with dg.build_resources({"delivery": resource}) as resources:
        given = resources.delivery.settings()
    assert given.alert_channels == (Slack("https://hooks.example.com/two"),)
    assert (given.alert_level, given.alert_max_age) == ("low", timedelta(hours=24))


def test_rules_are_those_of_the_package_and_of_the_folder(tmp_path: Path) -> None:
    packaged = RulesResource().rules()
    assert packaged == load_rules()
    (tmp_path / "settings.yml").write_text(f"disable: [{packaged[0].name}]\n")
    assert RulesResource(folder=str(tmp_path)).rules() == packaged[1:]


def test_a_folder_of_rules_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="nowhere"):
        RulesResource(folder=str(tmp_path / "nowhere")).rules()


@pytest.fixture
def warehouse_resource(tmp_path: Path) -> WarehouseResource:
    return WarehouseResource(database=str(tmp_path / "audit.duckdb"))


def test_the_warehouse_is_a_duckdb_resource_like_any_other(warehouse_resource: WarehouseResource) -> None:
    assert isinstance(warehouse_resource, DuckDBResource)


def test_what_is_written_stays_and_the_connection_is_closed(warehouse_resource: WarehouseResource) -> None:
    with warehouse_resource.get_connection() as connection:
        connection.execute("CREATE TABLE note AS SELECT 1 AS one")
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        connection.execute("SELECT 1")
    with warehouse_resource.get_connection() as connection:
        assert connection.execute("SELECT one FROM note").fetchall() == [(1,)]


def test_after_an_error_nothing_stays_and_the_file_is_free(warehouse_resource: WarehouseResource) -> None:
    def write_and_fail() -> None:
        with warehouse_resource.get_connection() as connection:
            connection.execute("CREATE TABLE note AS SELECT 1 AS one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with duckdb.connect(warehouse_resource.database) as other:
        assert other.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'note'").fetchall() == [(0,)]


def test_a_zone_of_no_such_name_is_an_error_in_words() -> None:
    assert WarehouseResource(database=":memory:", timezone="Europe/Amsterdam").zone() == "Europe/Amsterdam"
    with pytest.raises(BadSettings, match="ZENDESK_TIMEZONE is 'Amsterdam'"):
        WarehouseResource(database=":memory:", timezone="Amsterdam").zone()
