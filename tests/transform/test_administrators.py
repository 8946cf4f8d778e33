"""Who was an administrator, by a recorded role, by the ownership, or by an act that takes one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import pytest

ReadAs = Callable[..., duckdb.DuckDBPyConnection]

ADA, BO, EVE = 1, 2, 3
NAMES = {ADA: "Ada", BO: "Bo", EVE: "Eve", -1: "Zendesk"}
SECURITY = {"source_type": "account_setting", "source_label": "Security: Enable IP restrictions"}
MACRO = {"source_type": "macro", "source_label": "Macro: Close"}


def did(actor: int, change: str = "Turned off", **what: Any) -> dict[str, Any]:
    return {"actor_id": actor, "actor_name": NAMES[actor], "change_description": change, **what}


def role(actor: int, of: int, change: str, product: str = "Support ") -> dict[str, Any]:
    what = {"source_type": "user", "source_id": of, "source_label": f"Team member: {NAMES[of]}"}
    return did(actor, f"{product}role changed from {change}", **what)


def owner(actor: int, change: str, field: str = "Owner") -> dict[str, Any]:
    return did(actor, f"{field} changed from {change}", source_type="account", source_label="Account: Account")


def known(read_as: ReadAs, *records: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Who, by what, from which and to which minute; the events are a minute apart."""
    connection = read_as(records, "administrators")
    return connection.execute(
        """
        SELECT user_name, known_by, role, minute(valid_from AT TIME ZONE 'UTC'), minute(valid_to AT TIME ZONE 'UTC')
        FROM administrators
        """
    ).fetchall()


def test_a_recorded_role_is_known_from_grant_to_loss(read_as: ReadAs) -> None:
    changes = (role(ADA, EVE, "Agent to Administrator"), role(ADA, EVE, "Administrator to Agent"))
    assert ("Eve", "role", "Administrator", 1, 2) in known(read_as, *changes)


def test_owners_are_known_by_name_and_their_id_is_found(read_as: ReadAs) -> None:
    records = (did(BO, **MACRO), owner(ADA, "Ada to Bo"), owner(BO, "Bo to Cy"))
    connection = read_as(records, "administrators")
    owners = connection.execute("SELECT user_name, user_id, granted_by FROM administrators WHERE known_by = 'owner'")
    assert owners.fetchall() == [("Ada", ADA, None), ("Bo", BO, ADA), ("Cy", None, BO)]


@pytest.mark.few(5)
@pytest.mark.parametrize(
    ("field", "is_owner"),
    [
        ("Owner", True),
        ("owner", True),
        ("Account owner", True),
        ("Product owner", False),
        ("Billing owner", False),
        ("Former account owner", False),
        ("Owner e-mail", False),
    ],
)
def test_the_owner_of_the_account_alone_is_one(read_as: ReadAs, field: str, is_owner: bool) -> None:
    shown = known(read_as, did(EVE, **MACRO), owner(ADA, "Ada to Eve", field))
    assert [name for name, proof, *_ in shown if proof == "owner"] == (["Ada", "Eve"] if is_owner else [])
    assert is_owner == any(proof == "act" for _, proof, *_ in shown)  # the owner alone passes on the ownership


def test_a_name_that_two_users_bear_tells_no_id(read_as: ReadAs) -> None:
    other = {**did(BO, **MACRO), "actor_id": 9}
    connection = read_as((did(BO, **MACRO), other, owner(ADA, "Ada to Bo")), "administrators")
    owners = connection.execute("SELECT user_name, user_id FROM administrators WHERE known_by = 'owner'").fetchall()
    assert ("Bo", None) in owners


ADMINISTRATIVE = {
    "setting": did(ADA, **SECURITY),
    "credential": did(ADA, "", action="create", source_type="oauth_client", source_label="OAuth client: Sync"),
    "grant": role(ADA, EVE, "Agent to Administrator"),
    "withdrawal": role(ADA, EVE, "Administrator to Agent"),
    "ownership": owner(ADA, "Zoe to Cy"),
}
COMMON = {
    "macro": did(ADA, **MACRO),
    "other role": role(ADA, EVE, "Agent to Light agent"),
    "custom role": did(ADA, source_type="permission_set", source_label="Role: Staff"),
    "role of another product": role(ADA, EVE, "Viewer to Admin", product="Explore "),
    "grant to oneself": role(ADA, ADA, "Agent to Administrator"),
    "sign-in": did(ADA, "Successful sign-in using JWT from https://x", action="login", source_type="user"),
    "act of Zendesk": did(-1, **SECURITY),
}


@pytest.mark.few(2)
@pytest.mark.parametrize("act", ADMINISTRATIVE.values(), ids=ADMINISTRATIVE)
def test_an_act_of_administrators_proves_one_since_the_first_sight(read_as: ReadAs, act: dict[str, Any]) -> None:
    assert ("Ada", "act", None, 1, None) in known(read_as, did(ADA, **MACRO), act)


@pytest.mark.few(3)
@pytest.mark.parametrize("act", COMMON.values(), ids=COMMON)
def test_an_act_that_others_may_do_proves_nothing(read_as: ReadAs, act: dict[str, Any]) -> None:
    assert not [row for row in known(read_as, act) if row[1] == "act"]


def test_acts_within_a_recorded_role_prove_nothing_more(read_as: ReadAs) -> None:
    assert known(read_as, role(BO, EVE, "Agent to Administrator"), did(EVE, **SECURITY))[1:] == [
        ("Eve", "role", "Administrator", 1, None)
    ]


def test_an_act_against_the_recorded_role_proves_itself_alone(read_as: ReadAs) -> None:
    records = (
        did(EVE, **MACRO), role(BO, EVE, "Agent to Auditor"), did(EVE, **SECURITY), role(BO, EVE, "Auditor to Agent"),
    )  # fmt: skip
    assert ("Eve", "act", "Auditor", 3, 4) in known(read_as, *records)


def test_the_acts_are_counted_and_the_last_one_is_named(read_as: ReadAs) -> None:
    connection = read_as((did(ADA, **SECURITY), did(ADA, **MACRO), did(ADA, **SECURITY)), "administrators")
    assert connection.execute(
        "SELECT acts, act, act_on, event_id, ip_address, last_act_at - first_act_at = INTERVAL 2 MINUTE "
        "FROM administrators"
    ).fetchall() == [(2, "network", "Security: Enable IP restrictions", 3, "203.0.113.7", True)]
