"""Everything that Dagster loads, assembled in one place."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timezone
from typing import Any

import dagster as dg

from zendesk_audit_assets import settings
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
from zendesk_audit_assets.settings import Settings


def build_definitions(
    given: Settings | None = None, *, resource_overrides: Mapping[str, Any] | None = None
) -> dg.Definitions:
    """Fresh definitions for some settings, by default those of this process.

    They load whatever is missing or wrong; each run and each tick then says what to set.
    """
    given = given or settings.load()
    start = _start_or_this_year(given)
    schedules, sensors = build_automation(given, start)
    return dg.Definitions(
        assets=[
            build_audit_logs(start),
            build_derived(),
            build_findings(datetime(start.year, start.month, start.day, tzinfo=timezone.utc)),
            alerts,
            *build_published(),
        ],
        asset_checks=build_checks(start),
        jobs=build_jobs(),
        schedules=schedules,
        sensors=sensors,
        resources={
            "zendesk": ZendeskResource.from_settings(given),
            "warehouse": WarehouseResource(database=str(given.database), timezone=given[settings.TIMEZONE]),
            "rules": RulesResource(folder=given[settings.RULES_DIR]),
            "delivery": AlertsResource.from_settings(given),
            **(resource_overrides or {}),
        },
        # One run, one process: steps of a run never wait for each other's lock.
        executor=dg.in_process_executor,
    )


def _start_or_this_year(given: Settings) -> date:
    """The first partition; a stand-in while ZENDESK_START_DATE is missing, so that the assets can be looked at."""
    try:
        return given.start_date
    except AuditError:
        return date(datetime.now(timezone.utc).year, 1, 1)


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads from this module."""
    return build_definitions()
