"""Dagster's view of the Zendesk account and of the warehouse. Assets ask these for plain domain objects."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import Field

from zendesk_audit_assets import settings
from zendesk_audit_assets.detect import Rule, load_rules
from zendesk_audit_assets.settings import Settings, Variable
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import ZendeskClient


def _field(variable: Variable) -> Any:
    # A resource's repr ends up in logs, so no secret may be part of it.
    return Field(default="", description=variable.meaning, repr=not variable.secret)


class ZendeskResource(dg.ConfigurableResource[ZendeskClient]):
    """The Zendesk account: address, authentication, first day and share of its rate limit. See `settings.py`."""

    subdomain: str = _field(settings.SUBDOMAIN)
    start_date: str = _field(settings.START_DATE)
    auth_type: str = _field(settings.AUTH_TYPE)
    client_id: str = _field(settings.CLIENT_ID)
    client_secret: str = _field(settings.CLIENT_SECRET)
    access_token: str = _field(settings.ACCESS_TOKEN)
    email: str = _field(settings.EMAIL)
    api_token: str = _field(settings.API_TOKEN)
    base_url: str = _field(settings.BASE_URL)
    rate_share: str = _field(settings.RATE_SHARE)
    audit_db: str = _field(settings.DATABASE)  # the rate budget lies beside it

    @classmethod
    def from_settings(cls, given: Settings) -> "ZendeskResource":
        """The resource for the variables that are set, by their names: the Dagster UI never shows a value."""
        return cls(**_by_name(cls, given))

    @contextmanager
    def client(self) -> Iterator[ZendeskClient]:
        """A client for the account, closed at the end. Raises `AuditError` when settings are missing or wrong."""
        given = _settings_of(self)
        account = given.account
        # The partitions have a stand-in for a first day that is missing; nothing may be read for it.
        _ = given.start_date
        with ZendeskClient(account, limiter=given.budget) as client:
            yield client


class AlertsResource(dg.ConfigurableResource["AlertsResource"]):
    """Which findings are alerted of, and where to. See `settings.py` and docs/alerts.md."""

    alert_level: str = _field(settings.ALERT_LEVEL)
    alert_max_age: str = _field(settings.ALERT_MAX_AGE)
    alert_slack_url: str = _field(settings.ALERT_SLACK_URL)
    alert_webhook_url: str = _field(settings.ALERT_WEBHOOK_URL)
    alert_webhook_secret: str = _field(settings.ALERT_WEBHOOK_SECRET)
    alert_pagerduty_key: str = _field(settings.ALERT_PAGERDUTY_KEY)
    alert_pagerduty_url: str = _field(settings.ALERT_PAGERDUTY_URL)
    alert_email_to: str = _field(settings.ALERT_EMAIL_TO)
    alert_smtp_url: str = _field(settings.ALERT_SMTP_URL)
    alert_allow_private: str = _field(settings.ALERT_ALLOW_PRIVATE)

    @classmethod
    def from_settings(cls, given: Settings) -> "AlertsResource":
        """The resource for the variables that are set, by their names: the Dagster UI never shows a value."""
        return cls(**_by_name(cls, given))

    def settings(self) -> Settings:
        """The settings of alerts, to be asked for channels, level and age."""
        return _settings_of(self)


class RulesResource(dg.ConfigurableResource["RulesResource"]):
    """The detection rules in force: the packaged ones, and those of a folder of one's own."""

    folder: str = Field(default="", description=settings.RULES_DIR.meaning)

    def rules(self) -> tuple[Rule, ...]:
        """The rules. Raises `RuleError` for a file that cannot be used."""
        return load_rules(Settings({settings.RULES_DIR.name: self.folder}).rules_dir)


class WarehouseResource(DuckDBResource):
    """The DuckDB file of one account, and the time zone in which its business hours are meant."""

    timezone: str = Field(default="UTC", description=settings.TIMEZONE.meaning)

    def warehouse(self) -> Warehouse:
        """The warehouse to work with."""
        return Warehouse(self.database)

    def zone(self) -> str:
        """The IANA time zone. Raises `BadSettings` when there is none of that name."""
        return Settings({settings.TIMEZONE.name: self.timezone}).timezone

    @contextmanager
    def get_connection(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in a transaction, under the lock that all writers share; always closed."""
        with self.warehouse().transaction() as connection:
            yield connection


def _by_name(resource: type[dg.ConfigurableResource[Any]], given: Settings) -> dict[str, Any]:
    names = {field: _variable_name(field) for field in resource.model_fields}
    return {field: dg.EnvVar(name) for field, name in names.items() if name in given.values}


def _settings_of(resource: dg.ConfigurableResource[Any]) -> Settings:
    return Settings({_variable_name(field): getattr(resource, field) for field in type(resource).model_fields})


def _variable_name(field: str) -> str:
    return f"ZENDESK_{field.upper()}"
