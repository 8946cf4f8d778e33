"""A role change is read in whatever words, and the same by rules, histories and `who`."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Any

import duckdb
import pytest

ReadAs = Callable[..., duckdb.DuckDBPyConnection]

# With the old value, and without.
FROM_TO = (
    "{role} changed from {old} to {new}",
    "{role} was changed from {old} to {new}",
    "{role} has been changed from {old} to {new}",
    "{role}: changed from {old} to {new}",
    "{role} : changed from {old} to {new}",
    "{role} Changed From {old} To {new}",
    "{role} updated from {old} to {new}",
    "{role} was switched from {old} to {new}",
    "{role} (Acme) changed from {old} to {new}",
    "{role}: {old} -> {new}",
    "{role}: {old} => {new}",
    "{role}: {old} → {new}",
    "{role}: {old} -&gt; {new}",
    "{role} {old} → {new}",
    "{role} changed to {new} from {old}",
    "- {role} was changed from {old} to {new}",
)
TO = (
    "{role} changed to {new}",
    "{role} was changed to {new}",
    "{role} set to {new}",
    "{role} has been set to {new}",
    "{role}: {new}",
    "{role} = {new}",
    "{role} is now {new}",
    "{role} assigned: {new}",
)
ROLES = ("Role", "Roles", "role", "Support role", "Support roles", "Explore role", "Team member role")
MORE = (
    "{}",
    "Name changed from A to B\n{}",
    "Groups changed from A to B\n{}",
    "Groups changed from A to B, {}",
    "Groups changed from A to B; {}",
    "Groups changed from A to B and {}",
    "Groups changed from A to B<br>{}",
    "Groups changed from A to B<br/>{}",
    r"Groups changed from A to B\n{}",
    "{}\nName changed from A to B",
    "{}<br>Name changed from A to B",
)


def told(read_as: ReadAs, texts: Iterable[str], **given: Any) -> list[tuple[str | None, str | None, bool]]:
    """Of each text of a user of its own: the change, the role of the history, and whether `who --admin` names them."""
    records = [{"source_id": n, "change_description": text, **given} for n, text in enumerate(texts)]
    return (
        read_as(records, "audit_events", "user_role_history", "administrators")
        .execute("""
            SELECT
                role_change,
                (SELECT max(role) FROM user_role_history AS held WHERE user_id = source_id AND held.event_id = id),
                EXISTS (FROM administrators WHERE user_id = source_id AND event_id = id AND valid_to IS NULL)
            FROM audit_events ORDER BY id
        """)
        .fetchall()
    )


def forms(old: str, new: str) -> list[str]:
    plain = [form.format(role=role, old=old, new=new) for form, role in itertools.product((*FROM_TO, *TO), ROLES)]
    of_one = [form.format(role="Support role", old=old, new=new) for form in (*FROM_TO, *TO)]
    return plain + [more.format(one) for more, one in itertools.product(MORE, of_one)]


def test_a_grant_is_one_in_any_words_and_all_tables_agree(read_as: ReadAs) -> None:
    texts = forms("Agent", "Administrator")
    found = dict(zip(texts, told(read_as, texts), strict=True))
    assert {text: one for text, one in found.items() if one != ("admin_granted", "Administrator", True)} == {}


def test_another_role_is_none_of_an_administrator(read_as: ReadAs) -> None:
    texts = forms("Light agent", "Agent (non-admin)")
    found = dict(zip(texts, told(read_as, texts), strict=True))
    assert {text: one for text, one in found.items() if one != ("other", "Agent (non-admin)", False)} == {}


def test_a_removal_is_one_in_any_words_that_tell_the_old_role(read_as: ReadAs) -> None:
    texts = [form.format(role="Support role", old="Administrator", new="Agent") for form in FROM_TO]
    assert dict(zip(texts, told(read_as, texts), strict=True)) == dict.fromkeys(
        texts, ("admin_removed", "Agent", False)
    )


GRANTS = (
    "Promoted to administrator",
    "Was made an administrator",
    "Administrator role granted",
    "Administrator role has been assigned",
    "Granted the Administrator role",
    "Became account owner",
    "Is admin changed from false to true",
    "Admin changed from No to Yes",
    "Admin access: no -> yes",
    "Rolle von Agent auf Administrator geändert",
    "Support role changed from Agent to\nAdministrator",
    "Support role changed from\nAgent to Administrator",
    "Name: Bob\nRole: Administrator",
)


@pytest.mark.parametrize("action", ["create", "update"])
def test_a_sentence_about_an_administrator_is_a_grant(read_as: ReadAs, action: str) -> None:
    found = dict(zip(GRANTS, told(read_as, GRANTS, action=action), strict=True))
    assert {text: one for text, one in found.items() if one[0] != "admin_granted" or not one[2]} == {}


BENIGN = (
    "Notes changed from not set to Role changed from Agent to Admin in HR system",
    "Notes changed from not set to Asked HR, support role changed from Agent to Administrator",
    "Details changed from A to B; role: Administrator",
    "Details: Role: Administrator of printers",
    "Tags changed from a to b, role set to admin",
    "Notes changed from not set to Hello\nRole: Administrator of printers",
    "Notes set to was made administrator in HR",
    "Alias changed from Role to Admin",
    "Name changed from Owner to Owner changed from",
    "Signature changed from not set to Promoted to administrator",
    "Administrator role removed",
    "No longer administrator",
    "Not promoted to administrator",
    "Role restrictions: none for administrators",
    "Job role changed from Support engineer to Systems Administrator",
    "Customer role changed from Buyer to Admin",
    "Contact role changed from not set to Owner",
    "Company role set to Administrator",
    "Role name changed from A to Administrator",
    "Email changed from a@x.example to admin@x.example",
    "Administrator notifications changed from on to off",
)


def test_what_only_speaks_of_administrators_is_no_grant(read_as: ReadAs) -> None:
    found = dict(zip(BENIGN, told(read_as, BENIGN), strict=True))
    assert {text: one for text, one in found.items() if one[0] == "admin_granted" or one[2]} == {}


def test_a_login_or_a_rule_grants_nothing(read_as: ReadAs) -> None:
    text = "Support role set to Administrator"
    for given in ({"action": "login"}, {"source_type": "rule"}, {"source_type": "macro"}):
        assert told(read_as, [text], **given) == [(None, None, False)]


@pytest.mark.parametrize("form", ["{} changed from Ada to Eve", "{} was changed from Ada to Eve", "{}: Ada → Eve"])
def test_an_owner_is_told_in_other_words(read_as: ReadAs, form: str) -> None:
    record = {"source_type": "account", "source_label": "Account: Account", "change_description": form.format("Owner")}
    connection = read_as([record], "administrators")
    found = connection.execute("SELECT user_name FROM administrators WHERE known_by = 'owner' AND valid_to IS NULL")
    assert found.fetchall() == [("Eve",)]


FORGED = (
    "Support role changed from Administrator to Agent",
    "Role set to End user",
    "Support role changed from x to y",
)


@pytest.mark.few(3)
@pytest.mark.parametrize("field", ["Notes", "Details", "Signature", "Groups"])
@pytest.mark.parametrize("first", ["Support role changed from Agent to Administrator", None])
def test_a_line_of_a_text_ends_no_administrator(read_as: ReadAs, field: str, first: str | None) -> None:
    texts = [first] if first else []
    texts += [f"{field} changed from not set to Regards\n{line}" for line in FORGED]
    records = [{"change_description": text} for text in texts]
    connection = read_as(records, "user_role_history", "administrators")
    held = connection.execute("SELECT role FROM administrators WHERE user_id = 7 AND valid_to IS NULL").fetchall()
    assert held == [("Administrator",)]
    assert connection.execute("SELECT count(*) FROM user_role_history WHERE valid_to IS NULL").fetchall() == [(1,)]


def test_a_sure_line_ends_an_administrator_in_spite_of_doubt(read_as: ReadAs) -> None:
    records = [
        {"change_description": text}
        for text in (
            "Role changed from Agent to Administrator",
            "Notes changed from A to B\nRole changed from Administrator to Agent",
            "Role changed from Administrator to Agent",
        )
    ]
    connection = read_as(records, "user_role_history")
    rows = connection.execute(
        "SELECT role, confidence, event_id FROM user_role_history ORDER BY valid_from NULLS FIRST"
    ).fetchall()
    assert rows == [("Agent", "exact", None), ("Administrator", "exact", 1), ("Agent", "exact", 3)]


SUSPENSIONS = {
    "Suspended": "suspended",
    "Suspended changed from false to true": "suspended",
    "Is suspended changed from no to yes": "suspended",
    "Suspended changed from true to false": "unsuspended",
    "Suspension state was changed from active to suspended": "suspended",
    "Suspension state changed from suspended to active": "unsuspended",
    "Suspended changed from true to not set": "unsuspended",
    "Notes changed from not set to suspended": None,
}


@pytest.mark.parametrize("kind", ["user", "user_setting"])
def test_a_suspension_is_one_in_other_words(read_as: ReadAs, kind: str) -> None:
    records = [{"source_type": kind, "change_description": text} for text in SUSPENSIONS]
    rows = read_as(records, "audit_events").execute("SELECT state FROM audit_events ORDER BY id").fetchall()
    assert dict(zip(SUSPENSIONS, (state for (state,) in rows), strict=True)) == SUSPENSIONS
