"""The Parquet files of the published copy."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from support.warehouse import files_beside, no_replace
from zendesk_audit_assets.warehouse.copies import (
    export_parquet,
    publish,
    table_rows,
)
from zendesk_audit_assets.warehouse.database import (
    Warehouse,
    WarehouseUnusable,
)

Make = Callable[..., Any]


def parquet_rows(link: Path) -> dict[str, int]:
    return {file.stem: pl.read_parquet(file).height for file in link.iterdir()}


def test_parquet_holds_every_table_of_the_published_moment(warehouse: Warehouse, fill: Make) -> None:
    fill(3)
    publish(warehouse)
    fill(2)  # not published yet
    exported = export_parquet(warehouse)
    assert exported.path == warehouse.published_path.parent / f"{warehouse.path.stem}_parquet"
    assert parquet_rows(exported.path) == exported.rows == table_rows(warehouse.published_path)
    assert exported.bytes == sum(file.stat().st_size for file in exported.path.iterdir())
    assert exported.rows["audit_logs"] == 3


def test_parquet_keeps_the_instants_of_the_events(warehouse: Warehouse, fill: Make) -> None:
    fill(1)
    publish(warehouse)
    stored = pl.read_parquet(export_parquet(warehouse).path / "audit_logs.parquet")
    assert stored["created_at"].dt.convert_time_zone("UTC").to_list() == [datetime(2026, 1, 1, tzinfo=timezone.utc)]


def test_an_export_replaces_the_one_before_it_as_a_whole(warehouse: Warehouse, fill: Make) -> None:
    fill(3)
    publish(warehouse)
    export_parquet(warehouse)
    fill(2)
    publish(warehouse, force=True)
    exported = export_parquet(warehouse)
    assert parquet_rows(exported.path)["audit_logs"] == 5
    assert files_beside(warehouse.published_path) == {exported.path.name, exported.path.resolve().name}


def test_an_export_that_fails_leaves_the_old_one_and_nothing_else(
    warehouse: Warehouse, fill: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(3)
    publish(warehouse)
    exported = export_parquet(warehouse)
    before = exported.path.resolve()
    fill(2)
    publish(warehouse, force=True)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", no_replace)
        with pytest.raises(WarehouseUnusable, match=r"full .No space"):
            export_parquet(warehouse)
    assert exported.path.resolve() == before
    assert parquet_rows(exported.path)["audit_logs"] == 3
    export_parquet(warehouse)
    assert files_beside(warehouse.published_path) == {exported.path.name, exported.path.resolve().name}


def test_there_is_nothing_to_export_before_the_first_copy(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseUnusable, match="no published copy") as unusable:
        export_parquet(warehouse)
    assert "published_warehouse" in unusable.value.remedy
