from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable, Mapping
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from zendesk_audit_assets.emulator.vocabulary import (
    SETTINGS,
    SIGN_IN_METHODS,
    SINGLE_SIGN_ON,
    TWO_FACTOR,
)
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.transform import CHANGES

ReadAs = Callable[..., duckdb.DuckDBPyConnection]


def column(read_as: ReadAs, name: str, *records: Mapping[str, Any]) -> list[Any]:
    connection = read_as(records, "audit_events")
    return [value for (value,) in connection.execute(f"SELECT {name} FROM audit_events ORDER BY id").fetchall()]


def test_the_view_has_all_columns_of_the_log_unchanged(read_as: ReadAs) -> None:
    connection = read_as([{"change_description": "Role changed from A to B"}, {}], "audit_events")
    names = [one.name for one in AUDIT_LOGS.columns]
    assert tuple(CHANGES[0].columns[: len(names)]) == AUDIT_LOGS.columns
    assert connection.execute(f"SELECT {', '.join(names)} FROM audit_events").fetchall() == (
        connection.execute(f"SELECT {', '.join(names)} FROM audit_logs").fetchall()
    )


def test_kinds_of_items_have_one_spelling(read_as: ReadAs) -> None:
    spelled = {
        "apitoken": "api_token",
        "api_token": "api_token",
        "User": "user",
        "sla/policy": "sla_policy",
        "ticket_trigger": "trigger",
        "messaging_trigger": "trigger",
        "custom_field/field": "custom_field",
        "zendesk/app_market/app": "app",
        "zendesk/app_market/installation": "app_installation",
        "Zendesk/Business_Hours/Workweek": "workweek",
        "zendesk/business_hours/holiday": "holiday",
        "zendesk/backup/snapshot": "zendesk/backup/snapshot",
        None: None,
    }
    records = [{"source_type": kind} for kind in spelled]
    assert column(read_as, "object_type", *records) == list(spelled.values())


def test_a_label_is_parted_at_its_first_colon(read_as: ReadAs) -> None:
    parted = {
        "Trigger: Refund: VIP": ("Trigger", "Refund: VIP"),
        "Credit Card Redaction": (None, "Credit Card Redaction"),
        "10:30": (None, "10:30"),
        "": (None, ""),
        None: (None, None),
    }
    records = [{"source_label": label} for label in parted]
    assert column(read_as, "(label_group, label_name)", *records) == list(parted.values())


def test_a_setting_has_one_key_over_both_generations(read_as: ReadAs) -> None:
    every = [*SETTINGS, TWO_FACTOR, SINGLE_SIGN_ON]
    labels = [label for one in every for label in (one.legacy_name, f"{one.page}: {one.name}")]
    keys = column(read_as, "setting", *({"source_type": "account_setting", "source_label": label} for label in labels))
    assert all(keys)
    assert dict(zip(labels[::2], keys[::2], strict=True)) == dict(zip(labels[::2], keys[1::2], strict=True))


def test_settings_that_rules_look_at_have_these_keys(read_as: ReadAs) -> None:
    keys = {
        "Two-Factor authentication for all admins and agents": "two-factor authentication",
        "Require Two Factor": "two-factor authentication",
        "Security: Require two-factor authentication": "two-factor authentication",
        "Security: Enable IP restrictions": "ip restrictions",
        "Account Assumption": "account assumption",
        "Security: Enable Account assumption": "account assumption",
        "Assumption duration": "assumption duration",
        "Credit Card Redaction": "credit card redaction",
        "Zendesk Support Mobile App Access": "mobile app access",
        "Single Sign-On": "single sign-on",
        "Zendesk API: Token access": "token access",
        "Satisfaction: Require a comment": "a comment",
    }
    records = [{"source_type": "account_setting", "source_label": label} for label in keys]
    assert column(read_as, "setting", *records) == list(keys.values())
    assert column(read_as, "setting", {"source_type": "user_setting", "source_label": "Single Sign-On"}) == [None]


def test_a_state_is_told_in_one_word_over_both_generations(read_as: ReadAs) -> None:
    states = {
        ("account_setting", "update", "Enabled"): "on",
        ("account_setting", "update", "Turned on"): "on",
        ("account_setting", "create", " ON \n"): "on",
        ("account_setting", "update", "Disabled"): "off",
        ("account_setting", "update", "turned off"): "off",
        ("account_setting", "update", "Changed"): "changed",
        ("account_setting", "update", "Assumption duration changed from 1 day to 1 year"): "changed",
        ("account_setting", "update", "Token access changed from Enabled to Disabled"): "off",
        ("account_setting", "update", "Token access changed from Enabled to Disabled."): "off",
        ("account_setting", "update", "Required changed from true to false by Ada"): "off",
        ("account_setting", "update", "Disabled. "): "off",
        ("account_setting", "update", "Changed to off"): "off",
        ("account_setting", "update", "changed from true to false"): "off",
        ("account_setting", "update", "Turned off by Ada"): "off",
        ("account_setting", "update", "Deactivated."): "off",
        ("account_setting", "update", "Activated"): "on",
        ("account_setting", "update", "Setting was turned off."): "off",
        ("account_setting", "update", "Disabled (by Ada)"): "off",
        ("account_setting", "update", "Turned off\u00a0"): "off",
        ("account_setting", "update", "Not enforced"): "off",
        ("account_setting", "update", "No longer required"): "off",
        ("account_setting", "update", "Is now enabled"): "on",
        ("account_setting", "update", "Was disabled, is now enabled"): None,
        ("account_setting", "update", "Role changed from a to suspended"): "changed",
        ("user_setting", "create", "Suspended."): "suspended",
        ("account_setting", "destroy", ""): "off",
        ("account_setting", "destroy", None): "off",
        ("account_setting", "destroy", "Enabled"): "on",
        ("account_setting", "update", ""): None,
        ("account_setting", "update", "Eingeschaltet"): None,
        ("user_setting", "create", "Suspended"): "suspended",
        ("user_setting", "update", "Unsuspended"): "unsuspended",
        ("user", "update", "Role changed from off to on"): None,
        ("user", "destroy", ""): None,
    }
    records = [{"source_type": kind, "action": action, "change_description": text} for kind, action, text in states]
    assert column(read_as, "state", *records) == list(states.values())


def test_method_and_host_of_a_sign_in_are_read(read_as: ReadAs) -> None:
    said = {text.format(subdomain="demo"): method for method, text in SIGN_IN_METHODS.items()}
    records = [{"action": "login", "change_description": text} for text in said]
    assert column(read_as, "sign_in_method", *records) == list(said.values())
    assert column(read_as, "sign_in_host", *records) == ["demo.zendesk.com"] * 4 + ["login.demo.example"]


def test_a_sign_in_in_other_words_has_what_can_be_read_of_it(read_as: ReadAs) -> None:
    texts = {
        "successful sign-in using JWT from HTTPS://me:pw@Demo.Zendesk.com:8443/access?x=1": ("jwt", "demo.zendesk.com"),
        "Erfolgreiche Anmeldung": (None, None),
        "": (None, None),
        None: (None, None),
    }
    records = [{"action": "login", "change_description": text} for text in texts]
    assert column(read_as, "(sign_in_method, sign_in_host)", *records) == list(texts.values())
    other = {"action": "update", "change_description": "Successful sign-in using JWT from https://demo.zendesk.com/"}
    assert column(read_as, "(sign_in_method, sign_in_host)", other) == [(None, None)]


def test_a_person_is_whoever_is_not_zendesk_itself(read_as: ReadAs) -> None:
    assert column(read_as, "is_person", *({"actor_id": id} for id in (1, 0, -1, None))) == [True, False, False, False]


def test_a_description_that_holds_a_secret_is_flagged(read_as: ReadAs) -> None:
    texts = ["Client secret changed from not set to 9f86d081884c7d65", "Password reset", "", None]
    records = [{"change_description": text} for text in texts]
    assert column(read_as, "holds_secret", *records) == [True, False, False, False]


NOT_ADDRESSES = [
    None, "", "unknown", "1.2.3", "1.2.3.4.5", "256.1.1.1", "010.1.1.1", "1.2.3.4/24", "::ffff:999.1.1.1", ":::",
    "1:2:3", "1::2::3", "1::2:3:4::5:6", "1:2:3:4:5:6:7:8:9", "12345::", "g::1", "203.0.113.7, 198.51.100.1",
]  # fmt: skip


def test_what_is_no_address_has_no_network(read_as: ReadAs) -> None:
    assert column(read_as, "network", *({"ip_address": text} for text in NOT_ADDRESSES)) == [None] * len(NOT_ADDRESSES)


def spellings(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> list[str]:
    if isinstance(address, ipaddress.IPv4Address):
        groups = ipaddress.IPv6Address(f"::ffff:{address}").exploded
        return [str(address), f" {address} ", f"::ffff:{address}", f"0:0::FFFF:{address}", groups, groups.upper()]
    bare = ":".join(f"{group:x}" for group in struct.unpack("!8H", address.packed))
    return [str(address), address.exploded, bare, str(address).upper(), f"{address}%eth0"]


# Many zeros, so that they are left out in every place.
IPV6 = st.lists(st.sampled_from([0, 0, 0, 1, 0xDB8, 0xFFFF, 0x2001]), min_size=8, max_size=8).map(
    lambda groups: ipaddress.IPv6Address(":".join(f"{group:x}" for group in groups))
)


@settings(max_examples=examples(5))
@given(st.lists(st.ip_addresses(v=4) | st.ip_addresses(v=6) | IPV6, min_size=24, max_size=48))
def test_the_network_is_that_of_python_in_any_spelling(read_as: ReadAs, addresses: list[Any]) -> None:
    written, expected = [], []
    for address in addresses:
        mapped = getattr(address, "ipv4_mapped", None) or address
        network = ipaddress.ip_network((mapped, 24 if mapped.version == 4 else 48), strict=False)
        for text in spellings(address):
            written.append({"ip_address": text})
            expected.append(str(network))
    assert column(read_as, "network", *written) == expected


DIRECTIONS = {
    ("Security: Password level", "Password level changed from Low to Recommended"): "stronger",
    ("Security: Password level", "Password level changed from Recommended to Low"): "weaker",
    ("Security: Password level", "Password level changed from Low to Custom"): None,
    ("Assumption duration", "Assumption duration changed from always to day"): "stronger",
    ("Assumption duration", "Assumption duration changed from not set to 1 week"): "weaker",
    ("Security: Session expiration", "Session expiration changed from 8 hours to never"): "weaker",
    ("Security: Session expiration", "Session expiration changed from 8 hours to 1 year 6 months"): "weaker",
    ("Security: Session expiration", "Session expiration changed from 30m to 8h"): "weaker",
    (
        "Security: Session expiration",
        "Session expiration changed from 10000 hours (custom) to 1 day and 2 hours",
    ): "stronger",
    ("Security: Session expiration", "Session expiration changed from 90 seconds to 1 min"): "stronger",
    ("Security: Session expiration", "Session expiration changed from 2 weeks to 1 day"): "stronger",
    ("Security: Minimum password length", "Minimum password length changed from 12 to 8"): "weaker",
    ("Security: Allow admins to set passwords", "Turned on"): "weaker",
    ("Security: Allow admins to set passwords", "Turned off"): "stronger",
    ("Zendesk API: Token access", "Enabled"): "weaker",
    ("IP restrictions", "Disabled"): "weaker",
    ("Security: Allowed IP ranges", "Allowed IP ranges changed from 192.0.2.0/24 to not set"): "weaker",
    ("Email: Email archiving", "Address changed from not set to a@mail.example"): "weaker",
    ("Security: 2FA", "Enforcement changed from Required to Disabled."): "weaker",
    ("Security: 2FA", "Level changed from High. to Optional;"): "weaker",
    ("Security: 2FA", "Changed from Required to Optional"): "weaker",
    ("Security: Session expiration", "Session expiration changed from 8 hours. to never."): "weaker",
    ("Security: SAML", "URL changed from A to B"): None,
    ("Security: SAML", "Level changed from Low to High\nExpiry changed from 1 day to 1 week"): "weaker",
    ("Security: SAML", "Changed"): None,
}


def test_a_changed_setting_protects_weaker_or_stronger(read_as: Callable[..., Any]) -> None:
    records = [
        {"source_type": "account_setting", "source_label": label, "change_description": text}
        for label, text in DIRECTIONS
    ]
    rows = read_as(records, "audit_events").execute("SELECT direction FROM audit_events ORDER BY id").fetchall()
    assert [direction for (direction,) in rows] == list(DIRECTIONS.values())


WAYS = {
    "Title changed from A to https://a.example webhook": [],
    "Conditions changed from A to https://a.example": [],
    "Actions changed from not set to Notify webhook https://a.example/x": ["webhook:https://a.example/x"],
    "Actions changed from Notify webhook https://a.example/x to Add tag": [],
    "Actions changed from notification_webhook: 01A to notification_webhook: 01A, tags: x": [],
    "Actions changed from notification_webhook: 01A to notification_webhook: 01B": ["webhook:01b"],
    'Actions changed from [] to [{"field":"notification_target","value":["12","{{ticket.id}}"]}]': ["target:12"],
    "Actions changed from A to Notify target mail": ["target:mail"],
    "Actions changed from A to Notify by: Active webhook": ["webhook:"],
    "Actions changed from Notify by: Active webhook, Ours to Notify by: Active webhook, Copy": ["webhook:copy"],
    "Actions changed from A to Notify by > Target > Copy": ["target:copy"],
    "Actions changed from A to Notify by: Zendesk integration: Drain": ["integration:drain"],
    'Actions changed from [] to [{"field":"notification_zis","value":["zis_flow","{}"]}]': ["integration:zis_flow"],
    "Actions changed from A to notification_sms_user: 12": ["sms:12"],
    'Actions changed from [] to [{"field":"notification_sms_group","value":["12","x"]}]': ["sms:12"],
    "Actions changed from A to Text user: 12": ["sms:12"],
    "Notify by: Active webhook changed from not set to Copy": ["webhook:copy"],
    "Notification target changed from 7 to 12": ["target:12"],
    "Notification webhook changed from 01A to not set": [],
    "Notification title changed from A to webhook": [],
    "Actions changed from A to Notify by: User email: eve@mail.example": ["mail:eve@mail.example"],
    "Actions changed from A to side_conversation: to a@b.example, c@d.example": [
        "mail:a@b.example",
        "mail:c@d.example",
    ],
    "Actions changed from A to Notify group: Integration": [],
    "Actions changed from A to Notify by: User email: text about a target": [],
    "Actions changed from A to notification_user: eve@mail.example": ["mail:eve@mail.example"],
    "Actions changed from A to notification_user: requester_id, our webhook https://b.example/x": ["link:b.example"],
    "Comment changed from A\nB to A\nhttps://b.example/x": ["link:b.example"],
    "Comment changed from A to our webhook failed": [],
    "Actions changed from Email user: mail it to us, see https://b.example/x to Email user: hello": [],
    "Actions changed from A to B to our webhook is at https://b.example/x": ["link:b.example"],
    "Actions changed from A to B to notification_webhook: 01C": ["webhook:01c"],
    "Notify webhook https://a.example/x": ["webhook:https://a.example/x"],
    "Actions changed from A to Notify webhook https://acme.zendesk.com/api": [],
    "Comment changed from A to https://help.acme.example/hc": [],
    "Comment changed from A to see (https://help.acme.example), or https://user:pw@help.acme.example:443/x.": [],
    # A field that does nothing may have been joined by an action.
    "Conditions changed from A to B\nNotify webhook https://a.example/x": ["webhook:https://a.example/x"],
    r"Description changed from A to B\nActions added: notification_target: 12": ["target:12"],
    "Description changed from A to B\nWe tell the target group by e-mail": [],
    # Any address of a receiver, and none of the text.
    "Actions changed from A to notification_user: x@help.acme.example, y@a.example": ["mail:y@a.example"],
    "Actions changed from A to notification_user: requester_id, write to y@a.example": [],
    'Actions changed from A to notification_user: "e x"@a.example': ['mail:"e x"@a.example'],
    "Actions changed from A to notification_user: o'eve@a.example": ["mail:o'eve@a.example"],
    "Actions changed from A to notification_user: eve@мойдомен.рф": ["mail:eve@мойдомен.рф"],
    "Actions changed from A to notification_user: eve@help.acme.exampleé.example": [
        "mail:eve@help.acme.exampleé.example"
    ],
}

NOT_OWN = [
    "https://a.example?@help.acme.example/x", "https://a.example#@help.acme.example/x", "https:/a.example/x",
    r"https://a.example\@help.acme.example/x", "https://a@help.acme.example@a.example/x", r"https:\\a.example\x",
    "https://help.acme.exampleé.example/x", "https://help.acme.example%2ea.example/x", "https://www.acme.example/x",
    "https://help.acme.example。a.example/x", "https://help.acme.example,@a.example/x", "https://[2001:db8::1]/x",
    "https://help.acme.example.a.example", "https://xhelp.acme.example", "https://a.example\uff0f.help.acme.example/x",
]  # fmt: skip


@pytest.mark.parametrize("words", ["Actions changed from A to Notify webhook {}", "Comment changed from A to see {}"])
def test_only_the_whole_host_makes_an_address_the_own(read_as: ReadAs, words: str) -> None:
    brand = {"source_type": "brand", "change_description": "Host mapping changed from not set to help.acme.example"}
    rules = [{"source_type": "trigger", "change_description": words.format(url)} for url in NOT_OWN]
    assert [len(ways) for ways in column(read_as, "ways_out", brand, *rules)[1:]] == [1] * len(NOT_OWN)


HOSTS = {
    "Host mapping changed from not set to help.github.io": ["help.github.io", "github.io"],
    "Host mapping changed from a.example to help.example": ["help.example"],
    "Brand name changed from A to B\nHost mapping changed from a to b.example": ["b.example"],
    "Signature template changed from not set to Hi\nHost mapping changed from a to b.example": [],
    r"Signature template changed from not set to Hi\nHost mapping changed from a to b.example": [],
    r"Name changed from A to B\nSignature changed from A to B\nHost mapping changed from a to b.example": [],
    "Host mapping changed from a to b.example to not set": [],
    "Host mapping changed from b.example to not set": [],
}


def test_a_brand_has_the_hosts_that_no_text_can_name(read_as: ReadAs) -> None:
    for text, hosts in HOSTS.items():
        connection = read_as([{"source_type": "brand", "change_description": text}], "audit_events")
        (found,) = connection.execute("SELECT getvariable('brand_hosts')").fetchone() or (None,)
        assert [one["host"] for one in found or []] == sorted(hosts), text


def test_a_host_is_the_brands_until_it_has_another(read_as: ReadAs) -> None:
    mapped = "Host mapping changed from {} to {}"
    brands = [("not set", "b.example", 2), ("b.example", "not set", 4)]
    records: list[Mapping[str, Any]] = [
        {
            "source_type": "brand",
            "change_description": mapped.format(old, new),
            "created_at": f"2026-01-01T0{hour}:00:00Z",
        }
        for old, new, hour in brands
    ]
    link = "Comment changed from A to https://b.example/x"
    records += [
        {"source_type": "trigger", "change_description": link, "created_at": f"2026-01-01T0{n}:00:00Z"}
        for n in (1, 3, 5)
    ]
    assert column(read_as, "ways_out", *records)[2:] == [["link:b.example"], [], ["link:b.example"]]


def test_a_business_rule_leads_out_by_its_actions(read_as: Callable[..., Any]) -> None:
    url = "https://acme.zendesk.com/api/v2/audit_logs/1.json"
    mapped = "Host mapping changed from not set to "
    brands = [
        {
            "source_type": "brand",
            "change_description": f"{mapped}help.acme.example",
            "created_at": "2026-01-01T00:00:00Z",
        },
        {"source_type": "Brand", "change_description": f"{mapped}b.example", "created_at": "2027-01-01T00:00:00Z"},
    ]
    rules = [{"source_type": "trigger", "change_description": text, "url": url} for text in WAYS]
    connection = read_as([*rules, *brands], "audit_events")
    rows = connection.execute("SELECT ways_out FROM audit_events WHERE object_type = 'trigger' ORDER BY id").fetchall()
    assert {text: sorted(ways) for text, (ways,) in zip(WAYS, rows, strict=True)} == WAYS
