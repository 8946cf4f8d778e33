"""Dagster's view of the Zendesk account and of the warehouse. Assets ask these for plain domain objects."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import dagster as dg
import duckdb
from dagster_duckdb import DuckDBResource
from pydantic import Field

from zendesk_audit_assets import settings
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

    @classmethod
    def from_settings(cls, given: Settings) -> "ZendeskResource":
        """The resource for the variables that are set, by their names: the Dagster UI never shows a value."""
        names = {field: _variable_name(field) for field in cls.model_fields}
        return cls(**{field: dg.EnvVar(name) for field, name in names.items() if name in given.values})

    @contextmanager
    def client(self) -> Iterator[ZendeskClient]:
        """A client for the account, closed at the end. Raises `AuditError` when settings are missing or wrong."""
        given = Settings({_variable_name(field): getattr(self, field) for field in type(self).model_fields})
        account = given.account
        # The partitions have a stand-in for a first day that is missing; nothing may be read for it.
        _ = given.start_date
        with ZendeskClient(account, limiter=given.budget) as client:
            yield client


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


def _variable_name(field: str) -> str:
    return f"ZENDESK_{field.upper()}"
