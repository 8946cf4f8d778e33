"""An account as Dagster resources: plain objects, so that no run configuration can change an address or a credential.

Assets, checks and sensors get them from their context by the functions at the end, under the names of their `Scope`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol, cast

import duckdb

from zendesk_audit_assets.alert.channels import Channel, channels_for
from zendesk_audit_assets.detect import Rule, load_rules
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.zendesk import ZendeskClient
from zendesk_audit_assets.zendesk.connect import client_for


@dataclass(frozen=True)
class ZendeskResource:
    """The Zendesk account: its address, how to authenticate, and its share of the rate limit."""

    account: Account

    @contextmanager
    def client(self) -> Iterator[ZendeskClient]:
        """A client, closed at the end. Raises `AuditError` when a setting is missing or wrong."""
        client = client_for(self.account)
        # The partitions have a stand-in for a missing first day; nothing may be read for it.
        _ = self.account.start_date
        with client:
            yield client


@dataclass(frozen=True)
class WarehouseResource:
    """The DuckDB file of the account, and the time zone of its business hours."""

    account: Account

    def warehouse(self) -> Warehouse:
        """The warehouse to work with."""
        return Warehouse(self.account.database)

    def zone(self) -> str:
        """The IANA time zone. Raises `BadSettings` when no zone has that name."""
        return self.account.timezone

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection in a transaction, under the lock that all writers share; always closed."""
        with self.warehouse().transaction() as connection:
            yield connection


@dataclass(frozen=True)
class RulesResource:
    """The detection rules in force: the packaged ones, and those in the account's own folder."""

    account: Account

    def rules(self) -> tuple[Rule, ...]:
        """The rules. Raises `RuleError` for a file that cannot be used."""
        return load_rules(self.account.rules_dir)


@dataclass(frozen=True)
class AlertsResource:
    """Which findings trigger an alert, and the channels that carry it."""

    account: Account

    def channels(self) -> tuple[Channel, ...]:
        """The configured channels. Raises `BadSettings`."""
        return channels_for(self.account)

    def level(self) -> str:
        """The minimum severity. Raises `BadSettings`."""
        return self.account.alert_level

    def max_age(self) -> timedelta:
        """The maximum age of a finding. Raises `BadSettings`."""
        return self.account.alert_max_age


ZENDESK, WAREHOUSE, RULES, DELIVERY = "zendesk", "warehouse", "rules", "delivery"


class Context(Protocol):
    """What Dagster hands to an asset, a check or a sensor."""

    @property
    def resources(self) -> Any: ...


def build_resources(scope: Scope, account: Account) -> dict[str, Any]:
    """The four resources of an account by their names."""
    resources = {
        ZENDESK: ZendeskResource(account),
        WAREHOUSE: WarehouseResource(account),
        RULES: RulesResource(account),
        DELIVERY: AlertsResource(account),
    }
    return {scope.prefixed(name): resource for name, resource in resources.items()}


def needed(scope: Scope, *names: str) -> set[str]:
    """The `required_resource_keys` of a definition that uses these resources."""
    return set(map(scope.prefixed, names))


def zendesk_of(context: Context, scope: Scope) -> ZendeskResource:
    """The resource `zendesk` of an account."""
    return cast(ZendeskResource, getattr(context.resources, scope.prefixed(ZENDESK)))


def warehouse_of(context: Context, scope: Scope) -> WarehouseResource:
    """The resource `warehouse` of an account."""
    return cast(WarehouseResource, getattr(context.resources, scope.prefixed(WAREHOUSE)))


def rules_of(context: Context, scope: Scope) -> RulesResource:
    """The resource `rules` of an account."""
    return cast(RulesResource, getattr(context.resources, scope.prefixed(RULES)))


def delivery_of(context: Context, scope: Scope) -> AlertsResource:
    """The resource `delivery` of an account."""
    return cast(AlertsResource, getattr(context.resources, scope.prefixed(DELIVERY)))
