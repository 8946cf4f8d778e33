"""What an installed copy needs is in the package: every file beside the code, every library that the code imports."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

from support.pages import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PACKAGE = ROOT / "zendesk_audit_assets"
# The standard library's own, on every version that is supported.
_STANDARD = sys.stdlib_module_names


@pytest.fixture(scope="module")
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def test_every_file_beside_the_code_is_package_data(pyproject: dict[str, Any]) -> None:
    patterns = pyproject["tool"]["setuptools"]["package-data"]["zendesk_audit_assets"]
    packaged = {file for pattern in patterns for file in PACKAGE.glob(pattern)}
    others = {file for file in PACKAGE.rglob("*") if file.is_file() and file.suffix not in (".py", ".pyc")}
    assert len(others) > 50
    assert others - packaged == set()


def test_every_folder_of_code_is_a_package() -> None:
    folders = {file.parent for file in PACKAGE.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_library_that_is_imported_is_declared(pyproject: dict[str, Any]) -> None:
    declared = {_normal(re.split(r"[<>=\[ ;]", one)[0]) for one in pyproject["project"]["dependencies"]}
    distributions = packages_distributions()
    for file in PACKAGE.rglob("*.py"):
        for name in _imports(file) - _STANDARD - {PACKAGE.name}:
            assert {_normal(one) for one in distributions[name]} & declared, f"{file.relative_to(ROOT)}: {name}"


def _imports(file: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.split(".")[0])
    return names


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_license_is_the_one_that_is_declared(pyproject: dict[str, Any]) -> None:
    assert pyproject["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")


def test_the_changelog_describes_the_version_that_is_declared(pyproject: dict[str, Any]) -> None:
    titles = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert pyproject["project"]["version"] in titles
