"""Keep Dagster's own history small: each refresh adds some 400 KB, and there may be one a minute."""

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import dagster as dg

from zendesk_audit_assets.orchestration._private import SqliteEventLogStorage
from zendesk_audit_assets.orchestration.jobs import ASSETS
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.orchestration.validation import problem
from zendesk_audit_assets.settings import Account

_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
# Dagster's tag of a run that the web server or the daemon has started: the repository and its code location.
_CODE_LOCATION_TAG = ".dagster/repository"


class PruneConfig(dg.Config):
    """Options of a run."""

    keep_days: int | None = None
    """Age in days from which finished runs are deleted, except those with an asset's latest materialization."""


def build_prune_job(scope: Scope, keep_days: int) -> dg.JobDefinition:
    """The job `prune_runs`, which keeps runs for so many days."""

    @dg.op(
        name=scope.prefixed("prune_old_runs"),
        description="Deletes old runs of this account's jobs, except those with the latest materialization of an asset "
        "or a partition.",
    )
    def prune_old_runs(context: dg.OpExecutionContext, config: PruneConfig) -> None:
        days = keep_days if config.keep_days is None else config.keep_days
        deleted = prune(context.instance, scope, timedelta(days=days), context.run.tags.get(_CODE_LOCATION_TAG))
        context.log.info(f"Deleted {deleted:,} runs that finished more than {days} days ago.")

    @dg.job(
        name=scope.prune_runs,
        executor_def=dg.in_process_executor,
        tags=scope.run_tags,
        description="Deletes old runs of this account's jobs from Dagster's history; the warehouse is not touched.",
    )
    def prune_runs() -> None:
        prune_old_runs()

    return prune_runs


def build_prune_schedule(scope: Scope, account: Account) -> dg.ScheduleDefinition:
    """The schedule `maintenance` of that job."""
    return dg.ScheduleDefinition(
        name=scope.prefixed("maintenance"),
        job_name=scope.prune_runs,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.STOPPED if problem(account) else dg.DefaultScheduleStatus.RUNNING,
        description="Every day: deletes old runs from Dagster's history.",
    )


def prune(instance: dg.DagsterInstance, scope: Scope, keep: timedelta, code_location: str | None = None) -> int:
    """Delete the account's finished runs older than `keep`; returns their number.

    Runs with a latest materialization stay, and so do the runs of everybody else's jobs, whatever their names:
    a run is the account's by its tag, or, from a version without the tag, by its job and its `code_location`.
    """
    before = datetime.now(timezone.utc) - keep
    filters = [dg.RunsFilter(statuses=_FINISHED, created_before=before, tags=scope.run_tags)]
    if code_location is not None:
        of_location = {_CODE_LOCATION_TAG: code_location}
        filters += [
            dg.RunsFilter(statuses=_FINISHED, created_before=before, tags=of_location, job_name=job)
            for job in scope.jobs
        ]
    old = {run.run_id for one in filters for run in instance.get_runs(one)}
    needless = old - set(_runs_of_latest_materializations(instance, map(scope.asset_key, ASSETS)))
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


def _runs_of_latest_materializations(instance: dg.DagsterInstance, keys: Iterable[dg.AssetKey]) -> Iterable[str]:
    for key in keys:
        latest = instance.get_latest_materialization_event(key)
        if latest is not None:
            yield latest.run_id
        by_partition = instance.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        if by_partition:
            chosen = dg.AssetRecordsFilter(asset_key=key, storage_ids=list(by_partition.values()))
            for record in instance.fetch_materializations(chosen, limit=len(by_partition)).records:
                yield record.run_id
