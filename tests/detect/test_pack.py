"""The packaged rules keep what their examples promise, and say what a rule should say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zendesk_audit_assets.detect import Rule, load, load_rules
from zendesk_audit_assets.detect.examples import failed_examples

PACK = load_rules()


def test_a_rule_judges_its_examples_as_it_says() -> None:
    assert [failure for _, failure in failed_examples(PACK)] == []


@pytest.mark.parametrize("rule", PACK, ids=lambda rule: rule.name)
def test_a_rule_says_what_it_means_and_when_it_is_wrong(rule: Rule) -> None:
    assert re.fullmatch(r"ZD-\d{3}(-[a-z]+)?", rule.name)
    assert rule.file.startswith(rule.name[:6].lower().replace("-", "_"))
    assert rule.description
    assert rule.falsepositives
    assert rule.remedy


@pytest.mark.parametrize("rule", PACK, ids=lambda rule: rule.name)
def test_a_rule_has_examples_of_both_kinds(rule: Rule) -> None:
    assert rule.examples.match
    assert rule.examples.no_match


def test_every_file_of_the_pack_gives_rules_of_its_own() -> None:
    files = {file.name for file in Path(load.__file__).with_name("pack").iterdir()}
    assert {rule.file for rule in PACK} == files
    for unique in ("name", "id", "title"):
        assert len({getattr(rule, unique) for rule in PACK}) == len(PACK)


def test_building_blocks_of_correlations_find_nothing_alone() -> None:
    assert not [rule.name for rule in PACK if rule.name.startswith("zd_")]


def test_rules_that_correlations_count_still_speak_for_themselves() -> None:
    assert {"ZD-002", "ZD-003", "ZD-014-suspended"} <= {rule.name for rule in PACK}


def test_no_description_runs_two_words_or_lines_together() -> None:
    for rule in PACK:
        assert "  " not in rule.description
        assert "\n" not in rule.description
