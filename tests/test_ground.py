"""Severities, text and Markdown: what every folder builds on."""

from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets import markdown, severity, text
from zendesk_audit_assets.severity import SEVERITIES


def test_severities_have_one_order_in_python_and_in_sql() -> None:
    rows = [(one,) for one in SEVERITIES]
    with duckdb.connect() as connection:
        ranks = [connection.execute(f"SELECT {severity.rank_sql('$1')}", row).fetchall()[0][0] - 1 for row in rows]
    assert ranks == [severity.rank(one) for one in SEVERITIES] == list(range(5))
    assert severity.at_least("high") == ("high", "critical")


@pytest.mark.parametrize("ask", [severity.rank, severity.at_least])
def test_an_unknown_severity_is_refused(ask: object) -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        ask("grave")  # type: ignore[operator]


@given(st.text(), st.integers(1, 20))
def test_one_line_is_printable_and_bounded(anything: str, longest: int) -> None:
    line = text.one_line(anything, longest)
    assert len(line) <= longest
    assert line.isprintable()
    assert text.one_line(anything).startswith(line.removesuffix("…"))


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_an_sql_literal_is_the_text_again(anything: str) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(f"SELECT {text.sql_literal(anything)}").fetchall() == [(anything,)]


def test_the_first_line_leaves_out_what_follows() -> None:
    assert text.first_line(ValueError("wrong\nLINE 1: ...")) == "wrong"


def test_a_table_ends_where_dagster_would_hide_it() -> None:
    rows = [("€" * 50, "1")] * 100
    shown = markdown.table(("Text", "Number"), rows, text_columns=1, empty="None.")
    assert shown.startswith("| Text | Number |\n| -- | --: |\n")
    assert 900 < len(shown) < markdown.SHOWN_IN_PLACE
    assert markdown.table(("Text",), rows, text_columns=1, empty="None.", most=2).count("\n") == 3
    assert markdown.table(("Text",), [], text_columns=1, empty="None.") == "None."


def test_bars_grow_with_the_count() -> None:
    assert "".join(markdown.bar(count, 8) for count in range(9)) == "·▁▂▃▄▅▆▇█"


def test_nothing_that_is_escaped_means_anything() -> None:
    assert markdown.escape("a_b *c* [d](e) <f> | `g`") == r"a\_b \*c\* \[d\]\(e\) \<f\> \| \`g\`"
