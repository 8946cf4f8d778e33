"""The jobs of an account, and the run requests that bring its log up to now."""

from __future__ import annotations

from datetime import date, datetime, timezone
from typing import Any

import dagster as dg

from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.orchestration.assets.alerts import ALERTS
from zendesk_audit_assets.orchestration.assets.audit_logs import AuditLogsConfig
from zendesk_audit_assets.orchestration.assets.published import COPIED, EXPORTS, PUBLISHED, PublishConfig
from zendesk_audit_assets.orchestration.checks import whole_table_checks
from zendesk_audit_assets.orchestration.partitions import RANGE_START_TAG, bounded, days_to_refresh
from zendesk_audit_assets.orchestration.run_history import FINGERPRINT_TAG, complete_to
from zendesk_audit_assets.orchestration.scope import Scope

# All assets of an account.
ASSETS = (*COPIED, ALERTS, PUBLISHED, *EXPORTS)


def build_asset_jobs(scope: Scope) -> list[Any]:
    """The jobs `refresh`, `backfill`, `nightly` and `deliver_alerts`.

    Each names its assets, so that the definitions can be merged into a deployment that has others.
    """
    log = _assets(scope, AUDIT_LOGS.name)
    alerts = _assets(scope, ALERTS)
    log_to_copy = _assets(scope, *COPIED, PUBLISHED) | alerts
    return [
        _job(
            scope,
            scope.refresh,
            log_to_copy - dg.AssetSelection.checks(*whole_table_checks(scope)),
            "Syncs the log, refreshes the derived tables, evaluates the rules, sends alerts and publishes a copy.",
        ),
        _job(
            scope,
            scope.backfill,
            log.without_checks(),
            "Syncs the log alone, for any range of days; settled days cost no request.",
        ),
        _job(
            scope,
            scope.nightly,
            log_to_copy | _assets(scope, *EXPORTS),
            "Fetches the last closed days again, runs all checks and exports all tables.",
        ),
        _job(scope, scope.deliver_alerts, alerts, "Sends the alerts that are due, without a sync."),
    ]


def refresh_requests(
    instance: dg.DagsterInstance, scope: Scope, start: date, newest: str | None = None
) -> list[dg.RunRequest]:
    """The runs that bring everything up to now, oldest days first; the last one carries the fingerprint `newest`."""
    now = datetime.now(timezone.utc)
    *older, last = bounded(days_to_refresh(start, complete_to(instance, scope), now.date()))
    fetches_newest = {FINGERPRINT_TAG: newest} if newest else {}
    tags = [*(days.tags for days in older), {**last.tags, **fetches_newest}]
    # A schedule must tell its runs apart. The key holds for this tick only: a failed run is to be requested again.
    return [dg.RunRequest(f"{now:%Y-%m-%dT%H:%M:%S} {one[RANGE_START_TAG]}", tags=one) for one in tags]


def op_config(scope: Scope, *, full_refresh: bool = False, publish: bool = False) -> dict[str, Any]:
    """The configuration of a job's ops: fetch settled days again, publish regardless of the throttle."""
    audit_logs = scope.asset_key(AUDIT_LOGS.name).to_python_identifier()
    published = scope.asset_key(PUBLISHED).to_python_identifier()
    return {
        audit_logs: AuditLogsConfig(full_refresh=full_refresh),
        **({published: PublishConfig(force=True)} if publish else {}),
    }


def _job(scope: Scope, name: str, selection: dg.AssetSelection, description: str) -> Any:
    return dg.define_asset_job(
        name,
        selection=selection,
        # A run is one process: its steps never wait for each other's lock on the warehouse.
        executor_def=dg.in_process_executor,
        tags=scope.run_tags,
        description=description,
    )


def _assets(scope: Scope, *tables: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*map(scope.asset_key, tables))
