"""`rules`: which are in force, whether their examples hold, and what one says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets.detect import load_rules

OWN = """\
title: Our macro was touched
id: 4d7a1d3e-6a0f-4a3c-9d1f-0a7f8f1c0b11
name: OWN-1
status: experimental
description: The crown jewels, [VIP].
level: critical
logsource: {product: zendesk, service: audit}
detection: {touched: {object_type: macro, source_label|contains: Crown}, condition: touched}
falsepositives: [Maintenance]
examples:
  match:
    - {source_type: macro, source_label: "Macro: Crown jewels"}
  no_match:
    - {source_type: macro, source_label: "Macro: Greeting"}
"""


@pytest.fixture
def own(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one rule of one's own."""
    rules = folder / "rules"
    rules.mkdir()
    (rules / "own.yml").write_text(OWN)
    monkeypatch.setenv("ZENDESK_RULES_DIR", str(rules))
    return rules


def test_the_rules_in_force_are_listed(call: Any) -> None:
    listed = json.loads(call("rules", "list", "--json").output)
    assert [(row["rule"], row["level"], row["title"]) for row in listed] == [
        (rule.name, rule.level, rule.title) for rule in load_rules()
    ]
    severe = json.loads(call("rules", "list", "--level", "high", "--json").output)
    assert {row["level"] for row in severe} == {"high", "critical"}


def test_own_rules_are_listed_and_packaged_ones_can_be_disabled(call: Any, own: Path) -> None:
    (own / "settings.yml").write_text("disable: [ZD-013]\nlevel: {ZD-020: medium}\n")
    listed = {row["rule"]: row["level"] for row in json.loads(call("rules", "list", "--json").output)}
    assert listed["OWN-1"] == "critical"
    assert listed["ZD-020"] == "medium"
    assert "ZD-013" not in listed


def test_the_examples_of_a_rule_are_run(call: Any, own: Path) -> None:
    result = call("rules", "test", "own-1")
    assert (result.exit_code, result.output) == (0, "2 examples of 1 rules: 0 failed.\n")


def test_a_rule_without_examples_is_counted(call: Any, own: Path) -> None:
    (own / "own.yml").write_text(OWN.partition("examples:")[0])
    result = call("rules", "test", "OWN-1")
    assert (result.exit_code, result.output) == (0, "0 examples of 1 rules (1 without examples): 0 failed.\n")


def test_an_example_that_does_not_hold_is_a_failure(call: Any, own: Path) -> None:
    (own / "own.yml").write_text(OWN.replace("Macro: Greeting", "Macro: Crown of thorns"))
    result = call("rules", "test", "OWN-1")
    assert result.exit_code == 1
    assert "own.yml: OWN-1 finds its example 1 of 'no_match'." in result.output
    assert result.output.endswith("2 examples of 1 rules: 1 failed.\n")


def test_without_a_name_the_examples_of_all_rules_are_run(
    call: Any, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = [rule for rule in load_rules(own) if rule.name in ("OWN-1", "ZD-001", "ZD-115")]
    monkeypatch.setattr("zendesk_audit_assets.cli.rules.load_rules", lambda folder: tuple(some))
    result = call("rules", "test")
    assert (result.exit_code, result.output.endswith(": 0 failed.\n")) == (0, True)
    assert "examples of 3 rules" in result.output


@pytest.mark.parametrize("name", ["OWN-1", "own-1", "4d7a1d3e-6a0f-4a3c-9d1f-0a7f8f1c0b11"])
def test_a_rule_is_explained(call: Any, own: Path, name: str) -> None:
    output = call("rules", "explain", name).output
    for text in ("OWN-1: Our macro was touched", "The crown jewels, [VIP].", "critical", "Maintenance", "crown"):
        assert text.lower() in output.lower()


def test_every_packaged_rule_can_be_explained(call: Any) -> None:
    for rule in load_rules()[::10]:
        output = call("rules", "explain", rule.name).output
        assert rule.title in output
        assert rule.sql.strip() in output


def test_a_rule_that_is_not_there_is_an_error_in_words(call: Any) -> None:
    assert "Did you mean ZD-002?" in call("rules", "test", "zd2").output
    result = call("rules", "explain", "ZD-999")
    assert result.exit_code == 1
    remedy = "Run `zendesk-audit rules list` to see the rules in force."
    assert result.output == f"Error: There is no rule 'ZD-999' in force. {remedy}\n"


def test_a_file_that_cannot_be_used_is_named(call: Any, own: Path) -> None:
    (own / "own.yml").write_text("title: [")
    result = call("rules", "list")
    assert result.exit_code == 1
    assert "own.yml" in result.output


@pytest.mark.usefixtures("terminal")
def test_the_list_fits_80_columns(call: Any) -> None:
    lines = call("rules", "list", COLUMNS="80").output.splitlines()
    assert max(map(len, lines)) <= 80
    assert any("ZD-110" in line and "critical" in line and "Self-escalation" in line for line in lines)
    assert not any("…" in line for line in lines)
