"""Dagster's history of runs of many days, in real files: one event by one, and in batches."""

import os
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from datetime import date, datetime, timezone
from typing import Any

import dagster as dg
import pytest

from zendesk_audit_assets.orchestration._private import SqliteEventLogStorage
from zendesk_audit_assets.orchestration.event_batches import BATCH_SIZE, events_in_batches
from zendesk_audit_assets.orchestration.partitions import Days, days_from

DAYS = Days(date(2026, 1, 1), date(2026, 2, 9))
KEYS = [f"2026-01-{day:02}" for day in range(1, 32)] + [f"2026-02-{day:02}" for day in range(1, 10)]


def asset(name: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=name,
        partitions_def=days_from(datetime(2026, 1, 1, tzinfo=timezone.utc)),
        backfill_policy=dg.BackfillPolicy.single_run(),
        check_specs=[dg.AssetCheckSpec("holds", asset=name)],
    )
    def made() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"rows": 7}, check_results=[dg.AssetCheckResult(passed=True)])

    return made


pytestmark = pytest.mark.filterwarnings("ignore::dagster.BetaWarning")


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp() as instance:
        yield instance


def run(instance: dg.DagsterInstance, name: str, *, batched: bool) -> str:
    """A run of all days; its id."""
    job = dg.Definitions([asset(name)]).resolve_implicit_global_asset_job_def()
    with events_in_batches(instance) if batched else nullcontext():
        result = job.execute_in_process(instance=instance, tags=DAYS.tags)
    assert result.success
    return result.run_id


def history(instance: dg.DagsterInstance, name: str, run_id: str) -> dict[str, Any]:
    """What Dagster tells of the asset and of its run, without what differs between any two runs."""
    key = dg.AssetKey(name)
    (record,) = instance.get_asset_records([key])
    newest = record.asset_entry.last_materialization
    assert newest is not None
    events = instance.fetch_materializations(key, limit=100).records
    return {
        "materialized": instance.get_materialized_partitions(key),
        "newest": (newest.asset_materialization.partition, newest.run_id == run_id),
        "last run": record.asset_entry.last_run_id == run_id,
        "metadata": [event.asset_materialization.metadata["rows"].value for event in events],
        "tags": sorted(tag for event in instance.get_event_tags_for_asset(key) for tag in event),
        "events of the run": [entry.dagster_event_type for entry in instance.all_logs(run_id)],
        "days of the run": [
            entry.get_dagster_event().partition
            for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION)
        ],
        "check": [
            check.status.value
            for check in instance.event_log_storage.get_asset_check_execution_history(
                dg.AssetCheckKey(key, "holds"), limit=5
            )
        ],
    }


@pytest.mark.faults
def test_batches_leave_the_same_history(instance: dg.DagsterInstance) -> None:
    plain = history(instance, "plain", run(instance, "plain", batched=False))
    batched = history(instance, "batched", run(instance, "batched", batched=True))
    assert batched == plain
    assert batched["materialized"] == set(KEYS) == set(batched["days of the run"])


def test_the_days_of_a_run_share_the_opening_of_files(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, opened = SqliteEventLogStorage._connect, []

    def counted(storage: SqliteEventLogStorage, shard: str) -> Any:
        opened.append(shard)
        return connect(storage, shard)

    monkeypatch.setattr(SqliteEventLogStorage, "_connect", counted)
    run(instance, "counted", batched=True)
    assert len(opened) < 2 * len(KEYS)  # one by one, ten for each day


@pytest.mark.parametrize("configured", [None, "7"])
def test_batches_end_with_their_context(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, configured: str | None
) -> None:
    if configured is None:
        monkeypatch.delenv(BATCH_SIZE, raising=False)
    else:
        monkeypatch.setenv(BATCH_SIZE, configured)
    with suppress(KeyError), events_in_batches(instance):
        assert os.environ[BATCH_SIZE] == (configured or "500")
        raise KeyError
    assert os.environ.get(BATCH_SIZE) == configured
    assert type(instance.event_log_storage) is SqliteEventLogStorage
