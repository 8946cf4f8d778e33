"""The published copy and the Parquet files, as assets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest

from zendesk_audit_assets.warehouse import copies
from zendesk_audit_assets.warehouse.copies import table_rows


@pytest.fixture
def materialize(deployment: Any) -> Any:
    """Materializes one of the assets alone, and gives the result."""
    deployment.run("backfill")
    job = {
        name: dg.define_asset_job(f"only_{name}", selection=[name])
        for name in ("published_warehouse", "published_parquet")
    }
    definitions = dg.Definitions.merge(deployment.definitions, dg.Definitions(jobs=list(job.values())))

    def run(name: str, **config: bool) -> dg.ExecuteInProcessResult:
        return definitions.resolve_job_def(f"only_{name}").execute_in_process(
            instance=deployment.instance,
            run_config={"ops": {name: {"config": config}}} if config else None,
            raise_on_error=False,
        )

    return run


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    ((event,),) = (result.get_asset_materialization_events(),)
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_the_copy_holds_what_the_warehouse_holds(deployment: Any, materialize: Any) -> None:
    said = metadata_of(materialize("published_warehouse"))
    published = deployment.warehouse.published_path
    assert (said["published"], Path(said["path"]), said["dagster/uri"]) == (True, published, published.as_uri())
    assert said["bytes"] == published.stat().st_size
    assert f"| audit_logs | {len(deployment.zendesk.events):,} |" in said["tables"]
    with duckdb.connect(str(published), read_only=True) as copy:
        ids = copy.execute("SELECT id FROM audit_logs ORDER BY id").fetchall()
    assert [id for (id,) in ids] == sorted(event["id"] for event in deployment.zendesk.events)


@pytest.mark.faults
def test_a_copy_that_is_recent_enough_is_left_as_it_is_unless_forced(
    deployment: Any, materialize: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "PUBLISHING_SHARE", 1e-6)
    materialize("published_warehouse")
    before = deployment.warehouse.published_path.stat().st_ino
    assert metadata_of(materialize("published_warehouse")) == {
        "published": False,
        "note": "The last copy is recent enough.",
    }
    assert deployment.warehouse.published_path.stat().st_ino == before
    assert metadata_of(materialize("published_warehouse", force=True))["published"]
    assert deployment.warehouse.published_path.stat().st_ino != before


def test_a_copy_is_made_anew_once_copying_takes_little_of_the_time(
    deployment: Any, materialize: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "PUBLISHING_SHARE", 1e6)
    materialize("published_warehouse")
    assert metadata_of(materialize("published_warehouse"))["published"]


def test_each_table_is_a_parquet_file_with_all_its_rows(deployment: Any, materialize: Any) -> None:
    materialize("published_warehouse")
    folder = Path(metadata_of(materialize("published_parquet"))["path"])
    rows = table_rows(deployment.warehouse.published_path)
    assert rows["audit_logs"] == len(deployment.zendesk.events)
    assert {file.stem for file in folder.iterdir()} == rows.keys()
    for table, count in rows.items():
        assert duckdb.sql(f"SELECT count(*) FROM '{folder}/{table}.parquet'").fetchall() == [(count,)]


def test_parquet_before_anything_was_published_says_what_to_do_first(materialize: Any) -> None:
    result = materialize("published_parquet")
    (event,) = result.filter_events(lambda event: event.is_step_failure)
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    assert "Materialize published_warehouse." in str(failure.description)
