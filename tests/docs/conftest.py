"""What the examples of the documentation run on."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from support.company import published_company
from zendesk_audit_assets.warehouse.copies import open_read_only
from zendesk_audit_assets.warehouse.database import Warehouse


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """A warehouse with everything derived, found and delivered, and its published copy."""
    return published_company(tmp_path_factory.mktemp("docs"))


@pytest.fixture(scope="session")
def opened(published: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_read_only(published.published_path) as copy:
        yield copy


@pytest.fixture
def shell(opened: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """The published copy, as a reader opens it, with temporary tables of its own."""
    with opened.cursor() as copy:
        yield copy
