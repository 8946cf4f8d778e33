from __future__ import annotations

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.masking import (
    _HARMLESS,
    SQL_PATTERN,
    mask,
    mask_sql,
)
from zendesk_audit_assets.text import sql_literal
from zendesk_audit_assets.transform import query

SECRETS = {
    "Bearer of a request": ("Headers: Bearer mF_9.B5f-4.1JqM now", "Headers: Bearer [masked] now"),
    "basic credentials": ("basic dXNlcjpwYXNz", "basic [masked]"),
    "header": ("Authorization: Token 0a1b2c3d4e5f", "Authorization: [masked]"),
    "header in JSON": ('{"Authorization":"0a1b2c3d4e5f"}', '{"Authorization":"[masked]"}'),
    "user and password in an address": (
        "Notify webhook https://robot:hunter2@hooks.example.com/in",
        "Notify webhook https://[masked]@hooks.example.com/in",
    ),
    "password alone in an address": ("redis://:hunter2@cache:6379/0", "redis://[masked]@cache:6379/0"),
    "webhook of Slack": (
        "Target changed from not set to https://hooks.slack.com/services/T000/B000/abcDEF123",
        "Target changed from not set to https://hooks.slack.com/services/[masked]",
    ),
    "JSON web token": ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln end", "jwt [masked] end"),
    "token of Slack": ("uses xoxb-1234567890-abcdef", "uses [masked]"),
    "key of AWS": ("key AKIAIOSFODNN7EXAMPLE.", "key [masked]."),
    "token of GitHub": ("ghp_0123456789abcdefABCDEF0123456789abcd", "[masked]"),
    "key of Stripe": ("sk_live_0123456789abcdef", "[masked]"),
    "private key": (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIE-x\n-----END RSA PRIVATE KEY----- after",
        "[masked] after",
    ),
    "private key without an end": ("before -----BEGIN PRIVATE KEY-----\nMIIE", "before [masked]"),
    "in an address": ("https://example.com/?api_key=s3cretvalue&page=2", "https://example.com/?api_key=[masked]&page=2"),
    "in JSON": ('{"client_secret": "s3cretvalue", "a": 1}', '{"client_secret": "[masked]", "a": 1}'),
    "in JSON within JSON": (r'"{\"token\":\"s3cretvalue\"}"', r'"{\"token\":\"[masked]\"}"'),
    "in JSON, escaped": ("&quot;token&quot;:&quot;s3cretvalue&quot;", "&quot;token&quot;:&quot;[masked]&quot;"),
    "in a Ruby hash": ('{:api_token=>"s3cretvalue"}', '{:api_token=>"[masked]"}'),
    "in a Ruby hash, escaped": (
        "{:password=&amp;gt;&amp;quot;s3cretvalue&amp;quot;}",
        "{:password=&amp;gt;&amp;quot;[masked]&amp;quot;}",
    ),
    "set": ("Client secret changed from not set to 9f86d081884c7d65", "Client secret changed from not set to [masked]"),
    "changed": ("API token changed from 9f86d081884c to a4b1c2d3e4f5", "API token changed from [masked] to [masked]"),
    "removed": ("Secret changed from 9f86d081884c to not set", "Secret changed from [masked] to not set"),
}  # fmt: skip
HARMLESS = [
    "",
    "Enabled",
    "Title changed from Password reset to Token ring",
    "Password changed",
    "Token access changed from off to on",
    "Support role changed from Agent to Administrator",
    "description changed from not set to warehouse sync",
    "Successful sign-in using Zendesk password from https://demo.zendesk.com/access/login",
    "Endpoint changed from https://hooks.example.com/in to https://hooks.example.com/v2",
    "Subject contains password reset",
    "Workweek changed from {&quot;mon&quot;:{&quot;09:00&quot;:&quot;17:00&quot;}} to {}",
    "Basic plan",
    "Passwort geändert",
    "The password is required",
    "The token is one of 3",
    'Ada changed setting "Security: JSON Web Token": Remote login changed from a to b',
    "Signature changed from not set to Kind regards, Ada",
]
NAMES = (
    "Shared secret",
    "API key",
    "Password",
    "client_secret",
    "token",
    "pwd",
    "Wachtwoord",
    "Mot de passe",
    "パスワード",
)
NO_SECRETS = ("not set", "none", "None", "NULL", "true", "False", "on", "Off", "enabled", "disabled", "[masked]")
VALUES = (
    "x",
    "old",
    "abc123",
    "hunter2",
    "n",
    "notset",
    "nonet",
    "none of it",
    "a b",
    "пароль",
    "s3cr3tVALUE99",
    "[x]",
)
TEXTS = st.lists(
    st.sampled_from(
        [
            *(text for text, _ in SECRETS.values()),
            *HARMLESS,
            "é",
            "\n",
            " ",
            '"',
            "token",
            "=",
            ": ",
            "abcdef1234",
            " changed from ",
            " to ",
            "none",
            "[masked]",
        ]
    ),
    max_size=6,
).map("".join)


@pytest.fixture(scope="module")
def shell() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_is_masked_and_the_words_around_it_stay(name: str) -> None:
    text, expected = SECRETS[name]
    assert mask(text) == expected


@pytest.mark.parametrize("text", HARMLESS)
def test_what_holds_no_secret_stays_as_it_is(text: str) -> None:
    assert mask(text) == text


@pytest.mark.few(70)
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("old", [*VALUES, *NO_SECRETS])
def test_both_values_of_a_changed_secret_are_masked(name: str, old: str) -> None:
    for new in (*VALUES, *NO_SECRETS):
        masked = mask(
            f"Title changed from Old to New\n{name} changed from {old} to {new}\nMode changed from x to abc123"
        )
        first, line, last = masked.split("\n")
        assert (first, last) == ("Title changed from Old to New", "Mode changed from x to abc123")
        expected = [value if value in NO_SECRETS else "[masked]" for value in (old, new)]
        # Where an old value of several words ends is not known.
        assert line.removeprefix(f"{name} changed from ") in (" to ".join(expected), "[masked]")
        assert line != f"{name} changed from [masked]" or " " in old


@given(st.sampled_from(NAMES), st.text(st.characters(exclude_characters="\n"), min_size=1))
def test_what_a_secret_changes_to_never_stays(name: str, new: str) -> None:
    harmless = mask(f"{name} changed from x to {new}") == f"{name} changed from [masked] to {new}"
    assert not harmless or new.lower() in _HARMLESS


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Mot de passe\u00a0: hunter2", "Mot de passe\u00a0: [masked]"),
        ("/in?password%3Dhunter2&page=2", "/in?password%3D[masked]&page=2"),
        ("The password is hunter2.", "The password is [masked]"),
        ("Das Passwort ist hunter2", "Das Passwort ist [masked]"),
        ("https://api.telegram.org/bot123456789:AAH" + 32 * "x" + "/sendMessage",
         "https://api.telegram.org/[masked]/sendMessage"),
        ('"JSON Web Token": Shared secret changed from old to new1',
         '"JSON Web Token": Shared secret changed from [masked] to [masked]'),
    ],
)  # fmt: skip
def test_a_secret_is_found_by_its_name_in_other_forms(text: str, expected: str) -> None:
    assert mask(text) == expected


@given(TEXTS)
def test_masked_twice_is_masked_once(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(st.lists(TEXTS, min_size=1, max_size=20))
def test_the_database_masks_and_finds_the_same(shell: duckdb.DuckDBPyConnection, texts: list[str]) -> None:
    found = shell.execute(
        f"SELECT {mask_sql('text')}, regexp_matches(text, ?) FROM (SELECT unnest(?) AS text)", [SQL_PATTERN, texts]
    ).fetchall()
    assert found == [(mask(text), mask(text) != text) for text in texts]


def test_the_view_of_events_has_these_patterns() -> None:
    assert sql_literal(SQL_PATTERN) in query("audit_events")
