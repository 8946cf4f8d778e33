"""Sigma's correlations as SQL queries: events of one group that occur together within a span of time.

A query reads `history` and returns a row per finding: `group_key`, `event_ids`, `explanation`. The span slides with
the events: an event completes a correlation when the span that ends with it holds enough events. Completions of one
group at most a span apart are one finding, and a finding ends at midnight UTC. A finding therefore depends on its own
day and on one span before it, and on nothing earlier.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationConditionOperator, SigmaCorrelationRule
from sigma.exceptions import SigmaFeatureNotSupportedByBackendError

from zendesk_audit_assets.text import sql_literal

_OPERATORS = {SigmaCorrelationConditionOperator.GTE: ">=", SigmaCorrelationConditionOperator.GT: ">"}


def refuse(feature: str) -> NoReturn:
    """Raise the error that names a feature of Sigma which this backend does not support."""
    raise SigmaFeatureNotSupportedByBackendError(feature)


@dataclass(frozen=True)
class Reference:
    """A rule that a correlation refers to: its number from 1, its SQL condition, the columns to group by."""

    number: int
    title: str
    condition: str
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Correlation:
    """A correlation rule with its references and columns resolved to SQL."""

    rule: SigmaCorrelationRule
    references: tuple[Reference, ...]
    group_by: tuple[str, ...]
    counted: str | None
    counted_name: str | None

    def event_count(self) -> str:
        """Count events of any of the rules."""
        measure = "count(*)" if len(self.references) == 1 else "count(DISTINCT id)"
        return self._sliding(measure, f"events of {self._titles(' or ')}")

    def value_count(self) -> str:
        """Count the distinct values of a field in those events."""
        return self._sliding("count(DISTINCT counted)", f"different values of {self.counted_name}")

    def temporal(self) -> str:
        """Count the rules with an event, in any order."""
        return self._sliding("count(DISTINCT rule_number)", f"of {self._titles(', ')}")

    def temporal_ordered(self) -> str:
        """Require an event of every rule, in the order of the rules; events of the same second count in any order."""
        condition = self._condition()
        if (condition.op, condition.count) != (SigmaCorrelationConditionOperator.GTE, len(self.references)):
            refuse("temporal_ordered with a condition of its own")
        steps = ["step_1 AS (SELECT *, CASE WHEN rule_number = 1 THEN created_at END AS began_1 FROM matched)"]
        steps += [
            f"""step_{n} AS (
                SELECT *, CASE WHEN rule_number = {n} THEN max(began_{n - 1}) OVER (
                    PARTITION BY group_key ORDER BY created_at RANGE UNBOUNDED PRECEDING
                ) END AS began_{n}
                FROM step_{n - 1}
            )"""
            for n in range(2, len(self.references) + 1)
        ]
        last = len(self.references)
        completed = f"""
            SELECT group_key, created_at, {last} AS observed FROM step_{last}
            WHERE began_{last} >= created_at - {self._span}"""
        return self._query(", ".join(steps), completed, f"of {self._titles(', then ')}", last)

    def _sliding(self, measure: str, counted_things: str) -> str:
        condition = self._condition()
        if condition.op not in _OPERATORS:
            refuse(f"the condition '{condition.op.name.lower()}' of a correlation")
        counted = f"""counted AS (
            SELECT group_key, created_at, {measure} OVER (
                PARTITION BY group_key ORDER BY created_at RANGE {self._span} PRECEDING
            ) AS observed
            FROM matched
        )"""
        completed = f"FROM counted WHERE observed {_OPERATORS[condition.op]} {condition.count}"
        at_least = int(condition.count) + (condition.op == SigmaCorrelationConditionOperator.GT)
        return self._query(counted, completed, counted_things, at_least)

    def _query(self, steps: str, completed: str, counted_things: str, at_least: int) -> str:
        rows = " UNION ALL ".join(
            f"""
            SELECT {reference.number} AS rule_number, id, created_at, {_group_key(reference.keys)} AS group_key,
                {self.counted or "NULL"} AS counted
            FROM history WHERE {reference.condition}"""
            for reference in self.references
        )
        span = self.rule.timespan.spec
        by = f" by {', '.join(self.group_by)}" if self.group_by else ""
        explanation = f"{counted_things}{by} within {span}; the threshold is {at_least}."
        return f"""
        WITH matched AS ({rows}),
        {steps},
        completed AS ({completed}),
        begun AS (
            SELECT *, coalesce(created_at - lag(created_at) OVER of_day > {self._span}, true) AS begins
            FROM completed
            WINDOW of_day AS (PARTITION BY group_key, (created_at AT TIME ZONE 'UTC')::DATE ORDER BY created_at)
        ),
        numbered AS (
            SELECT *, count(*) FILTER (begins) OVER (PARTITION BY group_key ORDER BY created_at) AS stretch FROM begun
        ),
        stretches AS (
            SELECT
                group_key, min(created_at) - {self._span} AS first, max(created_at) AS last, max(observed) AS observed
            FROM numbered GROUP BY group_key, stretch
        )
        SELECT
            stretches.group_key,
            list(DISTINCT matched.id) AS event_ids,
            any_value(observed) || {sql_literal(" " + explanation)} AS explanation
        FROM stretches
        JOIN matched ON matched.group_key = stretches.group_key AND matched.created_at BETWEEN first AND last
        GROUP BY stretches.group_key, first
        """

    @property
    def _span(self) -> str:
        return f"INTERVAL {self.rule.timespan.seconds} SECOND"

    def _condition(self) -> SigmaCorrelationCondition:
        if not isinstance(self.rule.condition, SigmaCorrelationCondition):
            refuse("correlation conditions with and, or, not")
        return self.rule.condition

    def _titles(self, joined: str) -> str:
        return joined.join(f'"{reference.title}"' for reference in self.references)


def _group_key(keys: tuple[str, ...]) -> str:
    return f"to_json([{', '.join(f'{key}::VARCHAR' for key in keys)}])::VARCHAR"
