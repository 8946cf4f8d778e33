"""`history`: what was changed on an item."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zendesk_audit_assets.warehouse.database import Warehouse


def changes(call: Any, item: str) -> list[tuple[Any, ...]]:
    result = call("history", item, "--json")
    assert result.exit_code == 0, result.output
    return [(row["field"], row["value"], row["actor_name"]) for row in json.loads(result.output)]


ROLES = [("Role", "Agent", None), ("Role", "Administrator", "Ada Admin"), ("Role", "Agent", "Cy Chief")]


@pytest.mark.parametrize("item", ["user:7", "USER:7", "[vip]"])
def test_an_item_is_found_by_type_and_id_or_by_a_part_of_its_label(call: Any, analysed: Warehouse, item: str) -> None:
    assert changes(call, item) == ROLES


def test_of_several_items_with_such_a_label_it_shows_which_they_are(call: Any, analysed: Warehouse) -> None:
    result = call("history", "bob")
    assert result.exit_code == 0
    for text in ("user:7", "User: Bob [VIP]", "trigger:7", "Trigger: Bob's", "Name one of them by type and id."):
        assert text in result.output
    assert [row["item"] for row in json.loads(call("history", "bob", "--json").output)] == ["trigger:7", "user:7"]


def test_a_secret_is_masked_although_only_the_name_of_its_field_tells_that_it_is_one(
    call: Any, analysed: Warehouse
) -> None:
    assert "0123456789abcdef" not in call("history", "trigger:7").output
    assert [value for _, value, _ in changes(call, "trigger:7")][-1] == "[masked]"


@pytest.mark.parametrize(
    ("item", "says"),
    [
        ("user:999", "The log tells of no change of user:999.\n"),
        ("zz%", "The log tells of no change of an item with 'zz%' in its label.\n"),
    ],
)
def test_nothing_known_is_said(call: Any, analysed: Warehouse, item: str, says: str) -> None:
    result = call("history", item)
    assert (result.exit_code, result.output) == (0, says)


def test_before_there_is_a_history_it_says_what_makes_it(call: Any, stored: Warehouse) -> None:
    result = call("history", "user:7")
    assert result.exit_code == 1
    assert "has no table object_history yet. Run `zendesk-audit sync`" in result.output
