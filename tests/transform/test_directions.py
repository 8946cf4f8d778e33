"""Whether a setting protects weaker or stronger, by the words of its label, its fields and its sentence."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable

import duckdb
import pytest

from zendesk_audit_assets.detect import Rule, load_rules

ReadAs = Callable[..., duckdb.DuckDBPyConnection]

PROTECTIONS = (
    "two-factor authentication",
    "2FA",
    "multi_factor authentication",
    "single sign-on",
    "SAML",
    "JSON web token",
    "IP restrictions",
    "allowed IP ranges",
    "credit card redaction",
    "password policy",
    "session expiration",
)
WHAT_ELSE = (
    "",
    " for API access",
    " for remote access",
    ": Microsoft Entra ID",
    ": Google Workspace",
    " in exports",
    " for forwarded mail",
    " of archived tickets",
    " for account assumption",
    " for public access",
    " (Facebook)",
)
RESTRICTIONS = (
    "Restrict data export to approved domains",
    "Block forwarding",
    "Limit remote access",
    "Prevent account assumption",
    "Require approval for account assumption",
    "Restrict mobile app access",
    "Disable password access",
    "Turn off remote access",
    "Suppress access to PII",
    "Log out users after password reset for remote access",
)
OPENINGS = (
    "Allow admins to set passwords",
    "Remote access",
    "Account assumption",
    "Google sign-in",
    "Data export",
    "Password sign-in fallback",
    "Password access",
    "Public access",
    "Remember me",
)
TURNED_ROUND = (
    "Disable {}",
    "Skip {}",
    "Bypass {}",
    "{} exemption",
    "{} bypass",
    "{} fallback",
    "Exempt users from {}",
)
DISAGREE = (
    "Allow single sign-on",
    "Prevent two-factor authentication bypass",
    "Require two-factor authentication: exemption for API",
    "Prevent users from disabling 2FA",
    "Disable password fallback",
    "Data export domains",
    "Disable whatever this is",
)


def directions(read_as: ReadAs, changes: Iterable[tuple[str, str]]) -> list[str | None]:
    """Of each label with its description."""
    records = [
        {"source_type": "account_setting", "source_label": label, "change_description": text} for label, text in changes
    ]
    rows = read_as(records, "audit_events").execute("SELECT direction FROM audit_events ORDER BY id").fetchall()
    return [direction for (direction,) in rows]


def told(read_as: ReadAs, labels: Iterable[str]) -> dict[str, tuple[str | None, ...]]:
    """What on and off mean for each label, in three wordings each."""
    texts = (
        "Turned on",
        "Enabled",
        "Enforced changed from false to true",
        "Turned off",
        "Disabled.",
        "State changed from on to off",
    )
    pairs = [(f"Security: {label}", text) for label in labels for text in texts]
    found = directions(read_as, pairs)
    return {label: tuple(found[number * len(texts) : (number + 1) * len(texts)]) for number, label in enumerate(labels)}


ON_IS_STRONGER = ("stronger",) * 3 + ("weaker",) * 3
ON_IS_WEAKER = ("weaker",) * 3 + ("stronger",) * 3


def test_a_protection_is_weaker_when_off_whatever_it_names(read_as: ReadAs) -> None:
    labels = [
        f"{prefix}{one}{more}"
        for prefix, one, more in itertools.product(("", "Enable ", "Require "), PROTECTIONS, WHAT_ELSE)
    ]
    labels += RESTRICTIONS
    assert told(read_as, labels) == dict.fromkeys(labels, ON_IS_STRONGER)


def test_a_word_that_lets_past_turns_a_protection_round(read_as: ReadAs) -> None:
    labels = [form.format(one) + more for form, one, more in itertools.product(TURNED_ROUND, PROTECTIONS, WHAT_ELSE)]
    labels += OPENINGS
    assert told(read_as, labels) == dict.fromkeys(labels, ON_IS_WEAKER)


def test_words_that_disagree_have_no_clear_direction(read_as: ReadAs) -> None:
    assert told(read_as, DISAGREE) == dict.fromkeys(DISAGREE, ("unclear",) * 6)


BY_FIELD_OR_SENTENCE = {
    ("Security: Single sign-on", "Password fallback changed from off to on"): "weaker",
    ("Security: Two-factor authentication", "Exempt users changed from false to true"): "weaker",
    ("Security: Two-factor authentication", "Two-factor bypass is now enabled"): "weaker",
    ("Security: Two-factor authentication", "Two-factor authentication is no longer required"): "weaker",
    ("Security: Two-factor authentication", "Two-factor bypass was disabled"): "unclear",
    ("Security: Two-factor authentication", "Two-factor authentication is now enforced"): "stronger",
    ("Security: Two-factor authentication", "Turned on by Ada"): "stronger",
    ("Security: Two-factor authentication", "Enabled: false"): "unclear",
    ("Security: Two-factor authentication", "Enforcement is on for admins only"): "unclear",
    ("Security: Two-factor authentication", "Turned on for admins only"): "unclear",
    ("Security: Two-factor authentication", "Enabled for 3 users"): "unclear",
    ("Security: Two-factor authentication", "Enabled exemption for 3 users"): "weaker",
    ("Security: Single sign-on", "Disabled changed from false to true"): "weaker",
    ("Security: Single sign-on", "Turned on\nPassword bypass changed from off to on"): "weaker",
    ("Security: Account assumption", "Requires approval changed from true to false"): "weaker",
    ("Security: Allowed IP ranges", "Ranges changed from 192.0.2.0/24 to 192.0.2.0/24, 0.0.0.0/0"): "weaker",
    ("Security: Allowed IP ranges", "Ranges changed from 192.0.2.0/24 to ::/0"): "weaker",
    ("Security: Lockout duration", "Lockout duration changed from 30 to 1"): None,
}


def test_a_field_or_a_sentence_can_turn_it_round(read_as: ReadAs) -> None:
    assert (
        dict(zip(BY_FIELD_OR_SENTENCE, directions(read_as, BY_FIELD_OR_SENTENCE), strict=True)) == BY_FIELD_OR_SENTENCE
    )


@pytest.mark.parametrize("rule", load_rules(), ids=lambda rule: rule.name)
def test_a_rule_counts_an_unclear_direction_as_weaker(rule: Rule) -> None:
    assert ("'weaker'" in rule.sql) <= ("'unclear'" in rule.sql)
