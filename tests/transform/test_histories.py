from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import duckdb
import pytest

ReadAs = Callable[..., duckdb.DuckDBPyConnection]


def at(day: str, hour: int = 12) -> str:
    return f"{day}T{hour:02}:00:00+00"


def role(day: str, change: str, **given: Any) -> dict[str, Any]:
    return {"created_at": at(day), "change_description": change, "source_id": 7, **given}


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


def test_changes_in_one_second_are_kept_in_the_order_of_their_ids(read_as: ReadAs) -> None:
    connection = read_as(
        [
            role("2026-01-01", "Alias changed from B to C\nAlias changed from C to D", id=9),
            role("2026-01-01", "Alias changed from A to B", id=5),
        ],
        "object_history",
    )
    noon = moment("2026-01-01T12:00:00")
    assert connection.execute("SELECT value, valid_from, valid_to FROM object_history").fetchall() == [
        ("A", None, noon), ("B", noon, noon), ("C", noon, noon), ("D", noon, None),
    ]  # fmt: skip


def test_nothing_is_said_of_the_time_before_a_switch(read_as: ReadAs) -> None:
    connection = read_as([{"source_type": "user_setting", "change_description": "Suspended"}], "object_history")
    assert connection.execute("SELECT field, value, valid_to FROM object_history").fetchall() == [
        ("state", "suspended", None)
    ]


def test_items_without_an_id_have_no_history(read_as: ReadAs) -> None:
    connection = read_as(
        [{"source_id": None, "change_description": "Role changed from A to B"}], "object_history", "user_role_history"
    )
    assert connection.execute("FROM object_history").fetchall() == []
    assert connection.execute("FROM user_role_history").fetchall() == []


ROLES = [
    role("2026-01-01", "Role changed from Agent to Administrator", actor_id=1, actor_name="Ada"),
    role("2026-02-01", "Explore role changed from not set to Viewer\nSupport role changed from Administrator to Agent"),
    role("2026-03-01", "explore role changed from Viewer to not set"),
    role("2026-03-01", "Support role changed from Agent to Administrator", source_id=8, source_label="Bo"),
]


def test_a_role_is_held_per_product_until_the_next_one(read_as: ReadAs) -> None:
    connection = read_as(ROLES, "user_role_history")
    held = connection.execute(
        "SELECT product, role, valid_from::DATE::VARCHAR, valid_to::DATE::VARCHAR, is_admin "
        "FROM user_role_history WHERE user_id = 7"
    ).fetchall()
    assert held == [
        ("explore", None, None, "2026-02-01", False),
        ("explore", "Viewer", "2026-02-01", "2026-03-01", False),
        ("explore", None, "2026-03-01", None, False),
        ("support", "Agent", None, "2026-01-01", False),
        ("support", "Administrator", "2026-01-01", "2026-02-01", True),
        ("support", "Agent", "2026-02-01", None, False),
    ]


@pytest.mark.parametrize(
    ("day", "admins"),
    [
        ("2025-12-31", []),
        ("2026-01-15", [("Grace", "Ada")]),
        ("2026-02-15", []),
        ("2026-03-15", [("Bo", "Ada")]),
    ],
)
def test_it_can_be_told_who_was_administrator_on_a_day_and_by_whom(
    read_as: ReadAs, day: str, admins: list[tuple[str, str]]
) -> None:
    connection = read_as(ROLES, "user_role_history")
    found = connection.execute(
        "SELECT user_name, actor_name FROM user_role_history "
        "WHERE is_admin AND coalesce(valid_from <= $1::TIMESTAMPTZ, true) "
        "AND coalesce(valid_to > $1::TIMESTAMPTZ, true)",
        [at(day)],
    ).fetchall()
    assert found == admins


@pytest.mark.few(3)
@pytest.mark.parametrize(
    ("name", "is_admin"),
    [("Administrator", True), ("Admin", True), ("Billing admin", False), ("Account Owner", True), ("Agent", False),
     ("Light Agent", False), ("not set", False)],
)  # fmt: skip
def test_a_role_is_that_of_an_administrator_by_its_name(read_as: ReadAs, name: str, is_admin: bool) -> None:
    connection = read_as([role("2026-01-01", f"Guide role changed from Viewer to {name}")], "user_role_history")
    found = connection.execute(
        "SELECT product, is_admin FROM user_role_history WHERE valid_from IS NOT NULL"
    ).fetchall()
    assert found == [("guide", is_admin)]


def test_other_fields_that_end_alike_are_no_roles(read_as: ReadAs) -> None:
    texts = ["Parole changed from A to B", "Role name changed from A to B", "Rolle changed from A to B"]
    connection = read_as([{"change_description": text} for text in texts], "user_role_history")
    assert connection.execute("FROM user_role_history").fetchall() == []


WEEKS = {
    '{"mon":{"09:00":"17:00"},"tue":{}}': [(1, 540, 1020)],
    '{"monday": {"9:00": "12:30", "13:00": "24:00"}}': [(1, 540, 750), (1, 780, 1440)],
    '{:sun=>{"00:00"=>"08:05"}, :sat=>{"10:00"=>"14:00"}}': [(6, 600, 840), (7, 0, 485)],
    "{:wed=&amp;gt;{&quot;09:00&quot;=&amp;gt;&quot;17:00&quot;}}": [(3, 540, 1020)],
    "{}": [(None, None, None)],
    "not set": [(None, None, None)],
    "weekdays from nine": [(None, None, None)],
}


@pytest.mark.few(3)
@pytest.mark.parametrize("week", WEEKS)
def test_business_hours_are_read_from_json_and_from_hashes(read_as: ReadAs, week: str) -> None:
    record = {"source_type": "zendesk/business_hours/workweek", "source_label": "Schedule: Office: East"}
    connection = read_as(
        [{**record, "change_description": f"Workweek changed from {{}} to {week}"}], "schedule_history"
    )
    assert connection.execute(
        "SELECT schedule, weekday, start_minute, end_minute FROM schedule_history WHERE valid_from IS NOT NULL"
    ).fetchall() == [("Office: East", *hours) for hours in WEEKS[week]]


def test_a_setting_has_its_last_value_over_both_generations(read_as: ReadAs) -> None:
    def setting(label: str, text: str, **given: Any) -> dict[str, Any]:
        return {"source_type": "account_setting", "source_label": label, "change_description": text, **given}

    connection = read_as(
        [
            setting("Require Two Factor", "Enabled"),
            setting("Security: Require two-factor authentication", "Turned off", actor_id=3, actor_name="Bo"),
            setting("Security: Assumption duration", "Assumption duration changed from 1 day to 1 year"),
            setting("Security: Password policy", "Changed"),
            setting("Security: Something", ""),
        ],
        "setting_state",
    )
    found = connection.execute("SELECT setting, label, state, changed_by, times_changed FROM setting_state").fetchall()
    assert found == [
        ("assumption duration", "Security: Assumption duration", "1 year", 1, 1),
        ("password policy", "Security: Password policy", "changed", 1, 1),
        ("something", "Security: Something", None, 1, 1),
        ("two-factor authentication", "Security: Require two-factor authentication", "off", 3, 2),
    ]


def test_sign_ins_tell_how_and_from_where(read_as: ReadAs) -> None:
    text = "Successful sign-in using SAML from https://demo.zendesk.com/access/saml"
    connection = read_as([{"action": "login", "change_description": text, "ip_address": "2001:db8::9"}, {}], "sign_ins")
    found = connection.execute("SELECT event_id, actor_id, method, host, ip_address, network FROM sign_ins").fetchall()
    assert found == [(1, 1, "saml", "demo.zendesk.com", "2001:db8::9", "2001:db8::/48")]


def changed(source_type: str, label: str, text: str = "", action: str = "update") -> dict[str, Any]:
    return {"source_type": source_type, "source_label": label, "change_description": text, "action": action}


PRIVILEGED: list[tuple[str | None, Mapping[str, Any]]] = [
    ("owner", changed("account", "Account: Account", "Owner changed from Ada to Bo")),
    (None, changed("account", "Account: Account", "Max agents changed from 40 to 50")),
    ("admin_role", changed("user", "Bo", "Support role changed from Agent to Administrator")),
    ("admin_role", changed("user", "Bo", "Explore role changed from A to B\nRole changed from Admin to Agent")),
    ("role", changed("user", "Bo", "Support role changed from Agent to Light Agent")),
    ("role", changed("user", "Bo", "Support role changed from Agent to Billing admin")),
    ("admin_role", changed("user", "Bo", "Support role changed from Billing admin to Administrator")),
    ("identity", changed("user", "Bo", "Password changed from A to B")),
    ("identity", changed("user", "Bo", "E-mail changed from not set to bo@example.com")),
    (None, changed("user", "Bo", "Group changed from A to B")),
    (None, changed("user", "Bo", "Successful sign-in using JWT from https://x", "login")),
    ("custom_role", changed("permission_set", "Role: Team Lead", action="create")),
    ("credential", changed("apitoken", "Zendesk API: Active API tokens", action="create")),
    ("credential", changed("api_token", "API token: x", action="destroy")),
    ("credential", changed("oauth_client", "OAuth client: x", "Secret changed from not set to ********")),
    ("suspension", changed("user_setting", "Suspension state: Bo", "Suspended", "create")),
    (None, changed("user_setting", "Language: Bo", "Changed")),
    ("authentication", changed("account_setting", "Require Two Factor", "Disabled")),
    ("authentication", changed("account_setting", "Security: Single sign-on (SSO) for team members", "Turned off")),
    ("authentication", changed("account_setting", "Security: Password policy", "Changed")),
    ("network", changed("account_setting", "Security: Enable IP restrictions", "Turned off")),
    ("assumption", changed("account_setting", "Account Assumption", "Enabled")),
    ("assumption", changed("account_setting", "Assumption duration", "Changed")),
    ("data_protection", changed("account_setting", "Credit Card Redaction", "Disabled")),
    ("api_access", changed("account_setting", "Zendesk API: Token access", "Turned on")),
    ("mobile_access", changed("account_setting", "Zendesk Support Mobile App Access", "Enabled")),
    (None, changed("account_setting", "Channels: Web Widget", "Turned on")),
    ("app", changed("zendesk/app_market/app", "App: Jira", action="create")),
    ("app", changed("zendesk/app_market/installation", "App installation: Jira", action="create")),
    (None, changed("trigger", "Trigger: Owner role", "Title changed from A to B")),
]


def test_privileged_changes_are_told_by_their_kind(read_as: ReadAs) -> None:
    connection = read_as([record for _, record in PRIVILEGED], "privileged_changes")
    found = connection.execute("SELECT event_id, kind FROM privileged_changes ORDER BY event_id").fetchall()
    assert found == [(number, kind) for number, (kind, _) in enumerate(PRIVILEGED, start=1) if kind]


END = moment("2026-06-01T00:00:00")


def silent(days: float, **given: Any) -> dict[str, Any]:
    """A privileged change so many days before the end."""
    made = {"created_at": f"{END - timedelta(days=days):%FT%T+00}", "source_type": "permission_set", "source_id": 50}
    return {**made, **given}


def dormant(read_as: ReadAs, *records: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    connection = read_as(records, "dormant_privileged_actors", covered_to=END.isoformat())
    return connection.execute(
        "SELECT actor_id, actor_name, is_admin, privileged_changes, days_silent FROM dormant_privileged_actors"
    ).fetchall()


def test_who_is_silent_for_90_days_is_dormant_and_not_a_second_sooner(read_as: ReadAs) -> None:
    almost = 90 - 1 / 86_400
    assert dormant(read_as, silent(90, actor_id=1), silent(almost, actor_id=2)) == [(1, "Ada", None, 1, 90)]


def test_any_event_ends_the_silence(read_as: ReadAs) -> None:
    assert dormant(read_as, silent(200), silent(10, source_type="user", action="login")) == []


def test_an_unseen_administrator_is_dormant_since_the_grant(read_as: ReadAs) -> None:
    grant = {"source_type": "user", "source_id": 9, "change_description": "Role changed from Agent to Administrator"}
    assert dormant(read_as, silent(100, **grant), silent(1)) == [(9, "Grace", True, 0, 100)]


def test_who_is_an_end_user_by_now_or_no_person_is_not_dormant(read_as: ReadAs) -> None:
    leaver = {
        "source_type": "user",
        "source_id": 9,
        "change_description": "Support role changed from Agent to End User",
    }
    assert dormant(read_as, silent(100, actor_id=9), silent(95, actor_id=-1), silent(1, **leaver)) == []


def test_without_privileges_nobody_is_dormant(read_as: ReadAs) -> None:
    assert dormant(read_as, silent(200, source_type="macro")) == []


SETTING = {"source_type": "account_setting", "source_label": "Greeting"}
STATES = {
    "Greeting changed from Welcome to Acme to Welcome to Acme Support": ("Welcome to Acme Support", "ambiguous"),
    "Allowed IP ranges changed from 192.0.2.0/24 to 192.0.2.0/24 to 192.0.2.9": (
        "192.0.2.0/24 to 192.0.2.9",
        "ambiguous",
    ),
    "SAML SSO URL changed from A to B\nCertificate fingerprint changed from AA:01 to BB:02": ("changed", "state"),
    "Required changed from true to false\nGroups changed from A to off": ("changed", "state"),
    "Turned off\nReason changed from A to on": ("off", "state"),
    "Blocklist changed from spam.example to not set": (None, "exact"),
    "Name changed from A &amp; B to B &amp;amp; C": ("B & C", "exact"),
    "Text changed from Dear A,\nwe try to Dear B,\nwe know": ("Dear B,\nwe know", "ambiguous"),
    "Required changed from true to False": ("off", "state"),
    "Uitgeschakeld": (None, None),
}


def test_a_setting_stands_as_its_changes_are_read(read_as: ReadAs) -> None:
    records = ({**SETTING, "source_label": text, "change_description": text} for text in STATES)
    rows = read_as(records, "setting_state").execute("SELECT label, state, confidence FROM setting_state").fetchall()
    assert {label: reading for label, *reading in rows} == {text: [*reading] for text, reading in STATES.items()}


def test_a_role_is_an_administrators_by_its_words(read_as: ReadAs) -> None:
    roles = {
        "Administrator": True, "Admin": True, "Team admins": True, "team_admin": True, "Bilingual Admin": True,
        "Bill's admin": True, "Super-Admin": True, "Account owner": True, "Owner": True, "ADMIN": True,
        "Agent (non-admin)": False, "Non admin": False, "Not an admin": False, "Billing Admin": False,
        "Billing administrator": False, "Billing and administration": False, "Badminton": False, "Product owner": False,
        "Agent": False,
    }  # fmt: skip
    records = [{"source_id": n, "change_description": f"Role changed from Agent to {r}"} for n, r in enumerate(roles)]
    rows = read_as(records, "user_role_history").execute(
        "SELECT role, is_admin FROM user_role_history WHERE valid_from IS NOT NULL"
    )
    assert dict(rows.fetchall()) == roles


def test_an_edit_of_a_text_of_several_lines_is_in_its_history(read_as: ReadAs) -> None:
    text = "Comment changed from Dear customer,\nwe are on it to Hello,\nwe are on it"
    connection = read_as([{"source_type": "macro", "change_description": text}], "object_history")
    assert connection.execute("SELECT field, value FROM object_history ORDER BY valid_from NULLS FIRST").fetchall() == [
        ("Comment", "Dear customer,\nwe are on it"),
        ("Comment", "Hello,\nwe are on it"),
    ]
