"""The asset `findings`: run the detection rules over the log."""

from datetime import datetime

import dagster as dg

from zendesk_audit_assets.detect import charts
from zendesk_audit_assets.detect import findings as table
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.orchestration.assets.common import (
    as_metadata,
    failures_as_messages,
    table_metadata,
)
from zendesk_audit_assets.orchestration.resources import RULES, WAREHOUSE, needed, rules_of, warehouse_of
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.transform import CHANGES, HISTORIES


class FindingsConfig(dg.Config):
    """Options of a run."""

    full_rebuild: bool = False
    """Run every rule over the whole log instead of over new events; the result is the same."""


def build_findings(scope: Scope, start: datetime) -> dg.AssetsDefinition:
    """The asset `findings`, for a log that begins at `start`."""

    @dg.asset(
        key=scope.asset_key(FINDINGS.name),
        # A rule may read any of these tables.
        deps=[scope.asset_key(name) for name in (AUDIT_LOGS.name, *(table.name for table in (*CHANGES, *HISTORIES)))],
        required_resource_keys=needed(scope, WAREHOUSE, RULES),
        group_name=scope.group("findings"),
        owners=scope.owners,
        tags=scope.asset_tags,
        kinds={"duckdb", "sql"},
        metadata=table_metadata(FINDINGS.name, FINDINGS.columns),
        description="The findings of the detection rules: a row per finding.",
    )
    def findings(context: dg.AssetExecutionContext, config: FindingsConfig) -> dg.MaterializeResult[None]:
        warehouse = warehouse_of(context, scope)
        with failures_as_messages(context.selected_asset_keys, scope):
            in_force = rules_of(context, scope).rules()
            with warehouse.warehouse().transactions() as transaction:
                refreshed = table.refresh_in(
                    transaction, in_force, start=start, timezone=warehouse.zone(), full=config.full_rebuild
                )
                for cause in refreshed.left_out.values():
                    context.log.error(f"{cause} This refresh left the rule out; the next one tries it again.")
                with transaction() as connection:
                    metrics = {
                        "new": refreshed.new,
                        "rules": refreshed.rules,
                        "rules_left_out": len(refreshed.left_out),
                        "rules_rebuilt": ", ".join(refreshed.rules_rebuilt) or "none",
                        **{f"open_{level}": refreshed.open_by_severity.get(level, 0) for level in reversed(SEVERITIES)},
                        "by_severity": charts.by_severity(connection),
                        "newest": charts.newest(connection),
                        "by_rule": charts.by_rule(connection),
                        "evaluated_to": refreshed.evaluated_to,
                    }
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": refreshed.rows_total,
                "dagster/uri": dg.MetadataValue.url(warehouse.warehouse().uri),
                **as_metadata(metrics),
            }
        )

    return findings
