"""Keep Dagster's own history small: each refresh adds some 400 KB, and there may be one a minute."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg

from zendesk_audit_assets.orchestration._private import SqliteEventLogStorage
from zendesk_audit_assets.orchestration.scope import Scope

KEEP_DAYS = 7

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


class PruneConfig(dg.Config):
    """Options of a run."""

    keep_days: int = KEEP_DAYS
    """Age in days from which finished runs are deleted, except those with an asset's latest materialization."""


@dg.op(description="Deletes old runs, except those with the latest materialization of an asset or a partition.")
def prune_old_runs(context: dg.OpExecutionContext, config: PruneConfig) -> None:
    deleted = prune(context.instance, timedelta(days=config.keep_days))
    context.log.info(f"Deleted {deleted:,} runs that finished more than {config.keep_days} days ago.")


def build_prune_job(scope: Scope) -> dg.JobDefinition:
    """The job `prune_runs`."""

    @dg.job(
        name=scope.prune_runs,
        executor_def=dg.in_process_executor,
        description="Deletes old runs from Dagster's history; the warehouse and its coverage are not touched.",
    )
    def prune_runs() -> None:
        prune_old_runs()

    return prune_runs


def prune(instance: dg.DagsterInstance, keep: timedelta) -> int:
    """Delete finished runs older than `keep`, except those with a latest materialization; returns their number."""
    before = datetime.now(timezone.utc) - keep
    old = {run.run_id for run in instance.get_runs(dg.RunsFilter(statuses=_FINISHED, created_before=before))}
    needless = old - set(_runs_of_latest_materializations(instance))
    for run_id in needless:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        _remove_emptied_file(instance, run_id)
    return len(needless)


def _remove_emptied_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run's file: SQLite storage keeps one per run, and only empties it when the run is deleted."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        Path(storage.path_for_shard(run_id)).unlink(missing_ok=True)


def _runs_of_latest_materializations(instance: dg.DagsterInstance) -> Iterable[str]:
    for key in instance.all_asset_keys():
        latest = instance.get_latest_materialization_event(key)
        if latest is not None:
            yield latest.run_id
        by_partition = instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        if by_partition:
            chosen = dg.AssetRecordsFilter(asset_key=key, storage_ids=list(by_partition.values()))
            for record in instance.fetch_materializations(chosen, limit=len(by_partition)).records:
                yield record.run_id
