"""Tables, bars and code blocks in Markdown, short enough for Dagster to show them in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import islice

SHOWN_IN_PLACE = 1000
"""Dagster renders Markdown below this length on the asset's page and hides anything longer behind a link.

In UTF-16 units, as the browser counts."""


class Markdown(str):
    """A text in Markdown. Its type tells a reader such as the Dagster UI to render it."""

    __slots__ = ()


_BARS = "▁▂▃▄▅▆▇█"
NOTHING = "·"
"""Stands for zero in a chart."""


def table(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int, empty: str, most: int | None = None
) -> Markdown:
    """A table with as many rows as are shown in place, at most `most`; `empty` instead of a table without rows.

    The first `text_columns` columns are aligned to the left, the others, numbers, to the right.
    """
    alignment = ["--"] * text_columns + ["--:"] * (len(header) - text_columns)
    head = text = f"{_row(header)}\n{_row(alignment)}"
    for row in islice(rows, most):
        longer = f"{text}\n{_row(row)}"
        if _length(longer) >= SHOWN_IN_PLACE:
            break
        text = longer
    return Markdown(empty if text == head else text)


def code_block(title: str, lines: Iterable[str]) -> Markdown:
    """A title, and lines in a fixed-width font below it."""
    return Markdown("\n".join((title, "", "```", *lines, "```")))


def bar(count: int, most: int) -> str:
    """One of eight bars for a count of at most `most`; a dot for zero."""
    return _BARS[(count * len(_BARS) - 1) // most] if count else NOTHING


def escape(text: str) -> str:
    """The text with every character escaped that may mean something in Markdown."""
    return re.sub(r"([!-,:-@\[-`{-~])", r"\\\1", text)


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _length(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
