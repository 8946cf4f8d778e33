"""Warehouses whose file comes later, and events for them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.warehouse.database import (
    Warehouse,
)

Make = Callable[..., Any]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """A warehouse whose file is not made yet."""
    return Warehouse(tmp_path / "audit.duckdb")


@pytest.fixture
def fill(warehouse: Warehouse, batch: Make, record: Make) -> Callable[[int], None]:
    """Adds so many events to the warehouse."""

    def append(events: int) -> None:
        with warehouse.transaction() as connection:
            first = batches.row_count(connection)
            records = (record(id=first + n, source_label=os.urandom(8).hex()) for n in range(events))
            batches.append(connection, [batch(records)], "run")

    return append
