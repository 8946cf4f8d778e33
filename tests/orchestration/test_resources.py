"""The resources build what assets use from the account alone; run configuration changes nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from zendesk_audit_assets import Account, settings
from zendesk_audit_assets.alert.channels.slack import Slack
from zendesk_audit_assets.detect import load_rules
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.resources import (
    AlertsResource,
    RulesResource,
    WarehouseResource,
    ZendeskResource,
)
from zendesk_audit_assets.parsers import BadSettings
from zendesk_audit_assets.zendesk import AccessToken, ApiToken, ClientCredentials


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
    with ZendeskResource(deployment.account).client() as client:
        assert isinstance(client.account.credentials, kind)
        assert client.count() == len(deployment.zendesk.events)


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
    with pytest.raises(AuditError, match=named), ZendeskResource(Account(**fields)).client():
        pass


def test_all_clients_of_an_account_share_one_rate_budget(deployment: Any) -> None:
    resource = ZendeskResource(deployment.account)
    with resource.client() as client:
        client.count()
        budget = Path(f"{deployment.account.database}.budget.json")
    before = budget.read_bytes()
    with resource.client() as client:
        client.count()
    assert budget.read_bytes() != before


def test_alerts_have_their_channels_level_and_age_from_the_account() -> None:
    resource = AlertsResource(Account(alert_slack_url="https://hooks.example.com/one", alert_level="low"))
    assert resource.channels() == (Slack("https://hooks.example.com/one"),)
    assert (resource.level(), resource.max_age()) == ("low", timedelta(hours=24))


def test_rules_are_those_of_the_package_and_of_the_folder(tmp_path: Path) -> None:
    packaged = RulesResource(Account()).rules()
    assert packaged == load_rules()
    (tmp_path / "settings.yml").write_text(f"disable: [{packaged[0].name}]\n")
    assert RulesResource(Account(rules_dir=tmp_path)).rules() == packaged[1:]


def test_a_folder_of_rules_that_is_not_there_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(AuditError, match="nowhere"):
        RulesResource(Account(rules_dir=tmp_path / "nowhere")).rules()


@pytest.fixture
def warehouse_resource(tmp_path: Path) -> WarehouseResource:
    return WarehouseResource(Account(database=tmp_path / "audit.duckdb"))


def test_what_is_written_stays_and_the_connection_is_closed(warehouse_resource: WarehouseResource) -> None:
    with warehouse_resource.transaction() as connection:
        connection.execute("CREATE TABLE note AS SELECT 1 AS one")
    with pytest.raises(duckdb.ConnectionException, match="closed"):
        connection.execute("SELECT 1")
    with warehouse_resource.transaction() as connection:
        assert connection.execute("SELECT one FROM note").fetchall() == [(1,)]


def test_after_an_error_nothing_stays_and_the_file_is_free(warehouse_resource: WarehouseResource) -> None:
    def write_and_fail() -> None:
        with warehouse_resource.transaction() as connection:
            connection.execute("CREATE TABLE note AS SELECT 1 AS one")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    with duckdb.connect(str(warehouse_resource.account.database)) as other:
        assert other.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'note'").fetchall() == [(0,)]


def test_a_zone_of_no_such_name_is_an_error_in_words() -> None:
    assert WarehouseResource(Account(timezone="Europe/Amsterdam")).zone() == "Europe/Amsterdam"
    with pytest.raises(BadSettings, match="ZENDESK_TIMEZONE is 'Amsterdam'"):
        WarehouseResource(Account(timezone="Amsterdam")).zone()


ACCOUNT = Account(subdomain="acme", access_token="x", start_date="2024-01-01")
RESOURCES = {
    "zendesk": ZendeskResource(ACCOUNT),
    "warehouse": WarehouseResource(ACCOUNT),
    "rules": RulesResource(ACCOUNT),
    "delivery": AlertsResource(ACCOUNT),
}


@pytest.mark.parametrize("value", ["evil", {"env": "PATH"}], ids=str)
@pytest.mark.parametrize("resource", RESOURCES)
def test_run_configuration_never_reaches_a_resource(resource: str, value: Any) -> None:
    seen = []

    @dg.op
    def look(
        zendesk: dg.ResourceParam[ZendeskResource],
        warehouse: dg.ResourceParam[WarehouseResource],
        rules: dg.ResourceParam[RulesResource],
        delivery: dg.ResourceParam[AlertsResource],
    ) -> None:
        seen.extend([zendesk, warehouse, rules, delivery])

    @dg.job(resource_defs=RESOURCES, executor_def=dg.in_process_executor)
    def looks() -> None:
        look()

    config = {"resources": {resource: {"config": dict.fromkeys(settings.FIELDS, value)}}}
    assert looks.execute_in_process(run_config=config).success
    assert seen == list(RESOURCES.values())
