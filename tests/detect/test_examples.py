"""The examples of a rule run through the real findings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from zendesk_audit_assets.detect import Rule, RuleError, load_rules
from zendesk_audit_assets.detect.examples import failed_examples

Write = Callable[..., Path]
Own = Callable[..., Rule]
ANYTHING = "one:\n  action: create\ncondition: one"


def test_an_example_that_does_not_hold_is_told(write: Write, own: Own) -> None:
    path = write(ANYTHING)
    path.write_text(
        path.read_text() + "examples:\n  match: [{action: login}, {action: create}]\n  no_match: [{action: create}]\n"
    )
    assert [failure for _, failure in failed_examples([own()])] == [
        "OWN-1 does not find its example 1 of 'match'.",
        "OWN-1 finds its example 1 of 'no_match'.",
    ]


COUNTED = """
-- title: Three days in a row, and the log is known for long enough
-- id: 00000000-0000-0000-0000-00000000abcd
-- name: OWN-SQL
-- level: low
-- look_back: 3d
-- examples:
--   match:
--     - - {actor_id: 6, created_at: 2026-01-01}
--       - {actor_id: 5, created_at: 2026-01-09T10:00:00Z, times: 3, every: 1d}
--   no_match:
--     - - {actor_id: 6, created_at: 2026-01-02T10:00:01+00:00}
--       - {actor_id: 5, created_at: 2026-01-09T10:00:00Z, times: 3, every: 1d}
--     - - {actor_id: 6, created_at: 2026-01-01}
--       - {actor_id: 5, created_at: 2026-01-09T10:00:00Z, times: 2, every: 1d}
SELECT 'x' AS group_key, list(id) AS event_ids, '' AS explanation FROM history WHERE actor_id = 5
HAVING count(*) >= 3 AND max(created_at) - getvariable('log_start') >= INTERVAL 9 DAY;
""".lstrip()


@pytest.mark.parametrize(
    ("wrong", "right", "failures"),
    [
        ("", "", []),
        (">= 3", ">= 4", ["OWN-SQL does not find its example 1 of 'match'."]),
        (">= 3", ">= 2", ["OWN-SQL finds its example 2 of 'no_match'."]),
        ("INTERVAL 9 DAY", "INTERVAL 8 DAY", ["OWN-SQL finds its example 1 of 'no_match'."]),
    ],
)
def test_an_example_may_repeat_events_and_its_log_begins_with_them(
    write: Write, own: Own, wrong: str, right: str, failures: list[str]
) -> None:
    write(text=COUNTED.replace(wrong, right), file="own.sql")
    assert [failure for _, failure in failed_examples([own("OWN-SQL")])] == failures


OF_A_TABLE = """
-- title: Somebody important
-- id: 00000000-0000-0000-0000-00000000abcd
-- name: OWN-SQL
-- level: low
-- needs: [vips]
-- examples:
--   match:
--     - {events: {actor_id: 5}, tables: {vips: [{who: 5}]}}
--   no_match:
--     - {events: {actor_id: 6}, tables: {vips: [{who: 5}]}}
SELECT 'x' AS group_key, list(id) AS event_ids, '' AS explanation FROM evaluated JOIN vips ON who = actor_id
HAVING count(*) > 0;
""".lstrip()


def test_an_example_brings_the_tables_that_its_rule_needs(write: Write, own: Own) -> None:
    write(text=OF_A_TABLE, file="own.sql")
    assert list(failed_examples([own("OWN-SQL")])) == []
    path = write(
        text=OF_A_TABLE.replace("{events: {actor_id: 6}, tables: {vips: [{who: 5}]}}", "{actor_id: 6}"), file="own.sql"
    )
    with pytest.raises(RuleError) as error:
        list(failed_examples([own("OWN-SQL")]))
    assert f"{path} cannot be used: an example of it has no table vips, which it needs" in error.value.cause


OVER_FINDINGS = """
-- title: Found by anybody
-- id: 00000000-0000-0000-0000-00000000abcd
-- name: OWN-SQL
-- level: low
-- input: findings
-- examples:
--   match:
--     - {action: create}
--   no_match:
--     - {action: update}
SELECT rule AS group_key, event_ids, '' AS explanation FROM found;
""".lstrip()


def test_an_own_rule_over_findings_is_tried_on_rules_in_force(folder: Path, write: Write, own: Own) -> None:
    write(text=OVER_FINDINGS, file="own.sql")
    missed = [(own("OWN-SQL"), "OWN-SQL does not find its example 1 of 'match'.")]
    assert list(failed_examples([own("OWN-SQL")])) == missed
    write(ANYTHING)
    assert list(failed_examples([own("OWN-SQL")], load_rules(folder, packaged=False))) == []


def test_a_packaged_rule_over_findings_is_tried_on_the_package(folder: Path, write: Write) -> None:
    write(text="disable: [ZD-001]\nlevel: {ZD-004: low}\n", file="settings.yml")
    in_force = load_rules(folder)
    assert list(failed_examples([rule for rule in in_force if rule.name == "ZD-115"], in_force)) == []
