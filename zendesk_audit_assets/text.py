"""Text for people and for SQL: on one line, bounded in length, quoted."""

from __future__ import annotations


def one_line(text: str, longest: int | None = None) -> str:
    """The text on one line: no control characters, single spaces; with `longest`, cut to that many characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if longest is None else shorten(line, longest)


def shorten(text: str, longest: int) -> str:
    """The text, or its beginning and an ellipsis, in at most `longest` characters."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without the details that DuckDB adds below it."""
    return str(error).partition("\n")[0]


def sql_literal(text: str) -> str:
    """The text as an SQL string literal, quotes included."""
    return "'" + text.replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """The name of a table or a column as an SQL identifier, quotes included, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'
