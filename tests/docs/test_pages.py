"""The pages are true: links lead somewhere, commands and settings exist, examples run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path

import click
import dagster as dg
import pytest
import yaml

from support.pages import ROOT, Page, page, pages
from zendesk_audit_assets import Account, build_definitions
from zendesk_audit_assets.cli import main
from zendesk_audit_assets.settings import VARIABLES

PAGES = pages()
_FOLDERS = "zendesk_audit_assets|docs|tests|deploy|benchmarks"
# Made by click for the completion of shells.
_OTHER_VARIABLES = {"ZENDESK_AUDIT_COMPLETE"}


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_every_link_leads_to_a_file_and_a_heading(one: Page) -> None:
    broken = [link for link in one.links if not link.startswith("https://") and not _exists(one, link)]
    assert broken == []


def _exists(one: Page, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (one.folder / path).resolve() if path else ROOT / one.name
    if not target.exists():
        return False
    return not anchor or anchor in page(str(target.relative_to(ROOT))).anchors


def _commands() -> Iterator[tuple[str, bool]]:
    """The arguments of `zendesk-audit` wherever a page shows it, and whether they are meant to be complete."""
    for one in PAGES:
        for block in one.blocks("sh"):
            for found in re.findall(r'(?:^|[ /])zendesk-audit ([a-z](?:[^"\n]|"[^"]*")*)', block.text, re.MULTILINE):
                yield re.split(r" +[|>&#] ?", found)[0], True
        for span in one.spans:
            if re.match("zendesk-audit [a-z]", span):
                yield span.removeprefix("zendesk-audit "), False


@pytest.mark.parametrize(("arguments", "complete"), sorted(set(_commands())))
def test_every_command_exists_and_takes_its_options(arguments: str, complete: bool) -> None:
    name, *options = shlex.split(arguments)
    command = main.get_command(click.Context(main), name)
    assert command is not None
    try:
        with suppress(click.exceptions.Exit):  # of --help
            command.make_context(name, options, parent=click.Context(main, **main.context_settings))
    except (click.MissingParameter, click.exceptions.NoArgsIsHelpError):
        assert not complete


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = {name.replace("$(VENV)", ".venv") for name in re.findall(r"^([\w.$()/-]+):", makefile, re.MULTILINE)}
    shown = {target for one in PAGES for block in one.blocks("sh") for target in _make_targets(block.text)}
    assert {"demo", "test"} <= shown
    assert shown <= targets


def _make_targets(script: str) -> list[str]:
    lines = re.findall(r"^(?:sudo )?make ((?:-C \S+ |\w+=\S+ )*)([\w./-]+)", script, re.MULTILINE)
    return [target for _, target in lines]


@pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)
def test_every_setting_that_is_named_exists(one: Page) -> None:
    if one.name == "CHANGELOG.md":
        pytest.skip("names settings of earlier versions")
    named = set(re.findall(r"\bZENDESK_\w+", one.text)) - _OTHER_VARIABLES
    assert named <= {variable.name for variable in VARIABLES}


@cache
def _definitions() -> dg.Definitions:
    return build_definitions(Account())


@pytest.mark.parametrize(
    "config", [block.text for one in PAGES for block in one.blocks("yaml") if block.text.startswith("ops:")]
)
def test_a_run_accepts_every_configuration(config: str) -> None:
    assert dg.validate_run_config(_definitions().resolve_job_def("refresh"), yaml.safe_load(config))


def test_every_guarantee_names_a_test_that_exists() -> None:
    rows = [line for line in page("docs/guarantees.md").text.splitlines() if re.match(r"\|.*\]\(\.\./tests/", line)]
    assert len(rows) > 10
    for row in rows:
        for file, test in re.findall(r'\]\(\.\./(tests/[\w/]+\.py) "(test_\w+)"\)', row):
            assert f"\ndef {test}(" in (ROOT / file).read_text("utf-8"), (file, test)


def test_every_path_of_the_package_exists() -> None:
    named = {span for one in PAGES if one.name != "CHANGELOG.md" for span in one.spans}
    paths = [
        span for span in named if re.fullmatch(r"(zendesk_audit_assets|docs|tests|deploy|benchmarks)/[\w./-]+", span)
    ]
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_the_readme_stays_short() -> None:
    assert len(page("README.md").text.splitlines()) <= 180


def test_every_page_is_linked_from_the_readme() -> None:
    linked = {Path(link.partition("#")[0]).name for link in page("README.md").links}
    assert {path.name for path in (ROOT / "docs").glob("*.md")} <= linked
