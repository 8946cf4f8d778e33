"""Rules written in SQL: one SELECT, below a header of comment lines that are YAML in Sigma's words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, get_args
from uuid import UUID

import duckdb
import yaml

from zendesk_audit_assets.detect.examples import examples_of
from zendesk_audit_assets.detect.rule import (
    Over,
    Rule,
    RuleError,
    span_of,
)
from zendesk_audit_assets.severity import SEVERITIES

_KEYS = frozenset(
    {
        "title", "id", "name", "status", "level", "description", "tags", "falsepositives", "references",
        "over", "look_back", "needs", "examples",
    }
)  # fmt: skip
_REQUIRED = ("title", "id", "name", "level")
# The safe one in C if there is one: examples make headers long.
_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def sql_rule(text: str, file: str) -> Rule:
    """The rule of a file. Raises `RuleError` when its header is not complete, or no single SELECT stands below it."""
    lines = text.splitlines()
    end = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = _header("\n".join(line[2:].removeprefix(" ") for line in lines[:end]), file)
    query = "\n".join(lines[end:]).strip().removesuffix(";")
    _require_one_select(query, file)
    over = header.get("over", "events")
    if over not in get_args(Over):
        raise RuleError(file, f"'over' is {over!r}, not one of {', '.join(get_args(Over))}")
    return Rule(
        id=_uuid(header["id"], file),
        name=str(header["name"]),
        title=str(header["title"]),
        level=_level(header["level"], file),
        form="sql",
        sql=query,
        file=file,
        over=over,
        look_back=span_of(header.get("look_back", "1d"), "its look_back", file),
        needs=_texts(header, "needs", file),
        experimental=header.get("status") == "experimental",
        description=" ".join(str(header.get("description", "")).split()),
        attack=attack_techniques(_texts(header, "tags", file)),
        falsepositives=_texts(header, "falsepositives", file),
        references=_texts(header, "references", file),
        examples=examples_of(header.get("examples"), file),
    )


def _require_one_select(query: str, file: str) -> None:
    """It runs inside another query on the writer's connection: anything else might change the warehouse."""
    try:
        statements = duckdb.extract_statements(query)
    except duckdb.ParserException as error:
        raise RuleError(file, f"its query is not SQL ({str(error).partition(chr(10))[0]})") from error
    if not statements:
        raise RuleError(file, "there is no query below its header")
    if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
        raise RuleError(file, "what stands below its header is not one SELECT")


def attack_techniques(tags: Iterable[str]) -> tuple[str, ...]:
    """The ids of ATT&CK techniques among Sigma's tags, such as T1098.003; tactics are left out."""
    found = (re.fullmatch(r"attack\.(t\d{4}(?:\.\d{3})?)", tag.lower()) for tag in tags)
    return tuple(match[1].upper() for match in found if match)


def _header(text: str, file: str) -> Mapping[str, Any]:
    try:
        header = yaml.load(text, _LOADER)  # noqa: S506 - it is a safe one
    except yaml.YAMLError as error:
        raise RuleError(file, f"its header is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(header, dict):
        raise RuleError(file, "it does not begin with a header: comment lines such as '-- title: ...'")
    for key in _REQUIRED:
        if key not in header:
            raise RuleError(file, f"its header has no '{key}'")
    for key in header:
        if key not in _KEYS:
            raise RuleError(file, f"its header has the unknown entry '{key}'")
    return header


def _uuid(value: Any, file: str) -> str:
    try:
        return str(UUID(str(value)))
    except ValueError as error:
        raise RuleError(file, f"its id {value!r} is not a UUID") from error


def _level(value: Any, file: str) -> str:
    if value not in SEVERITIES:
        raise RuleError(file, f"its level {value!r} is not one of {', '.join(SEVERITIES)}")
    return str(value)


def _texts(header: Mapping[str, Any], key: str, file: str) -> tuple[str, ...]:
    given = header.get(key, [])
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        raise RuleError(file, f"'{key}' in its header is not a list of texts")
    return tuple(given)
