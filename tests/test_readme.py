"""The README is true: what it names exists, what it lists is complete, and its queries run on a published copy."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import Any

import click
import dagster as dg
import duckdb
import pytest
import yaml

import zendesk_audit_assets
from zendesk_audit_assets import Account, build_definitions
from zendesk_audit_assets.cli import main
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, HistoryOptions
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.tables import TABLES
from zendesk_audit_assets.orchestration.checks import CHECKS
from zendesk_audit_assets.settings import VARIABLES
from zendesk_audit_assets.transform import DERIVED, SUMMARIES, DerivedTable, refresh
from zendesk_audit_assets.warehouse.catalog import META
from zendesk_audit_assets.warehouse.copies import open_read_only, publish
from zendesk_audit_assets.warehouse.database import Warehouse
from zendesk_audit_assets.warehouse.table import Column, Table
from zendesk_audit_assets.zendesk import (
    AccessToken,
    RateBudget,
    ZendeskClient,
)
from zendesk_audit_assets.zendesk.credentials import Account as ZendeskAccount

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")


@dataclass(frozen=True)
class Heading:
    level: int
    title: str
    line: int

    @property
    def anchor(self) -> str:
        """How GitHub names it: lower case, without punctuation, with hyphens for spaces."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")


def _headings() -> Iterator[Heading]:
    in_code = False
    for number, line in enumerate(TEXT.splitlines()):
        in_code ^= line.lstrip().startswith("```")
        found = re.match(r"(#+) (.+)", line)
        if found and not in_code:
            yield Heading(len(found[1]), found[2], number)


HEADINGS = list(_headings())


def section(title: str) -> str:
    """What stands under a heading, with all that is below it."""
    (here,) = (heading for heading in HEADINGS if heading.title == title)
    ends = [heading.line for heading in HEADINGS if heading.line > here.line and heading.level <= here.level]
    return "\n".join(TEXT.splitlines()[here.line + 1 : min(ends, default=None)])


def code_blocks(language: str, text: str = TEXT) -> list[str]:
    found = re.findall(rf"^( *)```{language}\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [re.sub(rf"^{indent}", "", block, flags=re.MULTILINE) for indent, block in found]


def code_spans(text: str = TEXT) -> list[str]:
    without_blocks = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"`([^`]+)`", without_blocks)


def rows(text: str) -> list[list[str]]:
    """The cells of the first table in a text, without its head."""
    lines = dropwhile(lambda line: not line.startswith("|"), text.splitlines())
    table = list(takewhile(lambda line: line.startswith("|"), lines))
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table[2:]]


def bare(cell: str) -> str:
    return cell.strip().strip("`")


def rendered_tables() -> str:
    """The section on tables and columns, from the constants that also make the tables.

    The other derived tables are described in docs/analysis.md, which has a test of its own.
    """
    tables: tuple[Table | DerivedTable, ...] = (*TABLES, META, *SUMMARIES, refresh.STATE)
    return "\n\n".join(_rendered(table.name, table.description, table.columns) for table in tables)


def _rendered(name: str, meaning: str, columns: Iterable[Column]) -> str:
    lines = [f"### {name}", "", meaning, "", "| column | type | meaning | personal |", "| --- | --- | --- | --- |"]
    for column in columns:
        kind = f"{column.type}{' NOT NULL' if column.required else ''}"
        personal = "yes" if column.pii else ""
        lines.append(f"| `{column.name}` | {kind} | {column.description} | {personal} |".replace("|  |", "| |"))
    return "\n".join(lines)


def test_every_setting_is_listed_once_with_its_default() -> None:
    listed = [(bare(name), bare(default)) for name, default, _ in rows(section("Every setting"))]
    assert sorted(listed) == sorted((variable.name, variable.default) for variable in VARIABLES)


def test_secret_settings_are_marked_as_such_and_no_others() -> None:
    marked = {bare(row[0]) for row in rows(section("Every setting")) if "**Secret.**" in row[-1]}
    assert marked == {variable.name for variable in VARIABLES if variable.secret}


def test_every_table_and_column_is_described_as_in_the_code() -> None:
    described = section("Every table and column")
    assert described.endswith(f"{rendered_tables()}\n")
    assert described.count("\n### ") == len(TABLES) + len(SUMMARIES) + 2


@cache
def definitions() -> dg.Definitions:
    return build_definitions(Account())


def test_every_job_schedule_and_sensor_is_listed_and_exists() -> None:
    listed = {(bare(row[0]), row[1]) for row in rows(section("What runs by itself"))}
    existing = [
        *((schedule.name, "schedule") for schedule in definitions().schedules or ()),
        *((sensor.name, "sensor") for sensor in definitions().sensors or ()),
        *((job.name, "job") for job in definitions().jobs or ()),
    ]
    assert listed == set(existing)


def test_every_asset_is_named_where_the_readme_says_what_runs() -> None:
    analysis = (ROOT / "docs" / "analysis.md").read_text("utf-8")
    named = {*code_spans(section("What runs by itself")), *code_spans(analysis)}
    assert {key.to_user_string() for key in definitions().resolve_all_asset_keys()} <= named


def test_every_check_is_listed_with_its_asset_and_its_time() -> None:
    listed = {
        (bare(name), bare(asset), when)
        for name, assets, _, when, _ in rows(section("Checks"))
        for asset in assets.split(",")
    }
    assert listed == {
        (check.name, check.asset.to_user_string(), "nightly" if check.whole_table else "each refresh")
        for check in CHECKS
    }


@pytest.mark.parametrize("config", [block for block in code_blocks("yaml") if block.startswith("ops:")])
def test_a_run_accepts_the_configuration_that_is_shown(config: str) -> None:
    assert dg.validate_run_config(definitions().resolve_job_def("refresh"), yaml.safe_load(config))


def _commands() -> Iterator[tuple[str, bool]]:
    """The arguments of `zendesk-audit` wherever it is used, and whether they are meant to be complete."""
    for block in [*code_blocks("sh"), *code_blocks("text")]:
        for line in block.splitlines():
            found = re.search(r"(?:^| |bin/)zendesk-audit ([a-z].+)", line)
            if found:
                yield re.split(r" [|>&] ", found[1])[0], True
    for span in code_spans():
        if span.startswith("zendesk-audit "):
            yield span.removeprefix("zendesk-audit "), False


@pytest.mark.parametrize(("arguments", "complete"), sorted(set(_commands())))
def test_a_command_that_is_shown_exists_and_takes_its_options(arguments: str, complete: bool) -> None:
    name, *options = shlex.split(arguments)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    try:
        with suppress(click.exceptions.Exit):  # of --help
            command.make_context(name, options)
    except click.MissingParameter:
        assert not complete


def test_every_command_is_shown() -> None:
    shown = {shlex.split(arguments)[0] for arguments, _ in _commands()} | {"demo"}
    assert shown == set(main.list_commands(click.Context(main)))


def test_the_targets_of_make_that_are_used_exist() -> None:
    used = re.findall(r"^make (?:PYTHON=\S+ )?(\S+)$", "\n".join(code_blocks("sh")), re.MULTILINE)
    targets = re.findall(r"^([\w.$()/]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert {"demo", "serve", "dev", "test", "lint"} <= set(used)
    assert set(used) <= {target.replace("$(VENV)", ".venv") for target in targets}


def test_the_files_that_the_container_copies_exist() -> None:
    (recipe,) = code_blocks("dockerfile")
    copied = [name for line in re.findall(r"^COPY (.+)$", recipe, re.MULTILINE) for name in line.split()[:-1]]
    assert copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_links_within_the_repository_lead_somewhere() -> None:
    links = re.findall(r"(?<!!)\[[^\]]*\]\(([^) ]+)[^)]*\)", TEXT)
    anchors = {heading.anchor for heading in HEADINGS}
    broken = [
        link
        for link in links
        if not link.startswith("https://")
        and (link[1:] not in anchors if link.startswith("#") else not (ROOT / link).exists())
    ]
    assert links
    assert broken == []


def test_every_promise_names_a_test_that_exists() -> None:
    promises = rows(section("What is promised, and what is not"))
    assert promises
    for _, promise, held_by in promises:
        tests = re.findall(r'\[\d\]\((tests/[\w/]+\.py) "(test_\w+)"\)', held_by)
        assert tests, promise
        for file, test in tests:
            assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8"), (file, test)


def test_the_pictures_are_there() -> None:
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", TEXT)
    assert pictures
    assert [picture for picture in pictures if not (ROOT / picture).is_file()] == []


def test_the_errors_that_are_explained_are_said_by_the_code() -> None:
    said = list(_strings_of_the_package())
    explained = [bare(row[0]) for row in rows(section("Errors and their remedies"))]
    assert explained
    assert [words for words in explained if not any(words in text for text in said)] == []


def _strings_of_the_package() -> Iterator[str]:
    for file in Path(zendesk_audit_assets.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


# What the queries are run on: a realistic history up to this moment, in place of `now()`.
NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
START = datetime(2025, 6, 1, tzinfo=timezone.utc)
QUERIES = {
    heading.title: code_blocks("sql", section(heading.title))[0]
    for heading in HEADINGS
    if re.match(r"\d+\. ", heading.title) and code_blocks("sql", section(heading.title))
}
PROOF = "9. Proof that a quarter is complete"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Nine months of a small company's log, its derived tables and their published copy."""
    made = Warehouse(tmp_path_factory.mktemp("readme") / "zendesk_audit.duckdb")
    history = HistoryOptions(start=START, end=NOW - timedelta(hours=2), agents=12, events_per_day=15)
    options = EmulatorOptions(history=history, rate_limit_per_minute=1_000_000, clock=NOW.timestamp)
    with Emulator(options) as zendesk:
        zendesk.add(_events_that_queries_look_for())
        account = ZendeskAccount("demo", AccessToken(options.access_token), zendesk.url)
        with ZendeskClient(account, limiter=RateBudget(1.0), clock=NOW.timestamp) as client:
            sync.sync(client, made, Interval(START, NOW), run_id="readme", workers=2)
    with made.transaction() as connection:
        for table in DERIVED:
            refresh.refresh(connection, table)
    assert publish(made, force=True)
    return made


def _events_that_queries_look_for() -> list[dict[str, Any]]:
    gone = {"actor_id": 77, "actor_name": "Long Gone", "created_at": datetime(2025, 7, 1, 9, tzinfo=timezone.utc)}
    today = {"actor_id": 78, "actor_name": "Early Bird", "action": "update", "created_at": NOW - timedelta(hours=6)}
    return [gone, today]


def as_of_then(query: str) -> str:
    """The query as if it were run at the end of the history, on a quarter that the history holds."""
    moved = query.replace("now()", f"TIMESTAMPTZ '{NOW.isoformat()}'")
    return moved.replace("2026-07-01", "2025-10-01").replace("2026-10-01", "2026-01-01")


def test_there_are_ten_queries() -> None:
    assert len(QUERIES) == len(code_blocks("sql")) == 10


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_runs_on_the_published_copy_and_finds_what_it_looks_for(warehouse: Warehouse, title: str) -> None:
    with open_read_only(warehouse.published_path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        assert connection.sql(as_of_then(QUERIES[title])).fetchall()


def proof(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    answer = connection.sql(as_of_then(QUERIES[PROOF]))
    (row,) = answer.fetchall()
    return dict(zip(answer.columns, row, strict=True))


def test_the_proof_counts_the_events_of_the_quarter(warehouse: Warehouse) -> None:
    in_quarter = "created_at >= '2025-10-01 00:00:00+00' AND created_at < '2026-01-01 00:00:00+00'"
    with open_read_only(warehouse.published_path) as connection:
        found = proof(connection)
        counted = connection.sql(f"SELECT count(*) FROM audit_logs WHERE {in_quarter}").fetchall()
    assert found["complete"] is True
    assert [(found["events"],)] == counted


@pytest.mark.parametrize(
    ("complete", "reads"),
    [
        pytest.param(True, [("2025-10-01", "2026-01-01", "2026-01-01 00:15:00")], id="all in one, just settled"),
        pytest.param(
            True,
            [("2025-11-05", "2026-02-01", "2026-02-01"), ("2025-06-01", "2025-11-05", "2025-11-06")],
            id="two reads that touch",
        ),
        pytest.param(
            True,
            [("2025-06-01", "2026-01-01", "2026-01-01 00:10:00"), ("2025-12-31", "2026-01-02", "2026-01-02")],
            id="the end was read too soon, and again",
        ),
        pytest.param(False, [], id="nothing was read"),
        pytest.param(False, [("2025-10-01 00:00:01", "2026-02-01", "2026-02-01")], id="the first second is missing"),
        pytest.param(False, [("2025-06-01", "2025-12-31 23:59:59", "2026-02-01")], id="the last second is missing"),
        pytest.param(
            False,
            [("2025-06-01", "2025-11-05", "2026-02-01"), ("2025-11-05 00:00:01", "2026-02-01", "2026-02-01")],
            id="a second in the middle is missing",
        ),
        pytest.param(False, [("2025-06-01", "2026-01-01", "2026-01-01 00:10:00")], id="the end was read too soon"),
    ],
)
def test_the_proof_holds_if_and_only_if_the_quarter_was_read_completely(
    warehouse: Warehouse, complete: bool, reads: list[tuple[str, str, str]]
) -> None:
    with open_read_only(warehouse.published_path) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        columns = "window_start TIMESTAMPTZ, window_end TIMESTAMPTZ, read_at TIMESTAMPTZ"
        connection.execute(f"CREATE TEMP TABLE coverage ({columns})")
        for read in reads:
            connection.execute("INSERT INTO temp.coverage VALUES (?, ?, ?)", read)
        assert proof(connection)["complete"] is complete


def test_the_python_that_is_shown_runs(warehouse: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    query, build = code_blocks("python")
    shown: dict[str, Any] = {}
    path = "data/published/zendesk_audit.duckdb"
    assert path in query
    exec(query.replace(path, str(warehouse.published_path)), shown)
    assert "shape: (10, " in capsys.readouterr().out
    exec(build, shown)
    assert isinstance(shown["defs"], dg.Definitions)
