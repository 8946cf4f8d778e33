"""What must hold of the assets.

Checks whose cost grows with the whole log (`whole_table`) run nightly and when an asset is materialized by hand;
the others run with each refresh.
"""

from collections.abc import Iterator
from datetime import datetime

import dagster as dg

from zendesk_audit_assets.orchestration.assets.common import failures_as_messages
from zendesk_audit_assets.orchestration.checks.check import Check, Verdict
from zendesk_audit_assets.orchestration.checks.derived import DERIVED_CHECKS
from zendesk_audit_assets.orchestration.checks.findings import FINDINGS_CHECKS
from zendesk_audit_assets.orchestration.checks.log import LOG_CHECKS
from zendesk_audit_assets.orchestration.resources import WarehouseResource

CHECKS: tuple[Check, ...] = (*LOG_CHECKS, *DERIVED_CHECKS, *FINDINGS_CHECKS)
WHOLE_TABLE_CHECK_KEYS = [check.key for check in CHECKS if check.whole_table]


def build_checks(start: datetime) -> list[dg.AssetChecksDefinition]:
    """The checks of each asset, in one step per asset and kind."""
    groups = {(check.asset, check.whole_table): None for check in CHECKS}
    return [_definition(asset, whole_table, start) for asset, whole_table in groups]


def _definition(asset: dg.AssetKey, whole_table: bool, start: datetime) -> dg.AssetChecksDefinition:
    checks = [check for check in CHECKS if (check.asset, check.whole_table) == (asset, whole_table)]

    @dg.multi_asset_check(
        name=f"{asset.to_python_identifier()}_{'whole_table_' if whole_table else ''}checks",
        specs=[dg.AssetCheckSpec(check.name, asset=check.asset, description=check.promise) for check in checks],
        can_subset=True,
    )
    def run_checks(
        context: dg.AssetCheckExecutionContext, warehouse: dg.ResourceParam[WarehouseResource]
    ) -> Iterator[dg.AssetCheckResult]:
        with failures_as_messages(), warehouse.transaction() as connection:
            for check in checks:
                if check.key in context.selected_asset_check_keys:
                    yield _result(check, check.test(connection, start))

    return run_checks


def _result(check: Check, verdict: Verdict) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(
        passed=verdict.passed,
        asset_key=check.asset,
        check_name=check.name,
        severity=verdict.severity,
        description=verdict.sentence,
        metadata=verdict.figures,
    )
