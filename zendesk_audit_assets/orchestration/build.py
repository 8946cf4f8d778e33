"""Dagster definitions for one account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import dagster as dg

from zendesk_audit_assets.alert.connect import channels_for
from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.assets.alerts import alerts
from zendesk_audit_assets.orchestration.assets.audit_logs import build_audit_logs
from zendesk_audit_assets.orchestration.assets.derived import build_derived
from zendesk_audit_assets.orchestration.assets.findings import build_findings
from zendesk_audit_assets.orchestration.assets.published import build_published
from zendesk_audit_assets.orchestration.automation import build_automation, build_jobs
from zendesk_audit_assets.orchestration.checks import build_checks
from zendesk_audit_assets.orchestration.resources import (
    AlertsResource,
    RulesResource,
    WarehouseResource,
    ZendeskResource,
)
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.zendesk.connect import zendesk_account


def build_definitions(account: Account, *, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Assets, checks, jobs, schedules, sensors and resources for one account; reads no environment of its own.

    The definitions load even while a setting is missing or wrong: nothing then starts by itself, and each run and each
    tick names the setting. `resource_overrides` replaces the resources `zendesk`, `warehouse`, `rules` or `delivery`.
    """
    start = _start_or_this_year(account)
    schedules, sensors = build_automation(account, start.date(), lambda: problem(account))
    return dg.Definitions(
        assets=[
            build_audit_logs(start),
            build_derived(),
            build_findings(start),
            alerts,
            *build_published(),
        ],
        asset_checks=build_checks(start),
        jobs=build_jobs(),
        schedules=schedules,
        sensors=sensors,
        resources={
            "zendesk": ZendeskResource(account),
            "warehouse": WarehouseResource(account),
            "rules": RulesResource(account),
            "delivery": AlertsResource(account),
            **(resource_overrides or {}),
        },
    )


def require(account: Account) -> None:
    """Raise the `AuditError` for the first setting that is missing, wrong or contradicts another one."""
    zendesk_account(account)
    account.require()
    channels_for(account)


def problem(account: Account) -> str | None:
    """The cause and the remedy of the first wrong setting, or None when the account is complete."""
    try:
        require(account)
    except AuditError as error:
        return str(error)
    return None


def _start_or_this_year(account: Account) -> datetime:
    """The first second of the log; a stand-in while ZENDESK_START_DATE is missing, so that the assets can be seen."""
    try:
        return account.start
    except AuditError:
        return datetime(datetime.now(timezone.utc).year, 1, 1, tzinfo=timezone.utc)
