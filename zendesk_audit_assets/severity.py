"""The severities that rules, findings and alerts share, and their order."""

from __future__ import annotations

SEVERITIES = ("informational", "low", "medium", "high", "critical")
"""From the least to the most severe."""


def rank(severity: str) -> int:
    """The position of a severity: 0 for informational, 4 for critical. Raises `ValueError` for any other text."""
    return SEVERITIES.index(severity)


def at_least(severity: str) -> tuple[str, ...]:
    """This severity and all that are more severe, in order. Raises `ValueError` for any other text."""
    return SEVERITIES[rank(severity) :]


def rank_sql(column: str) -> str:
    """An SQL expression for the position of a severity in `column`: from 1 to 5, or NULL for any other text."""
    return f"list_position({list(SEVERITIES)!r}, {column})"
