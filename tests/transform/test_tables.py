from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.resources import files

import duckdb
import pytest

from zendesk_audit_assets.extract.record import FIELDS, SYSTEM_ACTOR_ID
from zendesk_audit_assets.extract.tables import TABLES
from zendesk_audit_assets.transform import DERIVED, DerivedTable, query
from zendesk_audit_assets.transform.charts import CHARTS
from zendesk_audit_assets.warehouse.catalog import scalar

Fill = Callable[..., duckdb.DuckDBPyConnection]

QUERIES = sorted(path.name.removesuffix(".sql") for path in (files("zendesk_audit_assets.transform") / "sql").iterdir())
EVENTS = [
    ("2026-03-27T23:30:00+00", 1, "Ada", "update", "user"),
    ("2026-03-29T00:30:00+00", SYSTEM_ACTOR_ID, "Zendesk", "destroy", "attachment"),
    ("2026-03-30T12:00:00+00", None, None, None, None),
    ("2025-03-30T12:00:00+00", 2, "Bo", "login", "user", "Team member: Bo", "Successful sign-in using JWT from https://x"),
    ("2025-03-30T12:10:00+00", 2, "Bo", "update", "user", "Team member: Bo", "Role changed from Agent to Admin"),
    ("2025-03-30T12:20:00+00", 2, "Bo", "update", "account_setting", "Security: Enable IP restrictions", "Turned off"),
    (
        "2025-03-30T12:30:00+00", 2, "Bo", "update", "zendesk/business_hours/workweek", "Schedule: Office",
        'Workweek changed from {} to {"mon":{"09:00":"17:00"}}',
    ),
]  # fmt: skip


def test_every_query_belongs_to_a_table_or_a_chart() -> None:
    variables = [name for table in DERIVED for name in table.variables]
    charts = [f"chart_{chart.name}" for chart in CHARTS]
    assert sorted([*(table.name for table in DERIVED), *variables, *charts]) == QUERIES


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_is_one_plain_select_with_an_explaining_comment(name: str) -> None:
    (statement,) = duckdb.extract_statements(query(name))
    assert statement.type == duckdb.StatementType.SELECT
    assert query(name).startswith("-- ")


@pytest.fixture(scope="module")
def in_berlin(fill: Fill) -> duckdb.DuckDBPyConnection:
    return fill(EVENTS, timezone="Europe/Berlin")


@pytest.fixture(scope="module")
def written(fill: Fill) -> duckdb.DuckDBPyConnection:
    return fill(EVENTS, covered_to="2026-03-31T00:00:00+00")


@pytest.fixture(scope="module")
def shell(
    written: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Another zone of the session, read-only, and no variable set: as an analyst opens the published copy."""
    path = tmp_path_factory.mktemp("published") / "zendesk_audit.duckdb"
    own = scalar(written, "SELECT current_database()")
    written.execute(f"ATTACH '{path}' AS published; COPY FROM DATABASE {own} TO published; DETACH published")
    with duckdb.connect(str(path), read_only=True) as shell:
        shell.execute("SET TimeZone = 'America/New_York'")
        yield shell


@pytest.mark.parametrize("table", DERIVED, ids=lambda table: table.name)
def test_the_columns_are_those_of_the_query(table: DerivedTable, in_berlin: duckdb.DuckDBPyConnection) -> None:
    described = in_berlin.execute(f"DESCRIBE {table.sql}").fetchall()
    types = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    assert [row[:2] for row in described] == [
        (column.name, types.get(column.type, column.type)) for column in table.columns
    ]


@pytest.mark.parametrize("name", QUERIES)
def test_a_query_gives_the_same_in_any_shell(
    name: str, written: duckdb.DuckDBPyConnection, shell: duckdb.DuckDBPyConnection
) -> None:
    expected = written.execute(query(name)).fetchall()
    assert expected
    assert shell.execute(query(name)).fetchall() == expected


@pytest.mark.parametrize("table", DERIVED, ids=lambda table: table.name)
def test_the_table_holds_what_its_query_gives(table: DerivedTable, in_berlin: duckdb.DuckDBPyConnection) -> None:
    assert in_berlin.execute(f"FROM {table.name}").fetchall() == in_berlin.execute(table.sql).fetchall()


def test_every_table_comes_after_those_it_depends_on() -> None:
    known = {table.name for table in TABLES}
    for table in DERIVED:
        assert table.depends_on
        assert known >= set(table.depends_on)
        assert table.name not in known
        known.add(table.name)


def test_what_is_personal_in_the_log_is_personal_in_every_table() -> None:
    personal = {field.name for field in FIELDS if field.pii}
    for table in DERIVED:
        for column in table.columns:
            # Summaries take their columns from the log; parts of texts have names of their own.
            assert column.pii >= (column.name in personal), f"{table.name}.{column.name}"
            assert table.group != "summaries" or column.pii == (column.name in personal)
            assert column.description.endswith(".")
