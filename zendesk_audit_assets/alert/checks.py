"""The check of the deliveries."""

from __future__ import annotations

from datetime import datetime

import duckdb

from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.warehouse.check import Check, CheckResult


def no_delivery_has_failed(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """No alert of an open finding has failed for good."""
    failed = connection.execute(
        f"SELECT channel, count(*) FROM {DELIVERIES.name} AS delivery JOIN {FINDINGS.name} AS found USING (uid) "
        "WHERE delivery.status = 'failed' AND found.status = 'open' GROUP BY channel ORDER BY channel"
    ).fetchall()
    if not failed:
        return CheckResult(True, "No alert has failed for good.")
    channels = ", ".join(f"{count:,} to {channel}" for channel, count in failed)
    return CheckResult(False, f"Alerts have failed for good: {channels}.", dict(failed))


CHECKS: tuple[Check, ...] = (
    Check(
        "alerts",
        "no_delivery_has_failed",
        "No alert of an open finding has failed.",
        f"Correct the reason, which is `last_error` in {DELIVERIES.name}, then materialize `alerts` with "
        "`retry_failed: true`; or close the finding.",
        no_delivery_has_failed,
        needs=(DELIVERIES.name, FINDINGS.name),
    ),
)
