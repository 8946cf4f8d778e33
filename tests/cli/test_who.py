"""`who`: the roles on a day."""

from __future__ import annotations

import json
from typing import Any

import pytest

from zendesk_audit_assets.warehouse.database import Warehouse

pytestmark = pytest.mark.dates


def holders(call: Any, *options: str) -> list[tuple[Any, ...]]:
    result = call("who", *options, "--json")
    assert result.exit_code == 0, result.output
    names = ("user_name", "product", "role", "granted_by_name")
    return [tuple(row[name] for name in names) for row in json.loads(result.output)]


@pytest.mark.parametrize(
    ("day", "admins"),
    [
        ("2026-01-09", []),
        ("2026-01-10", [("Bob [VIP]", "support", "Administrator", "Ada Admin")]),
        ("2026-01-31", [("Bob [VIP]", "support", "Administrator", "Ada Admin")]),
        ("2026-02-10", [("Bob [VIP]", "support", "Administrator", "Ada Admin")]),  # until 10:00
        ("2026-02-11", []),
    ],
)
def test_the_administrators_of_a_day_and_who_granted_their_role(
    call: Any, analysed: Warehouse, day: str, admins: list[tuple[Any, ...]]
) -> None:
    assert holders(call, "--admin", "--on", day) == admins


def test_roles_from_before_the_first_known_change_are_included(call: Any, analysed: Warehouse) -> None:
    assert holders(call, "--on", "2026-01-01") == [("Bob [VIP]", "support", "Agent", None)]


def test_the_default_day_is_today(call: Any, analysed: Warehouse) -> None:
    assert holders(call) == [
        ("Bob [VIP]", "support", "Agent", "Cy Chief"),
        ("Dora", "explore", "Viewer", "Ada Admin"),
    ]


def test_a_table_and_csv_show_the_same(call: Any, analysed: Warehouse) -> None:
    options = ("who", "--admin", "--on", "2026-01-31")
    assert "Bob [VIP]" in call(*options).output
    assert call(*options, "--csv").output.splitlines()[0].startswith("user_id,user_name,product,role")


def test_a_day_without_roles_is_a_message(call: Any, analysed: Warehouse) -> None:
    assert call("who", "--admin", "--on", "2020-01-01").output == "The log shows no administrator on 2020-01-01.\n"


def test_a_missing_history_is_an_error_with_a_remedy(call: Any, stored: Warehouse) -> None:
    result = call("who")
    assert result.exit_code == 1
    assert "has no table user_role_history yet. Run `zendesk-audit sync`" in result.output
