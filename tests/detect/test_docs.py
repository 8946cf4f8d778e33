"""docs/rules.md is true: its tables are complete, its rules work as they stand, and its queries run."""

from __future__ import annotations

import re
from pathlib import Path

import duckdb
import pytest

import zendesk_audit_assets
from zendesk_audit_assets.detect import Rule, findings, load_rules
from zendesk_audit_assets.detect.examples import failed_examples
from zendesk_audit_assets.detect.findings import FINDINGS
from zendesk_audit_assets.settings import VARIABLES
from zendesk_audit_assets.severity import SEVERITIES
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.warehouse.migrations import migrate
from zendesk_audit_assets.warehouse.table import Column

ROOT = Path(zendesk_audit_assets.__file__).parents[1]
TEXT = (ROOT / "docs" / "rules.md").read_text("utf-8")
PACK = load_rules()
FILES: dict[str, str] = dict(re.findall(r"^```\w+ (\S+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE))
QUERIES: list[str] = re.findall(r"^```sql\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)

_FORMS = {"event": "Sigma", "correlation": "Sigma correlation", "sql": "SQL"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of rules with all files of the document."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    return tmp_path


def rule_row(rule: Rule) -> str:
    mark = " *" if rule.experimental else ""
    return f"| {rule.name} | {rule.title} | {rule.level}{mark} | {_FORMS[rule.kind]} | {', '.join(rule.attack)} |"


def column_row(column: Column) -> str:
    kind = f"{column.type} NOT NULL" if column.required else column.type
    return f"| `{column.name}` | {kind} | {column.description} | {'yes' if column.pii else ''} |"


def table_below(heading: str) -> list[str]:
    """The rows of the first table below a heading, as written but for blanks."""
    section = TEXT.split(f"\n{heading}\n")[1].split("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [" ".join(row.split()) for row in rows[2:]]


def test_the_table_of_rules_is_that_of_the_package() -> None:
    assert table_below("## The rules") == [" ".join(rule_row(rule).split()) for rule in PACK]


def test_the_table_of_columns_is_that_of_the_code() -> None:
    assert table_below("## The table findings") == [" ".join(column_row(one).split()) for one in FINDINGS.columns]


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


def test_the_rules_and_queries_of_the_document_run_on_a_warehouse(folder: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate(connection)
        connection.execute(f"CREATE VIEW audit_events AS {AUDIT_EVENTS.sql}")
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
        assert found == [("11 changes of settings on this day; the rule allows 10.",)]
        assert len(QUERIES) >= 3
        assert [len(connection.execute(query).fetchall()) > 0 for query in QUERIES] == [False, True, True]


def test_names_in_the_text_exist() -> None:
    assert set(re.findall(r"ZD-\d{3}(?:-[a-z]+)?", TEXT)) - {"ZD-204"} <= {rule.name for rule in PACK}
    assert set(re.findall(r"ZENDESK_\w+", TEXT)) <= {variable.name for variable in VARIABLES}
    assert set(re.findall(r"level: (\w+)", TEXT)) <= set(SEVERITIES)
    for target in re.findall(r"\]\(([\w./-]+\.md)", TEXT):
        assert (ROOT / "docs" / target).is_file()
    for path in re.findall(r"`(zendesk_audit_assets/[\w./]+)`", TEXT):
        assert (ROOT / path).exists()
