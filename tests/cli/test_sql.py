"""`sql`: results from the published copy, as a table, CSV or JSON."""

from __future__ import annotations

import csv
import importlib
import io
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from zendesk_audit_assets.warehouse.database import Warehouse

QUERY = "SELECT id, actor_name, created_at, NULL AS nothing, MAP {'login': 3} AS counts FROM audit_logs ORDER BY id"


def test_a_result_is_a_table_with_column_names(call: Any, stored: Warehouse, terminal: None) -> None:
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


def test_a_long_result_is_cut_in_the_table_and_complete_in_csv(call: Any, stored: Warehouse, terminal: None) -> None:
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


def test_a_query_without_enough_memory_is_told_with_a_remedy(
    call: Any, stored: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(query: Any) -> None:
        raise duckdb.OutOfMemoryException("Out of Memory Error: failed to pin block\n\nPossible solutions:\n* SET x")

    monkeypatch.setattr(importlib.import_module("zendesk_audit_assets.cli.sql"), "frame_of", no_room)
    result = call("sql", "SELECT 1")
    assert (result.exit_code, result.output.startswith("Error: The query ran out of memory. Stop")) == (1, True)


def test_an_empty_query_has_an_empty_result(call: Any, stored: Warehouse) -> None:
    assert call("sql", "--csv", "").exit_code == 0


def test_a_missing_published_copy_is_an_error_with_a_remedy(call: Any) -> None:
    result = call("sql", "SELECT 1")
    assert result.exit_code == 1
    (line,) = result.output.splitlines()
    assert "zendesk-audit sync" in line


def test_ctrl_c_ends_a_long_query_in_one_word(call: Any, stored: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted:
        def execute(self, statement: str) -> duckdb.DuckDBPyConnection:
            return duckdb.connect().execute(statement)

        def sql(self, query: str) -> None:
            raise RuntimeError("Query interrupted")  # DuckDB's message

    monkeypatch.setattr("zendesk_audit_assets.cli.output.open_read_only", lambda path: nullcontext(Interrupted()))
    result = call("sql", "SELECT 1")
    assert (result.exit_code, result.output) == (130, "Stopped.\n")


@pytest.mark.parametrize("arguments", [["-"], []])
def test_the_query_may_come_from_standard_input(call: Any, stored: Warehouse, arguments: list[str]) -> None:
    assert call("sql", *arguments, input="\ufeffSELECT 7 AS n\n").output == "n\n7\n"


@pytest.mark.parametrize(
    ("arguments", "given"),
    [
        (["-"], b"SELECT '\xff'"),
        (["SELECT 1", "--output", "x.xlsx"], b""),
        (["SELECT 1", "--output", "x"], b""),
        (["SELECT 1", "--output", "x.csv", "--json"], b""),
        (["SELECT 1", "--raw"], b""),
        (["SELECT 1", "--raw", "--json"], b""),
        (["SELECT 1", "--raw", "--output", "x.json"], b""),
    ],
)
def test_a_mistake_in_the_options_is_a_usage_error(
    call: Any, stored: Warehouse, folder: Path, arguments: list[str], given: bytes
) -> None:
    assert call("sql", *arguments, input=given).exit_code == 2
    assert not list(folder.glob("x*"))


def test_an_answer_goes_into_a_file_that_only_the_owner_reads(call: Any, stored: Warehouse, folder: Path) -> None:
    query = "SELECT id, '=1+1' AS text, created_at FROM audit_logs ORDER BY id"
    for name in ("x.csv", "x.CSV", "x.json", "x.parquet"):
        (folder / name).write_text("before")
        assert call("sql", query, "--output", name).output == f"{name}: 3 rows.\n"
        assert (folder / name).stat().st_mode & 0o777 == 0o600
    assert (folder / "x.csv").read_text() == call("sql", query, "--csv").output
    assert (folder / "x.json").read_text() + "\n" == call("sql", query, "--json").output
    stored_rows = pl.read_parquet(folder / "x.parquet")
    assert stored_rows["id"].to_list() == [1, 2, 3]
    assert stored_rows.schema["created_at"] == pl.Datetime("us", "UTC")
    call("sql", query, "--output", "x.csv", "--raw")
    assert ",=1+1," in (folder / "x.csv").read_text()
    assert not list(folder.glob(".x*"))


def test_a_file_that_cannot_be_written_is_an_error_in_a_sentence(call: Any, stored: Warehouse, folder: Path) -> None:
    result = call("sql", "SELECT 1", "--output", "missing/x.csv")
    assert (result.exit_code, result.output) == (
        1,
        "Error: missing/x.csv cannot be written (No such file or directory). Name another file.\n",
    )


ODD = {
    "INTERVAL 3 MONTH": "3 months",
    "max(inserted_at - created_at)": None,
    "age(TIMESTAMPTZ '2026-03-01', TIMESTAMPTZ '2026-01-01')": "2 months",
    "union_value(a := 1)": "1",
    "'infinity'::TIMESTAMPTZ": "infinity",
    "'-infinity'::TIMESTAMP": "-infinity",
    "'infinity'::TIMESTAMP_S": "infinity",
    "'infinity'::TIMESTAMP_MS": "infinity",
    "'infinity'::TIMESTAMP_NS": "infinity",
    "'infinity'::DATE": "infinity",
    "DATE '0044-03-15 (BC)'": "0044-03-15 (BC)",
    "TIMESTAMP '290000-12-31 00:00:00'": "290000-12-31 00:00:00",
    "['infinity'::DATE]": "[infinity]",
    "{'a': ['infinity'::TIMESTAMP]}": "{'a': [infinity]}",
    "MAP {'a': 'infinity'::TIMESTAMP}": "{a=infinity}",
    "[INTERVAL 1 DAY]": "[1 day]",
    "{'a': INTERVAL 1 DAY}": "{'a': 1 day}",
    "MAP {'a': INTERVAL 1 DAY}": "{a=1 day}",
    "MAP {[1]: 2}": "{[1]=2}",
    "[DATE '0044-03-15 (BC)', NULL]::DATE[2]": "['0044-03-15 (BC)', NULL]",
    r"'a\x00b'::BLOB": r"a\x00b",
    "'101'::BIT": "101",
    "TIME '10:00:00+02'::TIMETZ": None,
    "340282366920938463463374607431768211455::UHUGEINT": "340282366920938463463374607431768211455",
    "170141183460469231731687303715884105727::HUGEINT": "170141183460469231731687303715884105727",
    "'nan'::DOUBLE": None,
    "NULL": None,
    "[]": None,
    "uuid()": None,
    "1.50::DECIMAL(9, 2)": "1.50",
    "'a'::ENUM ('a', 'b')": "a",
}


def test_a_type_that_a_frame_cannot_hold_becomes_text(
    call: Any, stored: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    for expression, text in ODD.items():
        query = f"SELECT {expression} AS a, any_value(id) AS a FROM audit_logs"
        _, (shown, _) = csv.reader(io.StringIO(call("sql", query, "--csv", "--raw").output))
        assert text in (None, shown)
    values = ", ".join(f"{expression} AS a" for expression in ODD)
    query = f"SELECT {values} FROM audit_logs"
    assert call("sql", query, "--output", "x.parquet").exit_code == 0
    names = ["a", *(f"a_{number}" for number in range(1, len(ODD)))]
    assert list(json.loads(call("sql", query, "--json").output)[0]) == names
    monkeypatch.setattr("zendesk_audit_assets.cli.output.on_terminal", lambda: True)
    assert call("sql", query).exit_code == 0


@pytest.mark.parametrize(
    "query", ["EXPLAIN FROM audit_logs", "DESCRIBE audit_logs", "SUMMARIZE audit_logs", "SHOW TABLES"]
)
def test_a_question_about_the_tables_is_answered(call: Any, stored: Warehouse, query: str) -> None:
    assert call("sql", query, "--json").exit_code == 0
