"""Detection rules: Sigma rules and SQL, compiled for DuckDB. `load_rules` gives those in force."""

from zendesk_audit_assets.detect.load import load_rules
from zendesk_audit_assets.detect.rule import (
    HISTORY,
    Example,
    Examples,
    Rule,
    RuleError,
)

__all__ = ["HISTORY", "Example", "Examples", "Rule", "RuleError", "load_rules"]
