"""The asset `alerts`: send findings to the configured channels."""

import dagster as dg

from zendesk_audit_assets.alert import deliver, outbox
from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.orchestration.assets.common import (
    as_metadata,
    failures_as_messages,
    table_metadata,
)
from zendesk_audit_assets.orchestration.resources import DELIVERY, WAREHOUSE, delivery_of, needed, warehouse_of
from zendesk_audit_assets.orchestration.scope import Scope

# The asset is no table of its own: `alert_deliveries` records what it sends.
ALERTS = "alerts"


class AlertsConfig(dg.Config):
    """Options of a run."""

    retry_failed: bool = False
    """Also send the alerts that have failed for good, such as after the address of a channel was corrected."""


def build_alerts(scope: Scope) -> dg.AssetsDefinition:
    """The asset `alerts`."""

    @dg.asset(
        key=scope.asset_key(ALERTS),
        deps=[scope.asset_key(FINDINGS.name)],
        required_resource_keys=needed(scope, WAREHOUSE, DELIVERY),
        group_name=scope.group("delivery"),
        owners=scope.owners,
        tags=scope.asset_tags,
        kinds={"python"},
        metadata=table_metadata(DELIVERIES.name, DELIVERIES.columns),
        description=(
            "Sends every open finding that is severe and new enough to each configured channel, at least once. "
            "The table alert_deliveries records each delivery."
        ),
    )
    def alerts(context: dg.AssetExecutionContext, config: AlertsConfig) -> dg.MaterializeResult[None]:
        delivery = delivery_of(context, scope)
        with failures_as_messages(context.selected_asset_keys, scope):
            states = deliver.deliver(
                warehouse_of(context, scope).warehouse(),
                delivery.channels(),
                level=delivery.level(),
                max_age=delivery.max_age(),
                retry_failed=config.retry_failed,
            )
        return dg.MaterializeResult(metadata=as_metadata(outbox.metrics(states)))

    return alerts
