"""`history`: the changes of one object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zendesk_audit_assets.warehouse.database import Warehouse


def changes(call: Any, name: str) -> list[tuple[Any, ...]]:
    result = call("history", name, "--json")
    assert result.exit_code == 0, result.output
    return [(row["field"], row["value"], row["actor_name"]) for row in json.loads(result.output)]


ROLES = [("Role", "Agent", None), ("Role", "Administrator", "Ada Admin"), ("Role", "Agent", "Cy Chief")]


@pytest.mark.parametrize("name", ["user:7", "USER:7", "[vip]"])
def test_an_object_is_found_by_type_and_id_or_part_of_its_label(call: Any, analysed: Warehouse, name: str) -> None:
    assert changes(call, name) == ROLES


def test_several_objects_with_such_a_label_are_listed(call: Any, analysed: Warehouse) -> None:
    result = call("history", "bob")
    assert result.exit_code == 0
    for text in (
        "user:7",
        "User: Bob [VIP]",
        "trigger:7",
        "Trigger: Bob's",
        "Name one of these objects by type and id.",
    ):
        assert text in result.output
    assert [row["object"] for row in json.loads(call("history", "bob", "--json").output)] == ["trigger:7", "user:7"]


def test_a_secret_is_masked_by_the_name_of_its_field(call: Any, analysed: Warehouse) -> None:
    assert "0123456789abcdef" not in call("history", "trigger:7").output
    assert [value for _, value, _ in changes(call, "trigger:7")][-1] == "[masked]"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("user:999", "The log shows no change of user:999.\n"),
        ("zz%", "The log shows no change of an object with 'zz%' in its label.\n"),
    ],
)
def test_an_object_without_changes_is_a_message(call: Any, analysed: Warehouse, name: str, message: str) -> None:
    result = call("history", name)
    assert (result.exit_code, result.output) == (0, message)


def test_a_missing_history_is_an_error_with_a_remedy(call: Any, stored: Warehouse) -> None:
    result = call("history", "user:7")
    assert result.exit_code == 1
    assert "has no table object_history yet. Run `zendesk-audit sync`" in result.output
