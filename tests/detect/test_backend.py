"""What a Sigma rule means, on a log of a few events; and what is refused, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.examples import examples
from zendesk_audit_assets.detect import Rule, RuleError, load_rules
from zendesk_audit_assets.detect.example_format import parse_examples
from zendesk_audit_assets.detect.examples import failed_examples

Write = Callable[..., Any]
Own = Callable[..., Rule]


def judged(rule: Rule, match: Sequence[Mapping[str, Any]], no_match: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which of these records the rule judges otherwise."""
    examples = parse_examples({"match": list(match), "no_match": list(no_match)}, rule.file)
    return [failure for _, failure in failed_examples([replace(rule, examples=examples)])]


# A detection, an event that it finds, and one that it does not.
MEANINGS: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = [
    ("one:\n  action: UPDATE\ncondition: one", {"action": "update"}, {"action": "updated"}),
    ("one:\n  action|cased: UPDATE\ncondition: one", {"action": "UPDATE"}, {"action": "update"}),
    ("one:\n  actor_name: Ä*\ncondition: one", {"actor_name": "äneas"}, {"actor_name": "Aeneas"}),
    ("one:\n  actor_name: a?a\ncondition: one", {"actor_name": "AdA"}, {"actor_name": "Adda"}),
    ("one:\n  actor_name: a*a\ncondition: one", {"actor_name": "A%_da"}, {"actor_name": "Adam"}),
    (r"one:{NL}  source_label: '10\*'{NL}condition: one", {"source_label": "10*"}, {"source_label": "100"}),
    ("one:\n  source_label: a_b*c\ncondition: one", {"source_label": "a_b--c"}, {"source_label": "axb--c"}),
    ("one:\n  source_label: 5%*x\ncondition: one", {"source_label": "5% x"}, {"source_label": "50 x"}),
    (r"one:{NL}  source_label: 'a\b*c'{NL}condition: one", {"source_label": r"a\b c"}, {"source_label": "ab c"}),
    ("one:\n  source_label|contains: 5%\ncondition: one", {"source_label": "at 5% p"}, {"source_label": "500"}),
    ("one:\n  source_label|startswith: it's\ncondition: one", {"source_label": "It's"}, {"source_label": "its"}),
    ("one:\n  source_label|endswith: _x\ncondition: one", {"source_label": "a_X"}, {"source_label": "ax"}),
    ("one:\n  source_label: ''\ncondition: one", {"source_label": ""}, {"source_label": None}),
    ("one:\n  source_label: '*'\ncondition: one", {"source_label": ""}, {"source_label": None}),
    ("one:\n  source_label: null\ncondition: one", {"source_label": None}, {"source_label": ""}),
    ("one:\n  ip_address|exists: true\ncondition: one", {"ip_address": "::1"}, {}),
    ("one:\n  ip_address|exists: false\ncondition: one", {}, {"ip_address": "::1"}),
    ("one:\n  source_label|re: ^A.c$\ncondition: one", {"source_label": "Abc"}, {"source_label": "abc"}),
    ("one:\n  source_label|re|i: ^A.c$\ncondition: one", {"source_label": "aBC"}, {"source_label": "abcd"}),
    (r"one:{NL}  source_label|re: '\d{2}'{NL}condition: one", {"source_label": "a42"}, {"source_label": "a4"}),
    (
        "one:\n  source_label|contains|all: [a, b]\ncondition: one",
        {"source_label": "ab"},
        {"source_label": "a"},
    ),
    (
        "one:\n  fields: ROLE\n  new_values|endswith: min\ncondition: one",
        {"change_description": "Name changed from A to B\nRole changed from Agent to Admin"},
        {"change_description": "Notes changed from not set to Role changed from Agent to Admin"},
    ),
    (
        "one:\n  fields|re: ^Na\nother:\n  unparsed|contains: was\ncondition: one and not other",
        {"change_description": "Name changed from A to not set"},
        {"change_description": "Secret was reset\nName changed from A to B"},
    ),
    (
        "one:\n  role_change: admin_granted\ncondition: one",
        *(
            {"source_type": source_type, "change_description": "Role changed from Agent to Admin"}
            for source_type in ("user", "macro")
        ),
    ),
    ("one:\n  action: [create, destroy]\ncondition: one", {"action": "destroy"}, {"action": "login"}),
    ("one:\n  source_id: 5\ncondition: one", {"source_id": 5}, {"source_id": 6}),
    ("one:\n  source_id: '-1'\ncondition: one", {"source_id": -1}, {"source_id": None}),
    ("one:\n  source_id|gt: 5\ncondition: one", {"source_id": 6}, {"source_id": 5}),
    ("one:\n  source_id|lte: 5\ncondition: one", {"source_id": 5}, {"source_id": None}),
    ("one:\n  source_label: 5\ncondition: one", {"source_label": "5"}, {"source_label": "6"}),
    ("one:\n  is_person: true\ncondition: one", {"actor_id": 1}, {"actor_id": -1}),
    ("one:\n  actor_id|fieldref: source_id\ncondition: one", {"actor_id": 1, "source_id": 1}, {"actor_id": 1}),
    ("one:\n  action: create\ncondition: not one", {"action": None}, {"action": "create"}),
    ("one:\n  action|contains: create\ncondition: not one", {}, {"action": "created"}),
    ("one:\n  actor_id|gt: 5\ncondition: not one", {"actor_id": None}, {"actor_id": 6}),
    (
        "one:\n  action: create\n  actor_id: 5\ncondition: not one",
        {"action": "create"},
        {"action": "create", "actor_id": 5},
    ),
    ("one:\n  action: create\ncondition: not (not one)", {"action": "create"}, {"action": None}),
    (
        "one:\n  action: create\ntwo:\n  actor_id: 5\ncondition: one and not two",
        {"action": "create", "actor_id": None},
        {"action": "create", "actor_id": 5},
    ),
    ("one_a:\n  action: a\none_b:\n  actor_id: 5\ncondition: 1 of one_*", {"actor_id": 5}, {"actor_id": 6}),
    (
        "one_a:\n  action: a\none_b:\n  actor_id: 5\ncondition: all of them",
        {"action": "A", "actor_id": 5},
        {"actor_id": 5},
    ),
    ("one:\n  - action: a\n  - actor_id: 5\ncondition: one", {"actor_id": 5}, {"action": "b"}),
    ("one:\n  action: a\ntwo:\n  action: b\ncondition: [one, two]", {"action": "b"}, {"action": "c"}),
]


def test_a_rule_finds_what_it_describes_and_nothing_else(folder: Path, write: Write) -> None:
    said = {}
    for number, (detection, found, missed) in enumerate(MEANINGS):
        name = f"OWN-{number:02}"
        write(detection.replace("{NL}", "\n"), file=f"{number}.yml", number=number, name=name)
        said[name] = parse_examples({"match": [found], "no_match": [missed]}, name)
    rules = [replace(rule, examples=said[rule.name]) for rule in load_rules(folder, packaged=False)]
    assert len(rules) == len(MEANINGS)
    failures = [(MEANINGS[int(rule.name[-2:])], failure) for rule, failure in failed_examples(rules)]
    assert failures == []


@pytest.mark.parametrize(
    ("detection", "feature"),
    [
        ("one:\n  shoe_size: 5\ncondition: one", "the field 'shoe_size', which audit_events does not have"),
        ("one:\n  ip_address|cidr: 10.0.0.0/8\ncondition: one", "the modifier cidr"),
        ("one:\n  created_at|hour: 3\ncondition: one", "parts of a time"),
        ("one:\n  created_at: 2026-01-01T00:00:00Z\ncondition: one", "Unsupported type"),
        ("one:\n  actor_id: 'a*'\ncondition: one", "comparing the field 'actor_id', which is BIGINT, with text"),
        ("one:\n  state: off\ncondition: one", "comparing the field 'state', which is VARCHAR, with true or false"),
        ("one:\n  is_person: 1\ncondition: one", "comparing the field 'is_person', which is BOOLEAN, with a number"),
        ("one:\n  action|gt: 1\ncondition: one", "comparing the field 'action', which is VARCHAR, with a number"),
        ("one:\n  actor_id|re: 1\ncondition: one", "comparing the field 'actor_id', which is BIGINT, with a regular"),
        ("one:\n  actor_id|fieldref: action\ncondition: one", "which have different types"),
        ("one:\n  action|fieldref|startswith: setting\ncondition: one", "the modifier fieldref together with"),
        ("one:\n  actor_id|fieldref: shoe_size\ncondition: one", "the field 'shoe_size'"),
        ("one:\n  source_label|re: (?=a)b\ncondition: one", "xpression '(?=a)b'"),
        ("one:\n  source_label|re: (a\ncondition: one", "Regular expression '(a' is invalid"),
        ("one:\n  source_label|expand: '%admins%'\ncondition: one", "placeholders"),
        ("one:\n  - secret\ncondition: one", "values without a field"),
        ("one:\n  - 5\ncondition: one", "values without a field"),
        ("one:\n  '|re': secret\ncondition: one", "values without a field"),
        ("one:\n  action: create\ncondition: one and two", "Detection 'two' not defined"),
        ("one:\n  action: create\ncondition: one | count() > 5", "Sigma correlations"),
    ],
)
def test_what_cannot_be_said_in_sql_is_refused_by_its_name(
    write: Write, own: Own, detection: str, feature: str
) -> None:
    path = write(detection)
    with pytest.raises(RuleError) as error:
        own()
    assert feature in error.value.cause
    assert error.value.cause.startswith(f"The rule file {path} cannot be used: ")
    assert "\n" not in error.value.cause


def test_names_and_values_are_never_sql(write: Write, own: Own) -> None:
    write('one:\n  source_label: "\'); DROP TABLE audit_logs; --"\ncondition: one')
    assert judged(own(), [{"source_label": "'); drop table audit_logs; --"}], [{"source_label": "'"}]) == []


TEXTS = st.none() | st.text(alphabet="aAbB%_\\'*?é", max_size=4)


def like(pattern: str, text: str) -> bool:
    """Sigma's own comparison with wildcards, character by character."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(like(pattern[1:], text[n:]) for n in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and like(pattern[1:], text[1:])


@given(pattern=st.text(alphabet="aAbB%_'*?é", min_size=1, max_size=5), texts=st.lists(TEXTS, min_size=1, max_size=20))
@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wildcards_match_as_a_comparison_character_by_character_would(
    folder: Path, write: Write, pattern: str, texts: list[str | None]
) -> None:
    matching = [{"source_label": text} for text in texts if text is not None and like(pattern.lower(), text.lower())]
    others = [{"source_label": text} for text in texts if {"source_label": text} not in matching]
    judges = {
        "OWN-1": parse_examples({"match": matching, "no_match": others}, "OWN-1"),
        "OWN-2": parse_examples({"match": others, "no_match": matching}, "OWN-2"),
    }
    write(f'one:\n  source_label: "{pattern}"\ncondition: one', number=1, name="OWN-1", file="1.yml")
    write(f'one:\n  source_label: "{pattern}"\ncondition: not one', number=2, name="OWN-2", file="2.yml")
    rules = [replace(rule, examples=judges[rule.name]) for rule in load_rules(folder, packaged=False)]
    assert [rule.name for rule in rules] == ["OWN-1", "OWN-2"]
    assert list(failed_examples(rules)) == []
