"""Rules in SQL: a header of comment lines, which is YAML with Sigma's keys, and one SELECT below it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, get_args
from uuid import UUID

import duckdb
import yaml

from zendesk_audit_assets.detect.example_format import parse_examples
from zendesk_audit_assets.detect.rule import (
    Input,
    Rule,
    RuleError,
    parse_timespan,
)
from zendesk_audit_assets.extract.tables import TABLES
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.text import first_line, is_utf8, one_line
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.warehouse.untrusted import RefusedQuery, require_queries, statements

_KEYS = frozenset(
    {
        "title", "id", "name", "status", "level", "description", "tags", "falsepositives", "references",
        "input", "look_back", "needs", "examples", "remedy",
    }
)  # fmt: skip
_LONGEST_REMEDY = 500
_REQUIRED = ("title", "id", "name", "level")


def yaml_loader(*, packaged: bool) -> type[yaml.SafeLoader]:
    """The loader of a rule file's YAML; for `packaged` ones it is the one in C, ten times as fast, where there is one.

    That one ends the process on a text that is nested very deeply; the other raises `RecursionError`.
    """
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader) if packaged else _OwnLoader


class _OwnLoader(yaml.SafeLoader):
    """Refuses half of a character, such as `"\\ud83d"`, as the loader in C does: no UTF-8 text can hold it."""

    def construct_scalar(self, node: yaml.ScalarNode | yaml.MappingNode) -> Any:
        value = super().construct_scalar(node)
        if isinstance(value, str) and not is_utf8(value):
            raise yaml.constructor.ConstructorError(None, None, "found half of a character", node.start_mark)
        return value


def parse_sql_rule(text: str, file: str, *, packaged: bool) -> Rule:
    """Parse the text of a rule file. Raises `RuleError` unless it is a complete header and one SELECT."""
    lines = text.splitlines()
    end = next((n for n, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = _header("\n".join(line[2:].removeprefix(" ") for line in lines[:end]), file, packaged)
    query = "\n".join(lines[end:]).strip().removesuffix(";")
    needs = _texts(header, "needs", file)
    _require_one_select(query, file)
    require_reading(query, needs, file)
    input_ = header.get("input", "events")
    if input_ not in get_args(Input):
        raise RuleError(file, f"'input' is {input_!r}, not one of {', '.join(get_args(Input))}")
    return Rule(
        id=_uuid(header["id"], file),
        name=_text(header, "name", file),
        title=_text(header, "title", file),
        level=_level(header["level"], file),
        kind="sql",
        sql=query,
        file=file,
        input=input_,
        look_back=parse_timespan(header.get("look_back", "1d"), "its look_back", file),
        needs=needs,
        experimental=header.get("status") == "experimental",
        description=" ".join(str(header.get("description", "")).split()),
        attack=attack_techniques(_texts(header, "tags", file)),
        falsepositives=_texts(header, "falsepositives", file),
        references=_texts(header, "references", file),
        remedy=remedy_of(header.get("remedy"), file),
        packaged=packaged,
        examples=parse_examples(header.get("examples"), file),
    )


def remedy_of(value: Any, file: str) -> str:
    """The text under `remedy`, on one line; empty without one. Raises `RuleError`."""
    if value is not None and not isinstance(value, str):
        raise RuleError(file, "its 'remedy' is not a text")
    return one_line(value or "", _LONGEST_REMEDY)


def _text(header: Mapping[str, Any], key: str, file: str) -> str:
    """A text that is needed. Raises `RuleError` for an empty one, which YAML reads as nothing."""
    value = header[key]
    if not isinstance(value, str) or not value.strip():
        raise RuleError(file, f"its '{key}' is not a text")
    return value


def _require_one_select(query: str, file: str) -> None:
    """Refuse any other statement: the query runs on the writer's connection and must not change the warehouse."""
    try:
        found = statements(query)
    except duckdb.ParserException as error:
        raise RuleError(file, f"its query is not SQL ({first_line(error)})") from error
    except RefusedQuery as error:
        raise _refused(error, file) from error
    if not found:
        raise RuleError(file, "there is no query below its header")
    if [statement.type for statement in found] != [duckdb.StatementType.SELECT]:
        raise RuleError(file, "the text below its header is not one SELECT")


def require_reading(query: str, needs: Collection[str], file: str) -> None:
    """Refuse a query that does more than read the log, what is derived from it, and the tables that it `needs`."""
    try:
        require_queries(query, _READABLE.union(needs))
    except RefusedQuery as error:
        raise _refused(error, file) from error


def _refused(error: RefusedQuery, file: str) -> RuleError:
    return RuleError(file, f"its query is refused: {error.cause.rstrip('.')}")


_READABLE = frozenset({"history", "evaluated", "found", *(table.name for table in (*TABLES, *DERIVED))})


def attack_techniques(tags: Iterable[str]) -> tuple[str, ...]:
    """Return the ids of ATT&CK techniques among Sigma's tags, such as T1098.003, without tactics."""
    found = (re.fullmatch(r"attack\.(t\d{4}(?:\.\d{3})?)", tag.lower()) for tag in tags)
    return tuple(match[1].upper() for match in found if match)


def _header(text: str, file: str, packaged: bool) -> Mapping[str, Any]:
    try:
        header = yaml.load(text, yaml_loader(packaged=packaged))  # noqa: S506 - both loaders are safe
    except (yaml.YAMLError, RecursionError) as error:
        raise RuleError(file, f"its header is not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(header, dict):
        raise RuleError(file, "it does not begin with a header: comment lines such as '-- title: ...'")
    for key in _REQUIRED:
        if key not in header:
            raise RuleError(file, f"its header has no '{key}'")
    if "over" in header:
        raise RuleError(file, "its header has the entry 'over', whose name is now 'input'")
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
    texts = header.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise RuleError(file, f"'{key}' in its header is not a list of texts")
    return tuple(texts)
