"""`history`: what happened to an object, and what a user did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zendesk_audit_assets.warehouse.database import Warehouse


def rows(call: Any, *arguments: str) -> list[dict[str, Any]]:
    result = call("history", *arguments, "--json")
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.output)
    return found


def changes(call: Any, *arguments: str) -> list[tuple[Any, ...]]:
    return [
        tuple(row[name] for name in ("field", "old_value", "new_value", "actor_name")) for row in rows(call, *arguments)
    ]


ROLES = [("Role", "Administrator", "Agent", "Cy Chief"), ("Role", "Agent", "Administrator", "Ada Admin")]


@pytest.mark.parametrize("name", ["user:7", "USER:7", "[vip]", "User: Bob [VIP]"])
def test_an_object_is_found_by_type_and_id_or_part_of_its_label(call: Any, analysed: Warehouse, name: str) -> None:
    assert changes(call, name) == ROLES


def test_an_event_tells_who_from_where_and_its_id(call: Any, analysed: Warehouse) -> None:
    newest = rows(call, "user:7")[0]
    assert newest["created_at"] == "2026-02-10T10:00:00+00:00"
    assert (newest["object"], newest["ip_address"], newest["event_id"]) == ("user:7", "203.0.113.7", 2)


def test_an_event_without_readable_changes_is_there_too(call: Any, analysed: Warehouse) -> None:
    (row,) = rows(call, "api_token:9")
    assert (row["action"], row["field"]) == ("create", None)
    assert row["text"].startswith("Sent with Bearer ")


@pytest.mark.usefixtures("terminal")
def test_a_change_in_doubt_is_marked(call: Any, analysed: Warehouse) -> None:
    with analysed.transaction() as connection:
        connection.execute("UPDATE audit_changes SET confidence = 'ambiguous' WHERE event_id = 1")
        connection.execute("UPDATE audit_changes SET confidence = 'unparsed', raw = 'Half a line' WHERE event_id = 2")
    output = call("history", "user:7", "--live").output
    assert "Role: Agent -> Administrator  (ambiguous)" in output
    assert "Half a line" in output


def test_what_a_user_did_is_shown_with_its_objects(call: Any, analysed: Warehouse) -> None:
    assert [row["object"] for row in rows(call, "--by", "ada")] == ["api_token:9", "trigger:7", "user:8", "user:7"]
    assert [row["event_id"] for row in rows(call, "user:7", "--by", "Ada Admin")] == [1]


def test_a_missing_name_is_taken_from_the_actor(call: Any, analysed: Warehouse) -> None:
    with analysed.transaction() as connection:
        connection.execute("UPDATE audit_events SET actor_name = NULL WHERE id = 1")
    assert rows(call, "user:7", "--live")[-1]["actor_name"] == "Ada Admin"


def test_a_suspension_is_part_of_the_history_of_the_user(call: Any, analysed: Warehouse) -> None:
    with analysed.transaction() as connection:
        connection.execute("UPDATE audit_events SET object_type = 'user_setting', source_id = 7 WHERE id = 5")
    assert [row["object"] for row in rows(call, "user:7", "--live")] == ["user_setting:7", "user:7", "user:7"]


def test_a_word_narrows_the_changes_to_fields(call: Any, analysed: Warehouse) -> None:
    assert changes(call, "--by", "ada", "--field", "ROLE") == [("Explore role", None, "Viewer", "Ada Admin"), ROLES[1]]
    result = call("history", "--by", "ada", "--field", "rolle")
    assert result.exit_code == 1
    assert "The changed fields are Api token, Explore role, Role." in result.output


def test_since_leaves_out_what_is_older(call: Any, analysed: Warehouse) -> None:
    assert changes(call, "user:7", "--since", "2026-02-10") == ROLES[:1]
    result = call("history", "user:7", "--since", "2026-02-11")
    assert (result.exit_code, result.output) == (0, "No event about user:7 (User: Bob [VIP]) since 2026-02-11.\n")
    assert (
        changes(call, "user:7", "--until", "2026-02-09")
        == changes(call, "user:7", "--until", "2026-01-10")
        == ROLES[1:]
    )
    assert changes(call, "user:7", "--until", "2026-01-10T09:59:59Z") == []
    assert call("history", "user:7", "--since", "9990-01-01").exit_code == 2


def test_the_one_with_just_this_name_counts(call: Any, analysed: Warehouse) -> None:
    with analysed.transaction() as connection:
        connection.execute(
            "UPDATE audit_events SET source_label = 'User: Bob', label_name = 'Bob' "
            "WHERE object_type = 'user' AND source_id = 7"
        )
        connection.execute("UPDATE audit_events SET source_label = 'Role: Bob', label_name = 'Bob' WHERE source_id = 9")
    assert changes(call, "bob", "--live") == ROLES


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["bob"], 1, ["2 objects have 'bob'", "user:7 (User: Bob [VIP])", "trigger:7 (Trigger: Bob's)", "type and id"]),
        (["user:999"], 1, ["no event about user:999"]),
        (["usre:7"], 1, ["no kind of object 'usre'", "nearest first: user, "]),
        (["zz%"], 1, ["no object with 'zz%'"]),
        (["Bbo [VIP]"], 1, ["Did you mean 'Bob [VIP]'?"]),
        (["ada admin"], 1, ["Nobody changed an object", "--by"]),
        (["--by", "i"], 1, ["2 users have 'i'"]),
        (["--by", "Ada Amdin"], 1, ["Did you mean 'Ada Admin'?"]),
        (["--by", "user:7"], 1, ["no act of 'user:7'"]),
        ([], 2, ["Name an OBJECT, or a user with --by."]),
        ([""], 2, ["Name an OBJECT"]),
    ],
)
def test_what_names_nothing_or_too_much_is_an_error(
    call: Any, analysed: Warehouse, arguments: list[str], code: int, says: list[str]
) -> None:
    result = call("history", *arguments)
    assert result.exit_code == code
    for text in says:
        assert text in result.output


def test_a_secret_is_masked_by_the_name_of_its_field(call: Any, analysed: Warehouse) -> None:
    assert "0123456789abcdef" not in call("history", "trigger:7").output
    assert [new for _, _, new, _ in changes(call, "trigger:7")] == ["[masked]"]


@pytest.mark.usefixtures("terminal")
def test_a_terminal_shows_from_and_to_in_local_time(call: Any, analysed: Warehouse) -> None:
    output = call("history", "user:7", COLUMNS="80", ZENDESK_TIMEZONE="Asia/Tokyo").output
    assert max(map(len, output.splitlines())) <= 80
    assert "2026-02-10 19:00:00  Cy Chief  update\n    Role: Administrator -> Agent\n" in output
    assert "history --by 7" in output
    assert "create api_token:9 API token" in call("history", "--by", "ada", COLUMNS="80").output


def test_a_missing_history_is_an_error_with_a_remedy(call: Any, stored: Warehouse) -> None:
    result = call("history", "user:7")
    assert result.exit_code == 1
    assert "has no table audit_events yet. Run `zendesk-audit sync`" in result.output
