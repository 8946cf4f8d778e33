"""docs/rules.md is true: its rules work as they stand, and the rules that it names exist."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

import zendesk_audit_assets
from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.detect.examples import failed_examples
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.warehouse.migrations import migrate

ROOT = Path(zendesk_audit_assets.__file__).parents[1]
TEXT = (ROOT / "docs" / "rules.md").read_text("utf-8")
PACK = load_rules()
FILES: dict[str, str] = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of rules with all files of the document."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def test_the_rules_of_the_document_work_as_they_stand(folder: Path) -> None:
    rules = {rule.name: rule for rule in load_rules(folder)}
    assert {name for name in rules if name.startswith("ACME")} == {"ACME-1", "ACME-2", "ACME-3"}
    for name in ("ACME-1", "ACME-2", "ACME-3", "ZD-008"):
        assert rules[name].file.startswith(str(folder))
        assert rules[name].examples.match
        assert list(failed_examples([rules[name]])) == []
    assert "ZD-013" not in rules
    assert rules["ZD-020"].level == "medium"
    assert "okta scim" in rules["ZD-003"].sql.lower()


def test_the_rules_of_the_document_run_on_a_warehouse(folder: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate(connection)
        connection.execute(
            """
            INSERT INTO audit_logs BY NAME
            SELECT n AS id, TIMESTAMPTZ '2026-01-01' + n * INTERVAL 1 MINUTE AS created_at, 5 AS actor_id,
                'account_setting' AS source_type, 'update' AS action, 1 AS batch_id, now() AS inserted_at, 'r' AS run_id
            FROM range(11) AS numbers(n)
            """
        )
        connection.execute(
            "INSERT INTO coverage VALUES (1, '2026-01-01', '2026-01-02', now(), 'r', 1, 11, 11, 0, 0, now())"
        )
        findings.refresh(connection, load_rules(folder))
        found = connection.execute("SELECT explanation FROM findings WHERE rule = 'ACME-3'").fetchall()
        assert found == [
            ("Actor 5 changed account setting (11 times). 11 settings changed on this day; the rule allows 10.",)
        ]


def test_names_in_the_text_exist() -> None:
    assert set(re.findall(r"ZD-\d{3}(?:-[a-z]+)?", TEXT)) - {"ZD-204"} <= {rule.name for rule in PACK}
    assert set(re.findall(r"level: (\w+)", TEXT)) <= set(SEVERITIES)
