"""One's own rules beside, and in the place of, the packaged ones; settings; and files that cannot be used."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets.detect import Rule, RuleError, load_rules

Write = Callable[..., Path]
Own = Callable[..., Rule]

ANYTHING = "one:\n  action: create\ncondition: one"
PACK = {rule.name: rule for rule in load_rules()}

SQL_RULE = """
-- title: Anything at all
-- id: 00000000-0000-0000-0000-00000000abcd
-- name: OWN-SQL
-- level: low
-- description: >-
--   Said over
--   two lines.
-- tags: [attack.impact, attack.t1485, attack.T1098.003]
-- look_back: 2d
SELECT 'x' AS group_key, list(id) AS event_ids, 'Anything.' AS explanation FROM evaluated;
""".lstrip()


def test_own_rules_stand_beside_the_packaged_ones_in_any_depth(folder: Path, write: Write) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    write(ANYTHING, number=1, name="OWN-1")
    write(ANYTHING, number=2, name="OWN-2", file="deep/er/own.yaml")
    write(text=SQL_RULE, file="deep/own.sql")
    names = [rule.name for rule in load_rules(folder)]
    assert set(names) - set(PACK) == {"OWN-1", "OWN-2", "OWN-SQL"}
    assert set(PACK) < set(names)
    assert names == sorted(names)


def test_the_packaged_rules_compile_once_per_process(folder: Path, write: Write) -> None:
    write(ANYTHING)
    first, second = load_rules(), load_rules(folder)
    assert all(one is other for one, other in zip(first, (rule for rule in second if rule.packaged), strict=True))


def test_filtering_a_packaged_rule_leaves_the_shared_ones_alone(folder: Path, write: Write) -> None:
    before = PACK["ZD-001"].sql
    write(text=FILTER, file="filter.yml")
    assert {rule.name: rule.sql for rule in load_rules(folder)}["ZD-001"] != before
    assert {rule.name: rule.sql for rule in load_rules()}["ZD-001"] == before


def test_a_name_of_a_packaged_building_block_is_taken(folder: Path, write: Write) -> None:
    path = write(ANYTHING, name="zd_111_act")
    with pytest.raises(RuleError) as error:
        load_rules(folder)
    assert f"{path} cannot be used: the name zd_111_act is already that of a rule in" in error.value.cause


def test_what_is_hidden_in_the_folder_is_no_rule(folder: Path, write: Write) -> None:
    (folder / ".github").mkdir()
    (folder / "..2024_01_01").mkdir()
    for hidden in (".github/workflow.yml", "..2024_01_01/own.sql", ".own.sql.swp.sql"):
        write(text=SQL_RULE, file=hidden)
    write(text=SQL_RULE, file="own.sql")
    assert {rule.name for rule in load_rules(folder)} - set(PACK) == {"OWN-SQL"}


def test_an_own_rule_with_the_id_of_a_packaged_one_takes_its_place(folder: Path, write: Write) -> None:
    packaged = PACK["ZD-008"]
    path = write(ANYTHING, name="ZD-008", level="critical")
    path.write_text(path.read_text().replace("00000000-0000-0000-0000-000000000001", packaged.id))
    rules = {rule.name: rule for rule in load_rules(folder)}
    assert set(rules) == set(PACK)
    assert (rules["ZD-008"].level, rules["ZD-008"].file) == ("critical", str(path))


def test_a_correlation_counts_what_an_own_rule_has_replaced(folder: Path, write: Write) -> None:
    path = write("one:\n  source_label: gesperrt\ncondition: one", name="ZD-014-suspended")
    path.write_text(path.read_text().replace("00000000-0000-0000-0000-000000000001", PACK["ZD-014-suspended"].id))
    rules = {rule.name: rule for rule in load_rules(folder)}
    assert "gesperrt" in rules["ZD-106"].sql
    assert rules["ZD-106"].digest != PACK["ZD-106"].digest


def test_a_referred_rule_finds_only_if_the_correlation_generates(folder: Path, write: Write) -> None:
    write(ANYTHING, name="part")
    correlation = """
title: Three of them
id: 00000000-0000-0000-0000-000000000009
name: OWN-9
level: high
correlation: {{type: event_count, rules: [part], timespan: 1h, condition: {{gte: 3}}, generate: {generate}}}
"""
    write(text=correlation.format(generate="false"), file="correlation.yml")
    assert [rule.name for rule in load_rules(folder, packaged=False)] == ["OWN-9"]
    write(text=correlation.format(generate="true"), file="correlation.yml")
    assert [rule.name for rule in load_rules(folder, packaged=False)] == ["OWN-9", "part"]


def test_a_sigma_filter_narrows_the_rules_it_names(folder: Path, write: Write, own: Own) -> None:
    write(ANYTHING)
    write(
        text="""
title: Not our own robot
logsource: {product: zendesk, service: audit}
filter:
  rules: [00000000-0000-0000-0000-000000000001]
  robot: {actor_name: Okta SCIM}
  condition: not robot
""",
        file="filter.yml",
    )
    assert "okta scim" in own().sql.lower()
    assert own().digest == own().digest


FILTER = """
title: Not our own robot
logsource: {product: zendesk, service: audit}
filter:
  rules: [ZD-001]
  robot: {actor_name: Okta SCIM}
  condition: not robot
"""


@pytest.mark.parametrize(
    ("wrong", "right", "problem"),
    [("ZD-001", "ZD-999", "ZD-999"), ("zendesk", "windows", "is not about Zendesk's audit log")],
)
def test_a_filter_that_narrows_nothing_is_an_error(
    folder: Path, write: Write, wrong: str, right: str, problem: str
) -> None:
    write(text=f"{FILTER}---{FILTER}", file="filter.yml")
    (narrowed,) = (rule for rule in load_rules(folder) if rule.name == "ZD-001")
    assert narrowed.sql.lower().count("okta scim") == 2
    path = write(text=FILTER.replace(wrong, right), file="filter.yml")
    with pytest.raises(RuleError) as error:
        load_rules(folder)
    assert problem in error.value.cause
    assert str(path) in error.value.cause


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "there is no rule in it"), ("just a text", "it is not a Sigma rule"), ("- 1", "it is not a Sigma rule")],
)
def test_a_file_without_a_rule_is_an_error(folder: Path, write: Write, text: str, problem: str) -> None:
    path = write(text=text)
    with pytest.raises(RuleError) as error:
        load_rules(folder)
    assert f"{path} cannot be used: {problem}" in error.value.cause


def test_settings_switch_rules_off_and_grade_them(folder: Path, write: Write) -> None:
    write(text="disable: [ZD-013, ZD-101]\nlevel: {ZD-020: medium, ZD-014-suspended: low}\n", file="settings.yml")
    rules = {rule.name: rule for rule in load_rules(folder)}
    assert set(PACK) - set(rules) == {"ZD-013", "ZD-101"}
    assert {name: rules[name].level for name in ("ZD-020", "ZD-014-suspended")} == {
        "ZD-020": "medium",
        "ZD-014-suspended": "low",
    }
    assert rules["ZD-020"].level_is_fixed
    assert rules["ZD-021"] == PACK["ZD-021"]
    assert rules["ZD-020"].digest != PACK["ZD-020"].digest


def test_a_rule_that_is_switched_off_still_counts_in_correlations(folder: Path, write: Write) -> None:
    write(text="disable: [ZD-014-suspended]", file="settings.yml")
    rules = {rule.name: rule for rule in load_rules(folder)}
    assert "ZD-014-suspended" not in rules
    assert rules["ZD-106"] == PACK["ZD-106"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("disable: [ZD-999]", "there is no rule of the name ZD-999"),
        ("level: {ZD-001: severe}", "ZD-001 cannot have the level 'severe'; the levels are informational, low"),
        ("disable: ZD-001", "'disable' is a list of rule names"),
        ("level: [ZD-001]", "'level' gives a level to each of its names"),
        ("levels: {}", "it may say 'disable' and 'level', and nothing else"),
        ("- ZD-001", "it may say 'disable' and 'level', and nothing else"),
        ("a: [", "it cannot be read as YAML"),
    ],
)
def test_settings_that_make_no_sense_are_an_error(folder: Path, write: Write, text: str, problem: str) -> None:
    path = write(text=text, file="settings.yml")
    with pytest.raises(RuleError) as error:
        load_rules(folder)
    assert problem in error.value.cause
    assert str(path) in error.value.cause


def test_empty_settings_change_nothing(folder: Path, write: Write) -> None:
    write(text="", file="settings.yml")
    assert load_rules(folder) == tuple(sorted(PACK.values(), key=lambda rule: rule.name))


def test_a_rule_in_sql_has_its_header_in_comments(write: Write, own: Own) -> None:
    path = write(text=SQL_RULE, file="own.sql")
    rule = own("OWN-SQL")
    assert (rule.kind, rule.input, rule.level, rule.file) == ("sql", "events", "low", str(path))
    assert rule.description == "Said over two lines."
    assert rule.attack == ("T1485", "T1098.003")
    assert rule.look_back.days == 2
    assert rule.sql == "SELECT 'x' AS group_key, list(id) AS event_ids, 'Anything.' AS explanation FROM evaluated"


@pytest.mark.parametrize(
    ("wrong", "right", "problem"),
    [
        ("-- title: Anything at all\n", "", "its header has no 'title'"),
        ("-- id: 00000000-0000-0000-0000-00000000abcd\n", "", "its header has no 'id'"),
        ("-0000-00000000abcd", "", "is not a UUID"),
        ("-- level: low", "-- level: severe", "its level 'severe' is not one of informational, low"),
        ("-- look_back: 2d", "-- look_back: two days", "its look_back 'two days' is not a span such as 30d"),
        ("-- look_back: 2d", "-- look_back: 800000d", "its look_back is not above 0 and up to 3660d"),
        ("-- look_back: 2d", "-- look_back: 99999999999999999999y", "its look_back is not above 0 and up to 3660d"),
        ("-- look_back: 2d", "-- look_back: 0d", "its look_back '0d' is not a span"),
        ("-- title: Anything at all", "-- title:", "its 'title' is not a text"),
        ("-- look_back: 2d", "-- over: log", "its header has the entry 'over', whose name is now 'input'"),
        ("-- look_back: 2d", "-- input: everything", "'input' is 'everything', not one of events, findings, log"),
        ("-- look_back: 2d", "-- lookback: 2d", "its header has the unknown entry 'lookback'"),
        ("-- look_back: 2d", "-- needs: audit_changes", "'needs' in its header is not a list of texts"),
        ("-- look_back: 2d", "-- examples: [1]", "'examples' may have 'match' and 'no_match', and nothing else"),
        ("-- look_back: 2d", "-- examples: {match: [1]}", "an example is not a record, nor a list of records"),
        ("-- look_back: 2d", "-- examples: {match: {action: login}}", "is not a list"),
        ("-- look_back: 2d", "-- examples: {match: [{acton: login}]}", "has the unknown entry acton"),
        ("-- look_back: 2d", "-- examples: {match: [{change_description: on}]}", "change_description is True in an"),
        ("-- look_back: 2d", "-- examples: {match: [{created_at: soon}]}", "created_at is 'soon' in an example"),
        ("-- look_back: 2d", "-- examples: {match: [{times: 3}]}", "'times' without 'every'"),
        ("-- look_back: 2d", "-- examples: {match: [{times: 0, every: 1d}]}", "'times' is 0, not a number from 1 to"),
        ("-- look_back: 2d", "-- examples: {match: [{times: 3, every: day}]}", "'every' 'day' is not a span such as"),
        ("-- look_back: 2d", "-- examples: {match: [{events: [], cover: []}]}", "has the unknown entry cover"),
        (
            "-- look_back: 2d",
            "-- examples: {match: [{events: [], coverage: [{window_start: 2026-01-01}]}]}",
            "'coverage' of an example has no 'window_end'",
        ),
        ("-- look_back: 2d", "-- examples: {match: [{events: [], tables: {vips: []}}]}", "is not a list of rows"),
        ("-- look_back: 2d", "-- examples: {match: [{events: [], tables: [vips]}]}", "does not give rows to names"),
        ("-- look_back: 2d", "-- look_back: [", "its header is not YAML"),
        (SQL_RULE.splitlines()[-1], "", "there is no query below its header"),
        (SQL_RULE.splitlines()[-1], "SELEKT 1", "its query is not SQL"),
        (SQL_RULE.splitlines()[-1], "DELETE FROM audit_logs", "is not one SELECT"),
        (SQL_RULE.splitlines()[-1], "SELECT 1); DELETE FROM audit_logs; (SELECT 1", "its query is not SQL"),
        (SQL_RULE.splitlines()[-1], "SELECT 1; DELETE FROM audit_logs", "is not one SELECT"),
        (SQL_RULE.splitlines()[-1], "COPY evaluated TO 'x'", "is not one SELECT"),
        (SQL_RULE, "SELECT 1", "it does not begin with a header"),
    ],
)
def test_a_header_that_is_not_complete_is_an_error(
    folder: Path, write: Write, wrong: str, right: str, problem: str
) -> None:
    assert wrong in SQL_RULE
    path = write(text=SQL_RULE.replace(wrong, right), file="own.sql")
    with pytest.raises(RuleError) as error:
        load_rules(folder)
    assert problem in error.value.cause
    assert str(path) in error.value.cause
    assert "\n" not in error.value.cause


@pytest.mark.parametrize(
    ("harmless", "hostile", "problem"),
    [
        ("'Anything.'", "(SELECT content FROM read_text('/proc/self/environ'))", "read_text is not allowed"),
        ("'Anything.'", "getenv('HOME')", "getenv is not allowed"),
        ("FROM evaluated", "FROM query('FROM evaluated')", "query is not allowed"),
        ("FROM evaluated", "FROM evaluated, duckdb_secrets()", "duckdb_secrets is not allowed"),
        ("FROM evaluated", "FROM evaluated, 'x.csv'", "There is no table x.csv"),
        ("FROM evaluated", "FROM evaluated, vips", "There is no table vips"),
    ],
)
def test_a_query_that_reads_elsewhere_is_an_error(
    folder: Path, write: Write, harmless: str, hostile: str, problem: str
) -> None:
    write(text=SQL_RULE.replace(harmless, hostile), file="own.sql")
    with pytest.raises(RuleError, match=problem):
        load_rules(folder)


@pytest.mark.parametrize(
    ("wrong", "right", "problem"),
    [
        ("id: 00000000-0000-0000-0000-000000000001\n", "", "a rule needs an id"),
        ("00000000-0000-0000-0000-000000000001", "mine", "identifier must be an UUID"),
        ("product: zendesk", "product: windows", "is not about Zendesk's audit log"),
        ("service: audit", "service: access", "is not about Zendesk's audit log"),
        ("level: low", "level: severe", "severe"),
        ("detection:", "detections:", "detection"),
        ("title: Rule OWN-1", "title: [", "it is not YAML"),
        ("title: Rule OWN-1", r'title: "\ud83d"', "it is not YAML"),
        (
            "name: OWN-1",
            "name: ZD-001",
            "the name ZD-001 is already that of a rule in zd_001_account_owner_changed.yml",
        ),
    ],
)
def test_a_sigma_rule_that_makes_no_sense_is_an_error(
    folder: Path, write: Write, wrong: str, right: str, problem: str
) -> None:
    path = write(ANYTHING)
    assert wrong in path.read_text()
    path.write_text(path.read_text().replace(wrong, right))
    with pytest.raises(RuleError) as error:
        load_rules(folder)
    assert problem in error.value.cause
    assert str(path) in error.value.cause
    assert "\n" not in error.value.cause


def test_two_own_rules_of_one_id_are_an_error(folder: Path, write: Write) -> None:
    first = write(ANYTHING, name="OWN-1", file="a.yml")
    write(ANYTHING, name="OWN-2", file="b.yml")
    with pytest.raises(RuleError, match="is already that of a rule in") as error:
        load_rules(folder)
    assert str(first) in error.value.cause


def test_a_file_whose_name_is_not_text_is_a_rule_as_any_other(folder: Path, write: Write) -> None:
    try:
        write(ANYTHING).rename(folder / os.fsdecode(b"own\xff.yml"))
    except OSError:
        pytest.skip("this file system has no such names")
    (rule,) = load_rules(folder, packaged=False)
    assert rule.file == str(folder / "own\ufffd.yml")


def test_a_file_that_is_not_text_is_an_error(folder: Path) -> None:
    (folder / "own.yml").write_bytes(b"\xff\xfe")
    with pytest.raises(RuleError, match=r"own\.yml cannot be used: it cannot be read"):
        load_rules(folder)


def test_a_folder_that_is_not_there_is_an_error(folder: Path) -> None:
    with pytest.raises(RuleError, match="there is no such folder"):
        load_rules(folder / "elsewhere")


def test_a_change_of_words_or_level_or_query_is_a_change_of_the_rule(write: Write, own: Own) -> None:
    digests = set()
    for detection, level, name in (
        (ANYTHING, "low", "OWN-1"),
        (ANYTHING, "high", "OWN-1"),
        (ANYTHING.replace("create", "destroy"), "low", "OWN-1"),
        (ANYTHING, "low", "OWN-2"),
    ):
        write(detection, level=level, name=name)
        digests.add(own(name).digest)
    assert len(digests) == 4


def test_own_rules_alone_are_read_without_the_package(folder: Path, write: Write) -> None:
    write(ANYTHING)
    rules: list[Any] = list(load_rules(folder, packaged=False))
    assert [rule.name for rule in rules] == ["OWN-1"]


@pytest.mark.few(1)
@pytest.mark.parametrize("file", ["deep.yml", "settings.yml", "deep.sql"])
def test_a_file_that_is_nested_too_deeply_is_named(tmp_path: Path, file: str) -> None:
    depth = 500_000  # at which a parser in C would end the process
    front = "-- ---\n-- title: {}\n-- ---\nSELECT 1" if file.endswith(".sql") else "{}"
    (tmp_path / file).write_text(front.format("[ " * depth + "]" * depth))
    with pytest.raises(RuleError, match=file):
        load_rules(tmp_path)


def test_a_pipe_among_the_rules_is_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "own.yml")
    with pytest.raises(RuleError, match="it is not a plain file"):
        load_rules(tmp_path)
