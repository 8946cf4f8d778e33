"""Checks of findings and of their delivery, and the rules about the log itself, each of which is a check."""

from datetime import datetime
from pathlib import Path

import dagster as dg
import duckdb

from zendesk_audit_assets.alert.outbox import DELIVERIES
from zendesk_audit_assets.detect import Rule, load_rules
from zendesk_audit_assets.detect.tables import FINDINGS, FINDINGS_STATE
from zendesk_audit_assets.masking import mask
from zendesk_audit_assets.orchestration.assets.alerts import ALERTS
from zendesk_audit_assets.orchestration.checks.check import (
    Check,
    Test,
    Verdict,
    exists,
    missing,
)
from zendesk_audit_assets.severity import at_least, rank
from zendesk_audit_assets.warehouse.catalog import scalar

# Explanations in the result of a check; the table has the others.
_SHOWN = 5


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


def has_no_open_finding(rule: Rule) -> Test:
    """A test that passes while a rule about the log itself has no open finding.

    It fails with the explanations of the open findings: an error for high and critical ones, else a warning.
    """

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> Verdict:
        if not (exists(connection, FINDINGS.name) and exists(connection, FINDINGS_STATE.name)):
            return missing(FINDINGS.name)
        if not scalar(connection, f"SELECT count(*) FROM {FINDINGS_STATE.name} WHERE rule_id = ?", [rule.id]):
            return Verdict(True, f"The rule {rule.name} is not in force.", {"open": 0})
        found = connection.execute(
            f"SELECT explanation, severity FROM {FINDINGS.name} WHERE rule_id = ? AND status = 'open' "
            "ORDER BY last_event_at DESC, uid",
            [rule.id],
        ).fetchall()
        if not found:
            return Verdict(True, f"No open finding of {rule.name}.", {"open": 0})
        explanations = " ".join(explanation for explanation, _ in found[:_SHOWN])
        more = f" And {len(found) - _SHOWN:,} more findings of {rule.name}." if len(found) > _SHOWN else ""
        worst = max((severity for _, severity in found), key=rank)
        level = dg.AssetCheckSeverity.ERROR if worst in at_least("high") else dg.AssetCheckSeverity.WARN
        return Verdict(False, mask(f"{explanations}{more}"), {"open": len(found)}, level)

    return test


def check_name(rule: Rule) -> str:
    """The name of the check that a packaged rule about the log is: that of its file, such as zd_201_silence."""
    return Path(rule.file).stem


# Of the packaged rules alone: Dagster loads the definitions without the folder of a user's own rules.
LOG_RULES = tuple(rule for rule in load_rules() if rule.input == "log")

FINDINGS_CHECKS: tuple[Check, ...] = (
    Check(FINDINGS.name, "uids_are_unique", "No finding is there twice.", uids_are_unique),
    *(
        Check(
            FINDINGS.name, check_name(rule), f"No open finding of {rule.name}: {rule.title}.", has_no_open_finding(rule)
        )
        for rule in LOG_RULES
    ),
    Check(ALERTS, "no_delivery_has_failed", "No alert of an open finding has failed.", no_delivery_has_failed),
)
