"""Text for people and for SQL: on one line, bounded in length, quoted."""

from __future__ import annotations

import re


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


def visible(text: str) -> str:
    """The text with a visible escape, such as `\\x1b`, for each character that acts on a terminal instead of showing.

    Control characters, those that turn the direction of writing or have no width, and halves of a character. Newlines
    and tabs stay; so do the joiners that scripts and emoji need.
    """
    return INVISIBLE.sub(lambda match: _escaped(match[0]), text.replace("\r\n", "\n"))


INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)
"""A character that acts instead of showing."""


def utf16_escapes(text: str) -> str:
    """The text as escapes of its UTF-16 units, such as `\\u2713`: valid in JSON, and legible elsewhere."""
    units = text.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def is_utf8(text: str) -> bool:
    """Whether UTF-8 can hold the text: it has no half of a character, which stands for a byte that is no text."""
    return text.isascii() or not _HALF.search(text)


def as_unicode(text: str) -> str:
    """The text with U+FFFD in place of each half of a character: a surrogate without the other one of its pair."""
    return text if text.isascii() else _HALF.sub("\ufffd", text)


_HALF = re.compile("[\ud800-\udfff]")


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
