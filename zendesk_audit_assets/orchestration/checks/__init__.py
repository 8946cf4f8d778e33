"""The checks as Dagster asset checks, one step per asset and kind.

The nightly job runs all checks. A refresh leaves out those whose cost grows with the full log (`whole_table`).
"""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from zendesk_audit_assets.alert import checks as alert_checks
from zendesk_audit_assets.detect import checks as detect_checks
from zendesk_audit_assets.extract import checks as extract_checks
from zendesk_audit_assets.orchestration.assets.common import as_metadata, failures_as_messages
from zendesk_audit_assets.orchestration.resources import WAREHOUSE, needed, warehouse_of
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.transform import checks as transform_checks
from zendesk_audit_assets.warehouse.check import Check, CheckResult

CHECKS: tuple[Check, ...] = (
    *extract_checks.CHECKS,
    *transform_checks.CHECKS,
    *detect_checks.CHECKS,
    *alert_checks.CHECKS,
)
_SEVERITIES = {"warn": dg.AssetCheckSeverity.WARN, "error": dg.AssetCheckSeverity.ERROR}


def whole_table_checks(scope: Scope) -> list[dg.AssetCheckKey]:
    """The keys of the checks that a refresh leaves out."""
    return [scope.check_key(check.table, check.name) for check in CHECKS if check.whole_table]


def build_checks(scope: Scope, start: datetime) -> list[dg.AssetChecksDefinition]:
    """The checks of each asset, in one step per asset and kind."""
    groups = {(check.table, check.whole_table): None for check in CHECKS}
    return [_definition(scope, table, whole_table, start) for table, whole_table in groups]


def _definition(scope: Scope, table: str, whole_table: bool, start: datetime) -> dg.AssetChecksDefinition:
    asset = scope.asset_key(table)
    checks = [check for check in CHECKS if (check.table, check.whole_table) == (table, whole_table)]

    @dg.multi_asset_check(
        name=f"{asset.to_python_identifier()}_{'whole_table_' if whole_table else ''}checks",
        specs=[dg.AssetCheckSpec(check.name, asset=asset, description=check.description) for check in checks],
        can_subset=True,
        required_resource_keys=needed(scope, WAREHOUSE),
    )
    def run_checks(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        keys = {key.asset_key for key in context.selected_asset_check_keys}
        with failures_as_messages(keys, scope), warehouse_of(context, scope).transaction() as connection:
            for check in checks:
                if scope.check_key(table, check.name) in context.selected_asset_check_keys:
                    yield _result(asset, check, check.run(connection, start))

    return run_checks


def _result(asset: dg.AssetKey, check: Check, result: CheckResult) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=result.passed,
        asset_key=asset,
        check_name=check.name,
        severity=_SEVERITIES[result.severity],
        description=result.summary if result.passed else f"{result.summary} {check.remedy}",
        metadata=as_metadata(result.metrics),
    )
