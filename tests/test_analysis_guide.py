"""docs/analysis.md says what the code says, and its queries find what they look for in a realistic history."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from zendesk_audit_assets.emulator import Event, HistoryOptions, generate_history
from zendesk_audit_assets.transform import (
    CHANGES,
    DERIVED,
    HISTORIES,
    DerivedTable,
    refresh,
)
from zendesk_audit_assets.warehouse.copies import open_read_only, publish
from zendesk_audit_assets.warehouse.database import Warehouse

TEXT = (Path(__file__).parents[1] / "docs" / "analysis.md").read_text("utf-8")
SECTIONS = dict(zip(*[iter(re.split(r"^## (.+)\n", TEXT, flags=re.MULTILINE)[1:])] * 2, strict=True))
TABLES = (*CHANGES, *HISTORIES)
QUERIES = [
    pytest.param(block, id=f"{table.name}: {title}")
    for table in TABLES
    for title, block in re.findall(r"^([^\n]+)\n\n```sql\n(.*?)^```$", SECTIONS[table.name], re.MULTILINE | re.DOTALL)
]

# What the queries are run on: a realistic history up to this moment, in place of `now()`.
START = datetime(2025, 6, 1, tzinfo=timezone.utc)
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


def rendered(table: DerivedTable) -> str:
    lines = ["", table.description, "", "| column | type | meaning | personal |", "| --- | --- | --- | --- |"]
    for column in table.columns:
        kind = f"{column.type}{' NOT NULL' if column.required else ''}"
        personal = "yes" if column.pii else ""
        lines.append(f"| `{column.name}` | {kind} | {column.description} | {personal} |".replace("|  |", "| |"))
    return "\n".join([*lines, ""])


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_and_column_is_described_as_in_the_code(table: DerivedTable) -> None:
    assert SECTIONS[table.name].startswith(rendered(table))


def test_no_other_table_is_described() -> None:
    described = [title for title in SECTIONS if "_" in title]
    assert described == [table.name for table in TABLES]


def test_links_within_the_page_lead_somewhere() -> None:
    anchors = {title.lower().replace(" ", "-") for title in SECTIONS}
    links = re.findall(r"\]\(#([^)]+)\)", TEXT)
    assert links
    assert set(links) <= anchors


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published copy of nine months of a small company's log."""
    warehouse = Warehouse(tmp_path_factory.mktemp("guide") / "zendesk_audit.duckdb")
    options = HistoryOptions(start=START, end=NOW - timedelta(hours=2), agents=16, events_per_day=30)
    events = [event.record("demo") for event in [*generate_history(options), *what_queries_look_for()]]
    with warehouse.transaction() as connection:
        fill(connection, events)
        for table in DERIVED:
            refresh.refresh(connection, table)
    assert publish(warehouse, force=True)
    with open_read_only(warehouse.published_path) as copy:
        copy.execute("SET TimeZone = 'UTC'")
        yield copy


def what_queries_look_for() -> Iterable[Event]:
    then = int(START.timestamp()) + 86_400
    secret = "Client secret changed from not set to 9f86d081884c7d65"
    grant = "Support role changed from Agent to Administrator"
    yield Event(then, 1, "update", "oauth_client", 5, "OAuth client: x", secret, 77, "Long Gone", "203.0.113.7")
    yield Event(then - 60, 2, "update", "user", 77, "Team member: Long Gone", grant, 78, "Ada", "203.0.113.8")


def fill(connection: duckdb.DuckDBPyConnection, events: list[dict[str, Any]]) -> None:
    connection.register("incoming", pl.DataFrame(events, infer_schema_length=None))
    connection.execute(
        "INSERT INTO audit_logs BY NAME SELECT * REPLACE (created_at::TIMESTAMPTZ AS created_at), "
        "1 AS batch_id, now() AS inserted_at, 'run' AS run_id FROM incoming"
    )
    connection.execute(
        "INSERT INTO coverage VALUES (1, $1, $2, $2, 'run', 1, $3, $3, 0, 0, $2)", [START, NOW, len(events)]
    )
    connection.unregister("incoming")


def test_there_are_three_queries_for_each_table() -> None:
    assert [len(re.findall("^```sql$", SECTIONS[table.name], re.MULTILINE)) for table in TABLES] == [3] * len(TABLES)
    assert len(QUERIES) == 3 * len(TABLES)


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_finds_what_it_looks_for(shell: duckdb.DuckDBPyConnection, query: str) -> None:
    assert shell.sql(query.replace("now()", f"TIMESTAMPTZ '{NOW.isoformat()}'")).fetchall()


def test_the_share_of_lines_that_are_understood_is_as_is_said(shell: duckdb.DuckDBPyConnection) -> None:
    assert "9 in 10 are understood" in SECTIONS["audit_changes"]
    ((share,),) = shell.sql(
        "SELECT avg((confidence <> 'unparsed')::INTEGER) FROM audit_changes WHERE action <> 'login'"
    ).fetchall()
    assert share == pytest.approx(0.9, abs=0.05)
