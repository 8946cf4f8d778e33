"""A query without the columns that nobody reads: DuckDB plans all of a view, whatever is read of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache


def narrowed(sql: str, reader: str) -> str:
    """The query without the columns that neither its reader, which is SQL, nor another column needs.

    The query is a chain of named queries, each of which selects from the one before. Each column is `*` or a name, or
    ends with its alias. Words of the reader that name no column do no harm.
    """
    needed, parts = _words(reader), list[str]()
    for step in reversed(_steps(sql)):
        kept: list[str] = []
        # From the last on: a column may read those before it.
        for column in reversed(step.columns):
            if column.name == "*" or column.name in needed:
                kept.insert(0, column.sql)
                needed |= column.words
        parts.insert(0, f"{step.begin}{','.join(kept) or ' 1'}\n{step.end}")
    return "),\n".join(parts[:-1]) + ")\n" + parts[-1]


@dataclass(frozen=True)
class _Column:
    sql: str
    name: str
    words: frozenset[str]


@dataclass(frozen=True)
class _Step:
    """A query of the chain: what stands before its columns, they, and what stands behind them."""

    begin: str
    columns: tuple[_Column, ...]
    end: str


@cache
def _steps(sql: str) -> tuple[_Step, ...]:
    return tuple(map(_step, re.split(r"^\),?\n", sql.strip().removesuffix(";"), flags=re.MULTILINE)))


def _step(text: str) -> _Step:
    begin, select, body = re.split(r"\b(SELECT)\b", re.sub(_TEXT_OR_COMMENT, r"\1", text), maxsplit=1)
    depth, start, columns = 0, 0, list[_Column]()
    for token in re.finditer(rf"{_TEXT}|[(\[{{]|[)\]}}]|,|\bFROM\b", body):
        depth += (token[0] in "([{") - (token[0] in ")]}")
        if depth == 0 and token[0] in (",", "FROM"):
            column = body[start : token.start()].rstrip()
            columns.append(_Column(column, column.split()[-1].lower(), _words(column)))
            start = token.end()
            if token[0] == "FROM":
                return _Step(begin + select, tuple(columns), body[token.start() :])
    raise ValueError("a query of the chain has no FROM")


_TEXT = r"'(?:[^']|'')*'"
_TEXT_OR_COMMENT = rf"({_TEXT})|--[^\n]*"


def _words(sql: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", re.sub(_TEXT_OR_COMMENT, " ", sql.lower())))
