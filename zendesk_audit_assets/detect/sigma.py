"""A pySigma backend for DuckDB.

An event rule becomes a condition over the columns of `audit_events`, a correlation rule a query over `history`, which
has the same columns and a bounded span of time. The backend refuses, by name, every feature without an exact SQL
equivalent.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NoReturn, cast

import duckdb
from sigma.conditions import ConditionFieldEqualsValueExpression, ConditionNOT
from sigma.conversion.base import TextQueryBackend
from sigma.conversion.state import ConversionState
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCompareExpression,
    SigmaFieldReference,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from zendesk_audit_assets.detect.correlations import Correlation, Reference, refuse
from zendesk_audit_assets.text import sql_literal
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS

_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">=", "NEQ": "<>"}

COLUMNS = {column.name: column.type for column in AUDIT_EVENTS.columns}


class DuckDBBackend(TextQueryBackend):
    """Converts Sigma rules to SQL with Sigma's semantics: text ignores case, and a missing field matches nothing.

    A list matches when one of its values does. Both sides of a comparison of text are lowered, and each NOT treats NULL
    as false; elsewhere SQL already treats an unknown comparison as one that does not hold.
    """

    name = "DuckDB"
    parenthesize = True
    group_expression = "({expr})"
    or_token = "OR"  # noqa: S105 -- no password
    and_token = "AND"  # noqa: S105
    not_token = "NOT"  # noqa: S105
    eq_token = " = "  # noqa: S105
    bool_values = {True: "true", False: "false"}  # noqa: RUF012 -- declared so in the base class
    field_null_expression = "{field} IS NULL"
    field_exists_expression = "{field} IS NOT NULL"
    correlation_methods = {"default": "SQL window functions"}  # noqa: RUF012

    def convert_condition_not(self, cond: ConditionNOT, state: ConversionState) -> str:
        return f"NOT coalesce({self.convert_condition_group(cond.args[0], state)}, false)"

    def escape_and_quote_field(self, field_name: str) -> str:
        if field_name not in COLUMNS:
            refuse(f"the field '{field_name}', which audit_events does not have")
        return f'"{field_name}"'

    def convert_condition_field_eq_val_str(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> str:
        return self._text(cond, lower=True)

    def convert_condition_field_eq_val_str_case_sensitive(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> str:
        return self._text(cond, lower=False)

    def convert_condition_field_eq_val_num(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> str:
        number = cast(SigmaNumber, cond.value).number
        field = self.escape_and_quote_field(cond.field)
        if COLUMNS[cond.field] == "VARCHAR":
            return f"{field} = {sql_literal(str(number))}"
        self._require(cond, "BIGINT", "a number")
        return f"{field} = {number}"

    def convert_condition_field_compare_op_val(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> str:
        comparison = cast(SigmaCompareExpression, cond.value)
        if not isinstance(comparison.number, SigmaNumber) or type(comparison.number) is not SigmaNumber:
            refuse("parts of a time")
        field = self._require(cond, "BIGINT", "a number")
        return f"{field} {_OPERATORS[comparison.op.name]} {comparison.number.number}"

    def convert_condition_field_eq_val_bool(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> str:
        truth = cast(SigmaBool, cond.value).boolean
        return f"{self._require(cond, 'BOOLEAN', 'true or false')} = {str(truth).lower()}"

    def convert_condition_field_eq_val_re(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> str:
        pattern = cast(SigmaRegularExpression, cond.value).escape(escape_escape_char=False)
        try:
            self._in_memory.execute("SELECT regexp_matches('', ?)", [pattern]).fetchall()
        except duckdb.Error as error:
            refuse(f"the regular expression {pattern!r} ({str(error).splitlines()[0]})")
        return self._any(cond, "a regular expression", lambda value: f"regexp_matches({value}, {sql_literal(pattern)})")

    def convert_condition_field_eq_field(
        self, cond: ConditionFieldEqualsValueExpression, state: ConversionState
    ) -> str:
        reference = cast(SigmaFieldReference, cond.value)
        if reference.starts_with or reference.ends_with:
            refuse("the modifier fieldref together with startswith, endswith or contains")
        one, other = self.escape_and_quote_field(cond.field), self.escape_and_quote_field(reference.field)
        if COLUMNS[cond.field] != COLUMNS[reference.field]:
            refuse(f"comparing the fields '{cond.field}' and '{reference.field}', which have different types")
        return f"lower({one}) = lower({other})" if COLUMNS[cond.field] == "VARCHAR" else f"{one} = {other}"

    def convert_condition_field_eq_val_cidr(self, *_: Any) -> NoReturn:
        refuse("the modifier cidr; compare the field 'network' instead")

    def convert_condition_field_eq_val_timestamp_part(self, *_: Any) -> NoReturn:
        refuse("parts of a time")

    def convert_condition_field_eq_query_expr(self, *_: Any) -> NoReturn:
        refuse("query expressions")

    def convert_condition_val_str(self, *_: Any) -> NoReturn:
        refuse("values without a field")

    def convert_condition_val_num(self, *_: Any) -> NoReturn:
        refuse("values without a field")

    def convert_condition_val_re(self, *_: Any) -> NoReturn:
        refuse("values without a field")

    def convert_correlation_event_count_rule(self, rule: SigmaCorrelationRule, *_: Any) -> list[str]:
        return [self._correlation(rule).event_count()]

    def convert_correlation_value_count_rule(self, rule: SigmaCorrelationRule, *_: Any) -> list[str]:
        return [self._correlation(rule).value_count()]

    def convert_correlation_temporal_rule(self, rule: SigmaCorrelationRule, *_: Any) -> list[str]:
        return [self._correlation(rule).temporal()]

    def convert_correlation_temporal_ordered_rule(self, rule: SigmaCorrelationRule, *_: Any) -> list[str]:
        return [self._correlation(rule).temporal_ordered()]

    def convert_correlation_rule_from_template(
        self, rule: SigmaCorrelationRule, correlation_type: Any, method: str
    ) -> NoReturn:
        refuse(f"correlations of type {correlation_type}")

    @cached_property
    def _in_memory(self) -> duckdb.DuckDBPyConnection:
        """A connection that tests regular expressions: DuckDB accepts fewer of them than Python."""
        return duckdb.connect()

    def _text(self, cond: ConditionFieldEqualsValueExpression, *, lower: bool) -> str:
        text = cast(SigmaString, cond.value)
        if COLUMNS.get(cond.field) == "BIGINT" and text.to_plain().lstrip("-").isdecimal():
            return f"{self.escape_and_quote_field(cond.field)} = {int(text.to_plain())}"
        return self._any(
            cond, "text", lambda value: _comparison(f"lower({value})" if lower else value, text.s, lower=lower)
        )

    def _any(self, cond: ConditionFieldEqualsValueExpression, value: str, compare: Callable[[str], str]) -> str:
        """Compare a text, or each text of a list."""
        if COLUMNS.get(cond.field) != "VARCHAR[]":
            return compare(self._require(cond, "VARCHAR", value))
        field = self.escape_and_quote_field(cond.field)
        return f"coalesce(list_bool_or([{compare('one')} FOR one IN {field}]), false)"

    def _require(self, cond: ConditionFieldEqualsValueExpression, kind: str, value: str) -> str:
        field = self.escape_and_quote_field(cond.field)
        if COLUMNS[cond.field] != kind:
            refuse(f"comparing the field '{cond.field}', which is {COLUMNS[cond.field]}, with {value}")
        return field

    def _correlation(self, rule: SigmaCorrelationRule) -> Correlation:
        references = []
        for number, reference in enumerate(rule.referenced_rules):
            if not isinstance(reference.rule, SigmaRule):
                refuse("correlations of correlations")
            aliases = {
                alias.alias: field
                for alias in rule.aliases
                for target, field in alias.mapping.items()
                if target.reference == reference.reference
            }
            group_by = [aliases.get(name, name) for name in rule.group_by or ()]
            condition = " OR ".join(f"({part})" for part in reference.rule.get_conversion_result())
            keys = tuple(self.escape_and_quote_field(name) for name in group_by)
            references.append(Reference(number + 1, reference.rule.title, condition, keys))
        counted = getattr(rule.condition, "fieldref", None)
        if isinstance(counted, list):
            refuse("counting the values of several fields together")
        return Correlation(
            rule,
            tuple(references),
            tuple(rule.group_by or ()),
            self.escape_and_quote_field(counted) if counted else None,
            counted,
        )


def _comparison(field: str, parts: Sequence[Any], *, lower: bool) -> str:
    """Compare with a text that may hold wildcards. Functions serve the common forms: they are faster than LIKE."""

    def value(text: str) -> str:
        return f"lower({sql_literal(text)})" if lower else sql_literal(text)

    anything = SpecialChars.WILDCARD_MULTI
    match tuple(parts):
        case ():
            return f"{field} = ''"
        case (str(text),):
            return f"{field} = {value(text)}"
        case (first, str(text), last) if first == last == anything:
            return f"contains({field}, {value(text)})"
        case (str(text), last) if last == anything:
            return f"starts_with({field}, {value(text)})"
        case (first, str(text)) if first == anything:
            return f"ends_with({field}, {value(text)})"
        case _:
            return f"{field} LIKE {value(''.join(map(_like, parts)))} ESCAPE '\\'"


def _like(part: Any) -> str:
    if part == SpecialChars.WILDCARD_MULTI:
        return "%"
    if part == SpecialChars.WILDCARD_SINGLE:
        return "_"
    if not isinstance(part, str):
        refuse("placeholders (the modifier expand)")
    return re.sub(r"([\\%_])", r"\\\1", part)
