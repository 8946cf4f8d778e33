"""Every query and every piece of Python that a page shows runs on a published copy, and finds something."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from support.company import NOW
from support.pages import Block, page, pages
from zendesk_audit_assets.extract.coverage import LOOK_BACK, SETTLE
from zendesk_audit_assets.extract.sync import LOOK_BACK_ROWS
from zendesk_audit_assets.warehouse.catalog import relations
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.untrusted import require_queries

# A block with a file name is a file to copy, such as a rule.
QUERIES = [
    pytest.param(block.text, id=f"{one.name}: {block.heading}: {number}")
    for one in pages()
    for number, block in enumerate(one.blocks("sql"))
    if not block.file
]
PROOF = "9. Proof that a quarter is complete"
MINUTE = timedelta(minutes=1)
COPY = "data/published/zendesk_audit.duckdb"


def as_of_then(query: str) -> str:
    """The query as if it were run at the end of the history, on a quarter that the history holds."""
    moved = query.replace("now()", f"TIMESTAMPTZ '{NOW.isoformat()}'")
    return moved.replace("2026-07-01", "2025-10-01").replace("2026-10-01", "2026-01-01")


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_finds_what_it_looks_for(shell: duckdb.DuckDBPyConnection, query: str) -> None:
    assert require_queries(query, relations(shell)) == 1  # as `zendesk-audit sql` does
    assert shell.sql(as_of_then(query)).fetchall()


def _python() -> list[Block]:
    return [block for one in pages() for block in one.blocks("python")]


def test_the_python_that_opens_the_copy_prints_rows(
    published: Warehouse, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block.text for block in _python() if COPY in block.text)
    # DuckDB refuses a file that this process has open with another configuration.
    exec(code.replace(COPY, shutil.copy(published.published_path, tmp_path)), {})
    assert "shape: (10, " in capsys.readouterr().out


def test_the_python_that_builds_definitions_builds_them() -> None:
    (code,) = (block.text for block in _python() if "build_definitions" in block.text)
    shown: dict[str, Any] = {}
    exec(code, shown)
    assert isinstance(shown["defs"], dg.Definitions)


def test_the_proof_settles_when_the_runs_do() -> None:
    (query,) = (block.text for block in page("docs/queries.md").blocks("sql") if block.heading == PROOF)
    assert f"read_at - INTERVAL {SETTLE // MINUTE} MINUTE" in query


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("docs/queries.md", "at least {minutes} minutes after it had passed"),
        ("docs/queries.md", "-- Fetched at least {minutes} minutes after it happened"),
        ("docs/guarantees.md", "at least {minutes} minutes after it had passed"),
        ("docs/guarantees.md", "| An event appears up to {minutes} minutes late. |"),
        ("docs/guarantees.md", "the last {rows} settled events, none older than {days} days"),
        ("docs/guarantees.md", "among the last {rows} events and at most {days} days old"),
        ("docs/glossary.md", "| settled | Fetched at least {minutes} minutes after it happened. |"),
    ],
)
def test_pages_name_the_settle_time_and_the_look_back(name: str, sentence: str) -> None:
    values = {"minutes": SETTLE // MINUTE, "days": LOOK_BACK.days, "rows": LOOK_BACK_ROWS}
    assert sentence.format(**values) in " ".join(page(name).text.split())


def proof(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    (query,) = (block.text for block in page("docs/queries.md").blocks("sql") if block.heading == PROOF)
    answer = connection.sql(as_of_then(query))
    (row,) = answer.fetchall()
    return dict(zip(answer.columns, row, strict=True))


def test_the_proof_counts_the_events_of_the_quarter(shell: duckdb.DuckDBPyConnection) -> None:
    in_quarter = "created_at >= '2025-10-01 00:00:00+00' AND created_at < '2026-01-01 00:00:00+00'"
    found = proof(shell)
    counted = shell.sql(f"SELECT count(*) FROM audit_logs WHERE {in_quarter}").fetchall()
    assert found["complete"] is True
    assert [(found["events"],)] == counted


@pytest.mark.parametrize(
    ("complete", "reads"),
    [
        pytest.param(True, [("2025-10-01", "2026-01-01", "2026-01-01 00:15:00")], id="all in one, just settled"),
        pytest.param(
            True,
            [("2025-11-05", "2026-02-01", "2026-02-01"), ("2025-06-01", "2025-11-05", "2025-11-06")],
            id="two reads that touch",
        ),
        pytest.param(
            True,
            [("2025-06-01", "2026-01-01", "2026-01-01 00:10:00"), ("2025-12-31", "2026-01-02", "2026-01-02")],
            id="the end was read too soon, and again",
        ),
        pytest.param(False, [], id="nothing was read"),
        pytest.param(False, [("2025-10-01 00:00:01", "2026-02-01", "2026-02-01")], id="the first second is missing"),
        pytest.param(False, [("2025-06-01", "2025-12-31 23:59:59", "2026-02-01")], id="the last second is missing"),
        pytest.param(
            False,
            [("2025-06-01", "2025-11-05", "2026-02-01"), ("2025-11-05 00:00:01", "2026-02-01", "2026-02-01")],
            id="a second in the middle is missing",
        ),
        pytest.param(False, [("2025-06-01", "2026-01-01", "2026-01-01 00:10:00")], id="the end was read too soon"),
    ],
)
def test_the_proof_holds_only_for_a_quarter_read_completely(
    shell: duckdb.DuckDBPyConnection, complete: bool, reads: list[tuple[str, str, str]]
) -> None:
    shell.execute("CREATE TEMP TABLE coverage (window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, read_at TIMESTAMPTZ)")
    for read in reads:
        shell.execute("INSERT INTO temp.coverage VALUES (?, ?, ?)", read)
    assert proof(shell)["complete"] is complete


def test_as_many_changes_are_parsed_as_the_page_says(shell: duckdb.DuckDBPyConnection) -> None:
    assert "9 in 10 are parsed" in page("docs/tables.md").text
    ((share,),) = shell.sql(
        "SELECT avg((confidence <> 'unparsed')::INTEGER) FROM audit_changes WHERE action <> 'login'"
    ).fetchall()
    assert share == pytest.approx(0.9, abs=0.05)
