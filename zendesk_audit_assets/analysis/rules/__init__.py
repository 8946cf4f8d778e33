"""Detection rules: Sigma rules and SQL, compiled for DuckDB. `load_rules` gives those in force."""

from zendesk_audit_assets.analysis.rules.examples import failed_examples
from zendesk_audit_assets.analysis.rules.load import load_rules
from zendesk_audit_assets.analysis.rules.rule import HISTORY, LEVELS, Examples, Rule, RuleError

__all__ = ["HISTORY", "LEVELS", "Examples", "Rule", "RuleError", "failed_examples", "load_rules"]
