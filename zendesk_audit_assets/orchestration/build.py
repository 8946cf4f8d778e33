"""Dagster definitions for one account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

import dagster as dg

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.assets.alerts import build_alerts
from zendesk_audit_assets.orchestration.assets.audit_logs import build_audit_logs
from zendesk_audit_assets.orchestration.assets.derived import build_derived
from zendesk_audit_assets.orchestration.assets.findings import build_findings
from zendesk_audit_assets.orchestration.assets.published import build_published
from zendesk_audit_assets.orchestration.checks import build_checks
from zendesk_audit_assets.orchestration.jobs import build_asset_jobs
from zendesk_audit_assets.orchestration.maintenance import build_prune_job
from zendesk_audit_assets.orchestration.resources import build_resources
from zendesk_audit_assets.orchestration.schedules import build_schedules
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.orchestration.sensors import build_sensors
from zendesk_audit_assets.settings import Account


def build_definitions(account: Account, *, resource_overrides: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Assets, checks, jobs, schedules, sensors and resources for one account; reads no environment of its own.

    The definitions load even while a setting is missing or wrong: nothing then starts by itself, and each run and each
    tick names the setting. `resource_overrides` replaces the resources `zendesk`, `warehouse`, `rules` or `delivery`.
    """
    return build_scoped(Scope(), account, resource_overrides=resource_overrides)


def build_scoped(
    scope: Scope, account: Account, *, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """The same under the names of a scope, so that the definitions of several accounts can be merged."""
    start = _start_or_this_year(account)
    return dg.Definitions(
        assets=[
            build_audit_logs(scope, start),
            build_derived(scope),
            build_findings(scope, start),
            build_alerts(scope),
            *build_published(scope),
        ],
        asset_checks=build_checks(scope, start),
        jobs=[*build_asset_jobs(scope), build_prune_job(scope)],
        schedules=build_schedules(scope, account, start.date()),
        sensors=build_sensors(scope, account, start.date()),
        resources={**build_resources(scope, account), **(resource_overrides or {})},
    )


def _start_or_this_year(account: Account) -> datetime:
    """The first second of the log; a stand-in while ZENDESK_START_DATE is missing, so that the assets can be seen."""
    try:
        return account.start
    except AuditError:
        return datetime(datetime.now(timezone.utc).year, 1, 1, tzinfo=timezone.utc)
