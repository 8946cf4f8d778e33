"""Alerts as an asset: what is due is sent, and how each channel stands is said."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import dagster as dg

from zendesk_audit_assets.alert import deliver
from zendesk_audit_assets.alert.outbox import DELIVERIES, ChannelState
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.orchestration.assets.common import (
    OWNERS,
    TAGS,
    failures_as_messages,
    table_metadata,
)
from zendesk_audit_assets.orchestration.resources import DELIVERY, WAREHOUSE, delivery_of, needed, warehouse_of
from zendesk_audit_assets.orchestration.scope import Scope

# The asset is no table of its own: `alert_deliveries` records what it sends.
ALERTS = "alerts"

# The keys in the metadata of each materialization that the sensor reads.
PENDING, NEXT_TRY = "pending", "next_try"

STATUSES = ("sent", "pending", "failed", "suppressed", "expired")


class AlertsConfig(dg.Config):
    """What a run may choose."""

    try_failed_again: bool = False
    """Send also what has failed for good, such as after the address of a channel was corrected."""


def build_alerts(scope: Scope) -> dg.AssetsDefinition:
    """The asset `alerts`."""

    @dg.asset(
        key=scope.asset_key(ALERTS),
        deps=[scope.asset_key(FINDINGS.name)],
        required_resource_keys=needed(scope, WAREHOUSE, DELIVERY),
        group_name="delivery",
        kinds={"python"},
        owners=OWNERS,
        tags=TAGS,
        metadata=table_metadata(DELIVERIES.name, DELIVERIES.columns),
        description=(
            "Every open finding that is severe and new enough, sent to each channel that is set, at least once; "
            "what became of it is in the table alert_deliveries."
        ),
    )
    def alerts(context: dg.AssetExecutionContext, config: AlertsConfig) -> dg.MaterializeResult[None]:
        delivery = delivery_of(context, scope)
        with failures_as_messages():
            states = deliver.deliver(
                warehouse_of(context, scope).warehouse(),
                delivery.channels(),
                level=delivery.level(),
                max_age=delivery.max_age(),
                try_failed_again=config.try_failed_again,
            )
        return dg.MaterializeResult(metadata=_metadata(states))

    return alerts


def _metadata(states: Mapping[str, ChannelState]) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "channels": ", ".join(states) or "none is set; see docs/alerts.md",
        PENDING: sum(state.counts.get("pending", 0) for state in states.values()),
    }
    next_tries: list[datetime] = [state.next_try for state in states.values() if state.next_try is not None]
    if next_tries:
        metadata[NEXT_TRY] = dg.MetadataValue.timestamp(min(next_tries))
    for name, state in states.items():
        metadata |= {f"{name}_{status}": state.counts.get(status, 0) for status in STATUSES}
        if state.last_error is not None:
            metadata[f"{name}_last_error"] = state.last_error
    return metadata
