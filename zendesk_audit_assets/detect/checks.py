"""The checks of the findings; each rule about the log itself is one of them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import duckdb

from zendesk_audit_assets.detect import Rule, load_rules
from zendesk_audit_assets.detect.tables import FINDINGS, FINDINGS_STATE
from zendesk_audit_assets.masking import mask
from zendesk_audit_assets.severity import at_least, rank
from zendesk_audit_assets.warehouse.catalog import has_shape, scalar
from zendesk_audit_assets.warehouse.check import Check, CheckFunction, CheckResult

# Explanations in the result of a check; the table has the others.
_SHOWN = 5


def uids_are_unique(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """No finding is there twice: each is alerted of once."""
    twice = scalar(connection, f"SELECT count(*) - count(DISTINCT uid) FROM {FINDINGS.name}")
    return CheckResult(twice == 0, f"{twice:,} findings repeat a uid.", {"repeated": twice})


def every_rule_was_evaluated(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
    """The last refresh evaluated every rule in force."""
    if not has_shape(connection, FINDINGS_STATE):
        return CheckResult(False, "An earlier version wrote the findings; materialize them.", severity="warn")
    failures = connection.execute(
        f"SELECT failure FROM {FINDINGS_STATE.name} WHERE failure IS NOT NULL ORDER BY failure"
    ).fetchall()
    if not failures:
        return CheckResult(True, "The last refresh evaluated every rule.", {"left_out": 0})
    causes = " ".join(failure for (failure,) in failures[:_SHOWN])
    more = f" And {len(failures) - _SHOWN:,} more rules." if len(failures) > _SHOWN else ""
    return CheckResult(False, mask(f"{causes}{more}"), {"left_out": len(failures)})


def has_no_open_finding(rule: Rule) -> CheckFunction:
    """A test that passes while a rule about the log itself has no open finding.

    It fails with the explanations of the open findings: an error for high and critical ones, else a warning.
    """

    def test(connection: duckdb.DuckDBPyConnection, _: datetime) -> CheckResult:
        if not scalar(connection, f"SELECT count(*) FROM {FINDINGS_STATE.name} WHERE rule_id = ?", [rule.id]):
            return CheckResult(True, f"The rule {rule.name} is not in force.", {"open": 0})
        found = connection.execute(
            f"SELECT explanation, severity FROM {FINDINGS.name} WHERE rule_id = ? AND status IN ('open', 'noted') "
            "ORDER BY last_event_at DESC, uid",
            [rule.id],
        ).fetchall()
        if not found:
            return CheckResult(True, f"No open finding of {rule.name}.", {"open": 0})
        explanations = " ".join(explanation for explanation, _ in found[:_SHOWN])
        more = f" And {len(found) - _SHOWN:,} more findings of {rule.name}." if len(found) > _SHOWN else ""
        worst = max((severity for _, severity in found), key=rank)
        level: Literal["warn", "error"] = "error" if worst in at_least("high") else "warn"
        return CheckResult(False, mask(f"{explanations}{more}"), {"open": len(found)}, level)

    return test


def check_name(rule: Rule) -> str:
    """The name of the check that a packaged rule about the log is: that of its file, such as zd_201_silence."""
    return Path(rule.file).stem


# Of the packaged rules alone: Dagster loads the definitions without the folder of a user's own rules.
LOG_RULES = tuple(rule for rule in load_rules() if rule.input == "log")

CHECKS: tuple[Check, ...] = (
    Check(
        FINDINGS.name,
        "uids_are_unique",
        "One finding per uid.",
        "Materialize `findings` with `full_rebuild: true`, and report the fault.",
        uids_are_unique,
        (FINDINGS.name,),
    ),
    Check(
        FINDINGS.name,
        "every_rule_was_evaluated",
        "The last refresh evaluated every rule.",
        "Correct the rule. Its findings stay as they are until then; each refresh tries it again, and catches up.",
        every_rule_was_evaluated,
        (FINDINGS.name, FINDINGS_STATE.name),
    ),
    *(
        Check(
            FINDINGS.name,
            check_name(rule),
            f"No open finding of {rule.name}: {rule.title}.",
            f"Follow the finding's explanation; `zendesk-audit rules explain {rule.name}` describes the rule.",
            has_no_open_finding(rule),
            (FINDINGS.name, FINDINGS_STATE.name),
        )
        for rule in LOG_RULES
    ),
)
