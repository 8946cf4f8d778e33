from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID

import pytest

from support.log import OWN_ID, Log
from support.warehouse import database
from zendesk_audit_assets.detect import Rule, load_rules

RULE = """
title: {title}
id: {id}
name: {name}
logsource:
  product: zendesk
  service: audit
detection:
{detection}
level: {level}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of one's own rules, empty at first."""
    path = tmp_path / "rules"
    path.mkdir()
    return path


@pytest.fixture
def write(folder: Path) -> Callable[..., Path]:
    """Writes an event rule with this `detection`, or a file with this whole `text`, into the folder."""

    def write(
        detection: str = "", *, file: str = "own.yml", number: int = 1, name: str = "OWN-1", level: str = "low",
        text: str | None = None,
    ) -> Path:  # fmt: skip
        indented = "\n".join(f"  {line}" for line in detection.strip("\n").splitlines())
        given = RULE.format(title=f"Rule {name}", id=UUID(int=number), name=name, detection=indented, level=level)
        path = folder / file
        path.write_text(given if text is None else text, "utf-8")
        return path

    return write


@pytest.fixture
def own(folder: Path) -> Callable[..., Rule]:
    """The rule of this name among those of the folder, read without those of the package."""

    def named(name: str = "OWN-1") -> Rule:
        (rule,) = (rule for rule in load_rules(folder, packaged=False) if rule.name == name)
        return rule

    return named


@pytest.fixture
def log() -> Iterator[Log]:
    with database() as connection:
        yield Log(connection)


@pytest.fixture
def own_sql(folder: Path) -> Callable[..., Rule]:
    """A rule of one's own in SQL, by its query and header lines."""

    def own(query: str, *header: str) -> Rule:
        lines = ["title: Own", f"id: {OWN_ID}", "name: OWN-1", "level: low", *header]
        (folder / "own.sql").write_text("\n".join([*(f"-- {line}" for line in lines), query]))
        (rule,) = load_rules(folder, packaged=False)
        return rule

    return own
