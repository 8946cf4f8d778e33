"""The generated parts of the pages show everything that the code has."""

from __future__ import annotations

import importlib.util
import re
import sys
from types import ModuleType

import pytest

from support.pages import ROOT, page
from zendesk_audit_assets.errors import AuditError


@pytest.fixture(scope="module")
def reference() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference", ROOT / "docs" / "reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_every_table_has_a_section(reference: ModuleType) -> None:
    sections = re.findall(r"^### (\w+)$", page("docs/tables.md").text, re.MULTILINE)
    assert sorted(sections) == sorted(reference._all_tables())


def test_errors_show_constants_as_values_and_the_rest_as_an_ellipsis(reference: ModuleType) -> None:
    shown = reference.errors()
    assert "| No way to authenticate at Zendesk is set. | Set …. |" in shown
    assert "Use one of oauth_client_credentials, oauth_access_token, api_token. |" in shown


def test_every_error_class_that_has_messages_is_shown(reference: ModuleType) -> None:
    shown = set(re.findall(r"^### (\w+)$", reference.errors(), re.MULTILINE))
    with_messages = {kind.__name__ for kind, messages in reference._errors().items() if messages}
    assert shown == with_messages
    assert shown <= {kind.__name__ for kind in _subclasses(AuditError)}


def _subclasses(kind: type[AuditError]) -> set[type[AuditError]]:
    return {kind} | {sub for child in kind.__subclasses__() for sub in _subclasses(child)}


def test_a_cell_never_ends_its_table(reference: ModuleType) -> None:
    rendered = reference._markdown(("a", "b"), [("one | two", "line\nbreak"), ("", None)])
    assert rendered == "| a | b |\n| --- | --- |\n| one \\| two | line break |\n| | |"
