"""SQL that other people wrote: queries at the command line, and rules.

`database.connect` already keeps every connection from other files, the network, extensions and settings. What DuckDB
does not lock is refused here, by a list of what is allowed: functions of tables such as `enable_profiling` change
settings in spite of the lock, `arrow_scan` follows any address in memory, and `query` hides SQL in a text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any

import duckdb
import orjson

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.text import first_line

_QUERIES = frozenset({"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"})
_TABLE_FUNCTIONS = frozenset(
    {
        "duckdb_columns", "duckdb_constraints", "duckdb_functions", "duckdb_tables", "duckdb_types", "duckdb_views",
        "generate_series", "json_each", "json_tree", "pg_timezone_names", "pragma_table_info", "pragma_version",
        "range", "repeat", "repeat_row", "unnest",
    }
)  # fmt: skip
# Some thousand functions only compute. These tell of the machine, write, wait, or take SQL as a text.
_REFUSED_FUNCTIONS = frozenset(
    {
        "current_setting", "currval", "get_block_size", "getenv", "json_serialize_plan", "nextval", "pg_sleep",
        "setval", "sleep_ms", "write_log",
    }
)  # fmt: skip
_INTERNAL = "__internal_"
_SCHEMAS = frozenset({"", "main"})
_CATALOG = "information_schema"

_COMMENTS = r"(?:\s|--[^\n]*\n|/\*.*?\*/)*"
_EXPLAIN = re.compile(
    rf"{_COMMENTS}explain\b{_COMMENTS}(?:analyze\b{_COMMENTS})?(?:\(\s*(?:format|analyze)\b[^()]*\))?",
    re.IGNORECASE | re.DOTALL,
)


class RefusedQuery(AuditError):
    """A query does something else than to read the tables that it may read."""


def require_queries(text: str, tables: Collection[str]) -> int:
    """Refuse a text unless each of its statements reads `tables` and nothing else. Returns the number of statements.

    `EXPLAIN`, `DESCRIBE`, `SUMMARIZE` and `SHOW` are queries too, and `information_schema` may be read.
    Raises `RefusedQuery`, and `duckdb.ParserException` when the text is not SQL.
    """
    found_statements = statements(text)
    allowed = frozenset(map(str.lower, tables))
    for statement in found_statements:
        explained, found = _EXPLAIN.subn("", statement.query, count=1)
        if statement.type == duckdb.StatementType.SELECT:
            _require_query(statement.query, allowed)
        elif statement.type == duckdb.StatementType.EXPLAIN and found:
            require_queries(explained, allowed)
        else:
            _refuse(f"{_kind(statement)} is not a query", "Write one that starts with SELECT, FROM, WITH or DESCRIBE")
    return len(found_statements)


def statements(text: str) -> list[duckdb.Statement]:
    """The statements in a text. Raises `duckdb.ParserException` when it is not SQL, and `RefusedQuery`."""
    try:
        with _parser().cursor() as cursor:
            return list(cursor.extract_statements(text))
    except duckdb.ParserException:
        raise
    except duckdb.Error as error:  # DuckDB 1.5 reads the file that an IMPORT names when it parses
        raise _refusal(f"The query cannot be checked ({first_line(error)})", "Write one that only reads") from error


def _require_query(query: str, tables: frozenset[str]) -> None:
    for node, own in _nodes(_parsed(query)):
        kind = node.get("type")
        if "class" in node:
            name = str(node.get("function_name", "")).lower()
            if name in _REFUSED_FUNCTIONS or name.startswith(_INTERNAL):
                _refuse(f"The function {name} is not allowed", "Leave it out")
        elif kind == "TABLE_FUNCTION":
            name = str(node["function"].get("function_name", "")).lower()
            if name not in _TABLE_FUNCTIONS:
                _refuse(f"The function {name} is not allowed in place of a table", "Read the warehouse's tables")
        elif kind == "BASE_TABLE":
            _require_table(node, tables, own)
        elif isinstance(kind, str) and kind.endswith("_NODE") and kind not in _QUERIES:
            _refuse("A part of the query writes", "Write a query that only reads")


def _require_table(node: dict[str, Any], tables: Collection[str], own: Collection[str]) -> None:
    schema, name = str(node["schema_name"]).lower(), str(node["table_name"])
    if schema == _CATALOG or (schema in _SCHEMAS and name.lower() in tables):
        return
    # `recurring` gives all rows of a recursive query so far.
    if schema in ("", "recurring") and not node["catalog_name"] and name.lower() in own:
        return
    _refuse(f"There is no table {f'{schema}.' if schema else ''}{name}", 'List them with "SHOW TABLES"')


def _nodes(tree: Any) -> Iterator[tuple[dict[str, Any], frozenset[str]]]:
    """Every object in the JSON of a syntax tree, with the names that WITH gives where it stands, in lower case.

    A name is known in the query that follows, and in what WITH names after it; in its own query only if that is
    recursive, and not in the part that it starts from. Elsewhere it is the name of a table.
    """
    waiting: list[tuple[Any, frozenset[str]]] = [(tree, frozenset())]
    while waiting:
        one, own = waiting.pop()
        if isinstance(one, dict):
            for entry in (one.get("cte_map") or {}).get("map", ()):
                waiting.append((entry["value"], own))
                own |= {str(entry["key"]).lower()}
            yield one, own
            repeats = _KNOWS_ITSELF.get(str(one.get("type")))
            for key, value in one.items():
                if key != "cte_map":
                    waiting.append((value, own | {str(one["cte_name"]).lower()} if key == repeats else own))
        elif isinstance(one, list):
            waiting.extend((value, own) for value in one)


# The part of a node that knows the node's `cte_name`.
_KNOWS_ITSELF = {"RECURSIVE_CTE_NODE": "right", "CTE_NODE": "child"}


def _parsed(query: str) -> Any:
    """The syntax tree of a query, as DuckDB gives it."""
    try:
        with _parser().cursor() as cursor:
            ((text,),) = cursor.execute("SELECT json_serialize_sql(?)", [query]).fetchall()
    except duckdb.Error as error:
        raise _refusal(f"The query cannot be checked ({first_line(error)})", "Write it more simply") from error
    try:
        tree = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise _refusal("The query is nested too deeply", "Write it more simply") from error
    if tree["error"]:
        _refuse(f"The query cannot be checked ({tree['error_message']})", "Write it more simply")
    return tree


@cache
def _parser() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"enable_external_access": "false", "lock_configuration": "true"})


def _kind(statement: duckdb.Statement) -> str:
    """The name of a statement, such as COPY. A PIVOT without values is several, which create a type first."""
    kind = statement.type.name
    if kind == "MULTI" or (kind == "CREATE" and re.search(r"\bpivot\b", statement.query, re.IGNORECASE)):
        return "A PIVOT without `IN (...)` after its column"
    return str(kind)


def _refuse(cause: str, remedy: str) -> None:
    raise _refusal(cause, remedy)


def _refusal(cause: str, remedy: str) -> RefusedQuery:
    return RefusedQuery(f"{cause}.", f"{remedy}.")
