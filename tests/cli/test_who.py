"""`who`: the roles on a day, and how the log knows them."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import duckdb
import pytest

from zendesk_audit_assets.warehouse.database import Warehouse

pytestmark = pytest.mark.dates


def answer(call: Any, *options: str, **variables: str) -> dict[str, Any]:
    result = call("who", *options, "--json", **variables)
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.output)
    return found


def holders(call: Any, *options: str, **variables: str) -> list[tuple[Any, ...]]:
    names = ("user_name", "product", "role", "known_by", "granted_by_name")
    return [tuple(row[name] for name in names) for row in answer(call, *options, **variables)["rows"]]


BOB = ("Bob [VIP]", "support", "Administrator", "role", "Ada Admin")
ADA = ("Ada Admin", "support", None, "act", None)
CY = ("Cy Chief", "support", None, "act", None)


@pytest.mark.parametrize(
    ("moment", "admins"),
    [
        ("2026-01-09", []),
        ("2026-01-10", [ADA, BOB]),
        ("2026-01-31", [ADA, BOB]),
        ("2026-02-10", [ADA, BOB, CY]),  # Bob until 10:00
        ("2026-02-10T09:59", [ADA, BOB]),
        ("2026-02-10T10:00Z", [ADA, CY]),
        ("2026-02-11", [ADA, CY]),
    ],
)
def test_the_administrators_of_a_time_and_who_granted_their_role(
    call: Any, analysed: Warehouse, moment: str, admins: list[tuple[Any, ...]]
) -> None:
    assert holders(call, "--admin", "--on", moment) == admins


def test_a_day_and_a_time_are_those_of_the_zone_of_the_settings(call: Any, analysed: Warehouse) -> None:
    zone = {"ZENDESK_TIMEZONE": "Pacific/Auckland"}  # 13 hours ahead
    assert BOB not in holders(call, "--admin", "--on", "2026-01-10T22:59", **zone)
    assert BOB in holders(call, "--admin", "--on", "2026-01-10T23:00", **zone)


def test_an_inferred_administrator_has_the_last_act_as_its_basis(call: Any, analysed: Warehouse) -> None:
    (row,) = (row for row in answer(call, "--admin")["rows"] if row["user_name"] == "Ada Admin")
    assert (row["acts"], row["act"], row["event_id"]) == (2, "credential", 5)
    assert (row["first_act_at"], row["last_act_at"]) == ("2026-01-10T10:00:00+00:00", "2026-02-22T10:00:00+00:00")


def test_roles_from_before_the_first_known_change_are_included(call: Any, analysed: Warehouse) -> None:
    assert holders(call, "--on", "2026-01-01") == [("Bob [VIP]", "support", "Agent", "role", None)]


def test_the_default_day_is_today(call: Any, analysed: Warehouse) -> None:
    assert holders(call) == [
        ADA,
        ("Bob [VIP]", "support", "Agent", "role", "Cy Chief"),
        CY,
        ("Dora", "explore", "Viewer", "role", "Ada Admin"),
    ]


def test_the_notes_say_what_the_log_cannot_know(call: Any, analysed: Warehouse) -> None:
    notes = " ".join(answer(call, "--admin", "--on", "2026-02-11")["notes"])
    for limit in (
        "log begins 2026-01-10 10:00:00",
        "creation of users",
        "custom role",
        "suspended",
        "owner is not known",
    ):
        assert limit in notes
    with analysed.transaction() as connection:
        connection.execute(
            "INSERT INTO coverage VALUES (1, '2026-01-10', '2026-02-11', now(), 'run', 1, 1, 1, 0, 0, now())"
        )
    assert "read up to 2026-02-11 00:00:00" in " ".join(answer(call, "--admin", "--live")["notes"])
    assert "read up to" not in " ".join(answer(call, "--admin", "--on", "2026-02-10", "--live")["notes"])


TAKEN, UNKNOWN = "taken from the name", "no or several users have that name"


@pytest.mark.parametrize(("ids", "told"), [("(7)", {TAKEN}), ("(NULL)", {UNKNOWN}), ("(7), (NULL)", {TAKEN, UNKNOWN})])
def test_the_notes_say_how_the_id_of_an_owner_is_known(
    call: Any, analysed: Warehouse, ids: str, told: set[str]
) -> None:
    with analysed.transaction() as connection:
        connection.execute(
            "INSERT INTO administrators BY NAME SELECT user_id, 'Bob' AS user_name, 'account' AS product, "
            f"'Account owner' AS role, 'owner' AS known_by FROM (VALUES {ids}) AS t(user_id)"
        )
    notes = " ".join(answer(call, "--admin", "--live")["notes"])
    assert {text for text in (TAKEN, UNKNOWN) if text in notes} == told
    assert "owner is not known" not in notes


def test_a_day_before_the_first_event_is_named_as_such(call: Any, analysed: Warehouse) -> None:
    result = call("who", "--admin", "--on", "2020-01-01")
    assert result.exit_code == 0
    assert "The log shows no administrator on 2020-01-01." in result.output
    assert "2020-01-01 lies before the first event" in result.output


@pytest.mark.parametrize("moment", ["9990-01-01", "9990-01-01T10:00Z", "31.12.2025", "1m"])
def test_a_future_or_unclear_time_is_a_usage_error(call: Any, analysed: Warehouse, moment: str) -> None:
    result = call("who", "--admin", "--on", moment)
    assert result.exit_code == 2
    assert "Invalid value for '--on'" in result.output


@pytest.mark.usefixtures("terminal")
def test_a_table_of_80_columns_shows_person_role_and_proof(call: Any, analysed: Warehouse) -> None:
    output = call("who", "--admin", "--on", "2026-01-31", COLUMNS="80").output
    assert max(map(len, output.splitlines())) <= 80
    for text in (
        "Bob [VIP]",
        "user:7",
        "since 2026-01-10",
        "role granted by Ada",
        "event 1",
        "inferred",
        "event 5",
    ):
        assert text in output
    assert "known by acts" in output.lower()


def test_a_pipe_gets_rows_and_standard_error_the_notes(call: Any, analysed: Warehouse) -> None:
    for form in ([], ["--csv"]):
        result = call("who", "--admin", "--on", "2026-01-31", *form)
        rows = list(csv.reader(io.StringIO(result.stdout), delimiter="," if form else "\t"))
        assert [row[1] for row in rows] == ["user_name", "Ada Admin", "Bob [VIP]"]
        assert "The log begins" in result.stderr


def test_a_missing_history_is_an_error_with_a_remedy(call: Any, stored: Warehouse) -> None:
    result = call("who")
    assert result.exit_code == 1
    assert "has no table user_role_history yet. Run `zendesk-audit sync`" in result.output


@pytest.mark.parametrize(
    ("command", "table", "change"),
    [
        ("who", "user_role_history", "ALTER TABLE user_role_history DROP COLUMN role"),
        ("findings", "findings", "ALTER TABLE findings ALTER events TYPE VARCHAR"),
        ("who", "user_role_history", "DROP TABLE user_role_history; CREATE VIEW user_role_history AS SELECT 1 AS role"),
    ],
)
def test_a_table_of_another_version_is_an_error_with_a_remedy(
    call: Any, analysed: Warehouse, command: str, table: str, change: str
) -> None:
    with duckdb.connect(str(analysed.published_path)) as connection:
        connection.execute(change)
    result = call(command)
    assert result.exit_code == 1
    assert f"has no table {table} yet, only one of another version. Run `zendesk-audit sync`" in result.output


@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",)])
@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0044-01-01 (BC) 00:00:00+00"])
def test_a_time_beyond_the_calendar_is_shown_as_text(
    call: Any, analysed: Warehouse, moment: str, form: tuple[str, ...]
) -> None:
    with duckdb.connect(str(analysed.published_path)) as connection:
        connection.execute("UPDATE findings SET last_event_at = ?::TIMESTAMPTZ", [moment])
    assert moment[:8] in call("findings", *form).output
