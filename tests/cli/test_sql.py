"""`sql`: results from the published copy, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from contextlib import nullcontext
from typing import Any

import duckdb
import pytest

from zendesk_audit_assets.warehouse.database import Warehouse

QUERY = "SELECT id, actor_name, created_at, NULL AS nothing, MAP {'login': 3} AS counts FROM audit_logs ORDER BY id"


def test_a_result_is_a_table_with_column_names(call: Any, stored: Warehouse) -> None:
    result = call("sql", QUERY)
    assert result.exit_code == 0
    for text in ("actor_name", "Ada, Admin", "2026-01-01", "login: 3"):
        assert text in result.output
    assert "+00:00" not in result.output


def test_brackets_are_shown_as_they_are(call: Any, stored: Warehouse) -> None:
    output = call("sql", "SELECT '[VIP] a [/b] c' AS \"label [red]\"").output
    assert "[VIP] a [/b] c" in output
    assert "label [red]" in output


def test_csv_has_a_header_and_can_be_read_back(call: Any, stored: Warehouse) -> None:
    rows = list(csv.DictReader(io.StringIO(call("sql", QUERY, "--csv").output)))
    assert [row["id"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["actor_name"] == "Ada, Admin"
    assert rows[0]["created_at"].startswith("2026-01-01T01:00:00")
    assert rows[0]["nothing"] == ""
    assert json.loads(rows[0]["counts"]) == {"login": 3}


def test_json_is_a_list_of_objects(call: Any, stored: Warehouse) -> None:
    rows = json.loads(call("sql", QUERY, "--json").output)
    assert [row["id"] for row in rows] == [1, 2, 3]
    assert rows[0]["nothing"] is None
    assert rows[0]["counts"] == {"login": 3}


def test_times_are_in_utc_in_every_time_zone(call: Any, stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    (row,) = json.loads(call("sql", "SELECT min(created_at)::VARCHAR AS first FROM audit_logs", "--json").output)
    assert row["first"] == "2026-01-01 01:00:00+00"


def test_a_long_result_is_cut_in_the_table_and_complete_in_csv(call: Any, stored: Warehouse) -> None:
    assert "100 more rows; use --csv to see all." in call("sql", "FROM range(300)").output
    assert len(call("sql", "FROM range(300)", "--csv").output.splitlines()) == 301


def test_a_result_without_rows_still_names_its_columns(call: Any, stored: Warehouse) -> None:
    query = "SELECT id FROM audit_logs WHERE false"
    assert "id" in call("sql", query).output
    assert call("sql", query, "--csv").output == "id\n"
    assert json.loads(call("sql", query, "--json").output) == []


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELEC id FROM audit_logs", "syntax error"),
        ("SELECT id\nFROM audit_log", "There is no table audit_log."),
        ("SELECT actor FROM audit_logs", "actor"),
        ("SELECT 'x'::INTEGER", "x"),
        ("DELETE FROM audit_logs", "DELETE is not a query"),
        ("CREATE TABLE mine (id INTEGER)", "CREATE is not a query"),
    ],
)
def test_a_failing_query_is_an_error_in_one_line(call: Any, stored: Warehouse, query: str, message: str) -> None:
    result = call("sql", query)
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert line.startswith("Error: ")
    assert message in line


def test_an_empty_query_has_an_empty_result(call: Any, stored: Warehouse) -> None:
    assert call("sql", "--csv", "").exit_code == 0


def test_a_missing_published_copy_is_an_error_with_a_remedy(call: Any) -> None:
    result = call("sql", "SELECT 1")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "zendesk-audit sync" in line


def test_ctrl_c_ends_a_long_query_without_an_error(
    call: Any, stored: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted:
        def execute(self, statement: str) -> duckdb.DuckDBPyConnection:
            return duckdb.connect().execute(statement)

        def sql(self, query: str) -> None:
            raise RuntimeError("Query interrupted")  # DuckDB's message

    monkeypatch.setattr("zendesk_audit_assets.cli.output.open_read_only", lambda path: nullcontext(Interrupted()))
    result = call("sql", "SELECT 1")
    assert (result.exit_code, result.output.split()) == (1, ["Aborted!"])
