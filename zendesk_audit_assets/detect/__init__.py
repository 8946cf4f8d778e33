"""Detection: rules, compiled from Sigma and SQL for DuckDB, and the findings that they report."""

from zendesk_audit_assets.detect.load import load_rules
from zendesk_audit_assets.detect.rule import (
    HISTORY,
    Example,
    Examples,
    Rule,
    RuleError,
)

__all__ = ["HISTORY", "Example", "Examples", "Rule", "RuleError", "load_rules"]
