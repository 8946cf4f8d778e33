"""What must hold of findings and of their delivery."""

from datetime import datetime

import duckdb

from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect.tables import FINDINGS
from zendesk_audit_assets.orchestration.assets.alerts import ALERTS
from zendesk_audit_assets.orchestration.checks.check import (
    Check,
    Verdict,
    exists,
    missing,
)
from zendesk_audit_assets.warehouse.catalog import scalar


def uids_are_unique(connection: duckdb.DuckDBPyConnection, _: datetime) -> Verdict:
    """No finding is there twice: each is alerted of once."""
    if not exists(connection, FINDINGS.name):
        return missing(FINDINGS.name)
    twice = scalar(connection, f"SELECT count(*) - count(DISTINCT uid) FROM {FINDINGS.name}")
    return Verdict(twice == 0, f"{twice:,} findings repeat a uid.", {"repeated": twice})


def no_delivery_has_failed(connection: duckdb.DuckDBPyConnection, _: datetime) -> Verdict:
    """No alert of an open finding has failed for good."""
    if not (exists(connection, DELIVERIES.name) and exists(connection, FINDINGS.name)):
        return missing(DELIVERIES.name)
    failed = connection.execute(
        f"SELECT channel, count(*) FROM {DELIVERIES.name} AS delivery JOIN {FINDINGS.name} AS found USING (uid) "
        "WHERE delivery.status = 'failed' AND found.status = 'open' GROUP BY channel ORDER BY channel"
    ).fetchall()
    if not failed:
        return Verdict(True, "No alert has failed for good.")
    channels = ", ".join(f"{count:,} to {channel}" for channel, count in failed)
    sentence = f"Alerts have failed for good: {channels}. Correct the reason, which is in {DELIVERIES.name}, then run "
    return Verdict(False, f"{sentence}`alerts` with retry_failed.", dict(failed))


FINDINGS_CHECKS: tuple[Check, ...] = (
    Check(FINDINGS.name, "uids_are_unique", "No finding is there twice.", uids_are_unique),
    Check(ALERTS, "no_delivery_has_failed", "No alert of an open finding has failed.", no_delivery_has_failed),
)
