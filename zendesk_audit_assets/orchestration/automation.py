"""Jobs, schedules and sensors: what keeps the log current. None of them opens the warehouse's file."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from itertools import takewhile
from typing import Any

import dagster as dg

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.sync import SETTLE
from zendesk_audit_assets.orchestration.assets.alerts import ALERTS_KEY, NEXT_TRY, PENDING
from zendesk_audit_assets.orchestration.assets.audit_logs import (
    AUDIT_LOGS_KEY,
    COMPLETE_TO,
    DAYS_PER_RUN,
    AuditLogsConfig,
)
from zendesk_audit_assets.orchestration.assets.findings import FINDINGS_KEY
from zendesk_audit_assets.orchestration.assets.published import PARQUET_KEY, PUBLISHED_KEY, PublishConfig
from zendesk_audit_assets.orchestration.checks import WHOLE_TABLE_CHECK_KEYS
from zendesk_audit_assets.orchestration.maintenance import prune_runs
from zendesk_audit_assets.orchestration.resources import ZendeskResource
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.zendesk import Page

# How Dagster knows the partitions of a run that takes several of them at once.
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
# Which newest page of the log a refresh was asked for.
FINGERPRINT_TAG = "zendesk/newest_events"

REFRESH, BACKFILL, NIGHTLY, DELIVER_ALERTS = "refresh", "backfill", "nightly", "deliver_alerts"
NIGHTLY_DAYS = 3
# Seconds between two looks whether an alert is due to be tried again; the shortest pause is a minute.
ALERT_SENSOR_SECONDS = 30
# After one failed run in a row, after two, after three or more.
PAUSES_AFTER_FAILURE = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dataclass(frozen=True)
class Days:
    """Consecutive partitions, both ends included."""

    first: date
    last: date

    @property
    def tags(self) -> dict[str, str]:
        """The tags that make a run take these partitions."""
        return {RANGE_START_TAG: self.first.isoformat(), RANGE_END_TAG: self.last.isoformat()}


def bounded(days: Days) -> list[Days]:
    """The same days in pieces of at most `DAYS_PER_RUN`, oldest first."""
    firsts = range(days.first.toordinal(), days.last.toordinal() + 1, DAYS_PER_RUN)
    return [
        Days(date.fromordinal(first), min(days.last, date.fromordinal(first + DAYS_PER_RUN - 1))) for first in firsts
    ]


def days_to_refresh(start: date, complete_to: datetime | None, today: date) -> Days:
    """From where the log is incomplete or not settled yet, yesterday at the latest, to today."""
    incomplete_from = start if complete_to is None else (complete_to - SETTLE).date()
    return Days(max(start, min(incomplete_from, today - timedelta(days=1))), today)


def complete_to(instance: dg.DagsterInstance) -> datetime | None:
    """Up to when the log is complete, as the newest materialization says; None before the first."""
    event = instance.get_latest_materialization_event(AUDIT_LOGS_KEY)
    materialization = event.asset_materialization if event else None
    return _moment(materialization, COMPLETE_TO)


def alerts_due(instance: dg.DagsterInstance) -> datetime | None:
    """When the first alert that waits may be tried, as the newest materialization says; None when none waits."""
    event = instance.get_latest_materialization_event(ALERTS_KEY)
    materialization = event.asset_materialization if event else None
    pending = materialization.metadata.get(PENDING) if materialization else None
    if pending is None or not pending.value:
        return None
    return _moment(materialization, NEXT_TRY) or datetime.min.replace(tzinfo=timezone.utc)


def build_jobs() -> list[Any]:
    """The jobs `refresh`, `backfill`, `nightly`, `deliver_alerts` and `prune_runs`.

    A run is one process: its steps never wait for each other's lock on the warehouse.
    """
    # By name, so that the definitions can be merged into a deployment that has other assets.
    log_to_copy = dg.AssetSelection.assets(
        AUDIT_LOGS_KEY, *(dg.AssetKey(table.name) for table in DERIVED), FINDINGS_KEY, ALERTS_KEY, PUBLISHED_KEY
    )
    whole_table_checks = dg.AssetSelection.checks(*WHOLE_TABLE_CHECK_KEYS)
    return [
        dg.define_asset_job(
            REFRESH,
            selection=log_to_copy - whole_table_checks,
            executor_def=dg.in_process_executor,
            description="Brings the log, all that follows from it and the published copy up to now; sends alerts.",
        ),
        dg.define_asset_job(
            BACKFILL,
            selection=dg.AssetSelection.assets(AUDIT_LOGS_KEY).without_checks(),
            executor_def=dg.in_process_executor,
            description="Brings the log alone, for any range of days; what is settled costs no request.",
        ),
        dg.define_asset_job(
            NIGHTLY,
            selection=log_to_copy | dg.AssetSelection.assets(PARQUET_KEY),
            executor_def=dg.in_process_executor,
            description="Reads the last closed days again, runs every check and exports everything.",
        ),
        dg.define_asset_job(
            DELIVER_ALERTS,
            selection=dg.AssetSelection.assets(ALERTS_KEY),
            executor_def=dg.in_process_executor,
            description="Sends the alerts that are due, without looking for new events.",
        ),
        prune_runs,
    ]


def build_automation(
    account: Account, start: date, problem: Callable[[], str | None]
) -> tuple[list[dg.ScheduleDefinition], list[dg.SensorDefinition]]:
    """The schedules and the sensors; they run by themselves once the account is configured."""
    configured = problem() is None
    status = dg.DefaultScheduleStatus.RUNNING if configured else dg.DefaultScheduleStatus.STOPPED

    @dg.schedule(
        job_name=REFRESH,
        cron_schedule="0 * * * *",
        execution_timezone="UTC",
        default_status=status,
        description="Every hour: brings everything up to now, from wherever the log is incomplete.",
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        reason = problem() or _busy(context.instance)
        return dg.SkipReason(reason) if reason else _refreshes(context.instance, start)

    @dg.schedule(
        job_name=NIGHTLY,
        cron_schedule="30 3 * * *",
        execution_timezone="UTC",
        default_status=status,
        description=f"Every night: reads the last {NIGHTLY_DAYS} closed days again, runs all checks, exports all.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        reason = problem()
        if reason:
            return dg.SkipReason(reason)
        today = context.scheduled_execution_time.date()
        days = Days(max(start, today - timedelta(days=NIGHTLY_DAYS)), max(start, today - timedelta(days=1)))
        return dg.RunRequest(
            tags=days.tags,
            run_config=dg.RunConfig(
                ops={
                    AUDIT_LOGS_KEY.to_python_identifier(): AuditLogsConfig(full_refresh=True),
                    PUBLISHED_KEY.to_python_identifier(): PublishConfig(force=True),
                }
            ),
        )

    @dg.sensor(
        job_name=REFRESH,
        minimum_interval_seconds=account.sensor_seconds if configured else None,
        default_status=dg.DefaultSensorStatus.RUNNING if configured else dg.DefaultSensorStatus.STOPPED,
        description="Looks at the newest page of the log, one request, and refreshes when there is something new.",
    )
    def new_audit_events(
        context: dg.SensorEvaluationContext, zendesk: dg.ResourceParam[ZendeskResource]
    ) -> list[dg.RunRequest] | dg.SkipReason:
        reason = problem() or _busy(context.instance) or _pausing_after_failure(context.instance, REFRESH)
        if reason:
            return dg.SkipReason(reason)
        try:
            with zendesk.client() as client:
                newest = fingerprint(client.newest())
        except AuditError as error:
            return dg.SkipReason(str(error))
        if _was_fetched(context.instance, newest):
            return dg.SkipReason("Nothing new in the audit log.")
        return _refreshes(context.instance, start, newest)

    @dg.sensor(
        job_name=DELIVER_ALERTS,
        minimum_interval_seconds=ALERT_SENSOR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if configured else dg.DefaultSensorStatus.STOPPED,
        description="Sends alerts again that did not arrive, as soon as their pause is over; asks Zendesk nothing.",
    )
    def undelivered_alerts(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        instance = context.instance
        reason = problem() or _busy(instance, REFRESH, DELIVER_ALERTS)
        reason = reason or _pausing_after_failure(instance, DELIVER_ALERTS)
        if reason:
            return dg.SkipReason(reason)
        due = alerts_due(instance)
        if due is None:
            return dg.SkipReason("No alert waits.")
        if due > datetime.now(timezone.utc):
            return dg.SkipReason(f"The next alert is due at {due:%H:%M:%S} UTC.")
        return dg.RunRequest()

    maintenance = dg.ScheduleDefinition(
        name="maintenance",
        job=prune_runs,
        cron_schedule="0 5 * * *",
        execution_timezone="UTC",
        default_status=status,
        description="Every day: deletes old runs from Dagster's history.",
    )

    return [hourly, nightly, maintenance], [new_audit_events, undelivered_alerts]


def fingerprint(page: Page) -> str:
    """Tells whether a page holds other events than before."""
    ids = sorted(str(record.get("id")) for record in page.records if isinstance(record, dict))
    return hashlib.sha256(" ".join(ids).encode()).hexdigest()[:16]


def _refreshes(instance: dg.DagsterInstance, start: date, newest: str | None = None) -> list[dg.RunRequest]:
    """The runs that bring everything up to now; the last of them fetches the `newest` events, and says so."""
    now = datetime.now(timezone.utc)
    *older, last = bounded(days_to_refresh(start, complete_to(instance), now.date()))
    fetches_newest = {FINGERPRINT_TAG: newest} if newest else {}
    tags = [*(piece.tags for piece in older), {**last.tags, **fetches_newest}]
    # A schedule must tell its runs apart. The key holds for this tick only: a failed run is to be asked for again.
    return [dg.RunRequest(f"{now:%Y-%m-%dT%H:%M:%S} {one[RANGE_START_TAG]}", tags=one) for one in tags]


def _moment(materialization: dg.AssetMaterialization | None, name: str) -> datetime | None:
    value = materialization.metadata.get(name) if materialization else None
    return datetime.fromtimestamp(value.value, timezone.utc) if isinstance(value, dg.TimestampMetadataValue) else None


def _busy(instance: dg.DagsterInstance, *jobs: str) -> str | None:
    for job in jobs or (REFRESH,):
        unfinished = instance.get_runs(dg.RunsFilter(job_name=job, statuses=_UNFINISHED), limit=1)
        if unfinished:
            return f"The {job} {unfinished[0].run_id} has not finished yet."
    return None


def _was_fetched(instance: dg.DagsterInstance, newest: str) -> bool:
    """Whether a refresh that was asked for because of these newest events has succeeded."""
    succeeded = dg.RunsFilter(job_name=REFRESH, statuses=[dg.DagsterRunStatus.SUCCESS], tags={FINGERPRINT_TAG: newest})
    return bool(instance.get_runs(succeeded, limit=1))


def _pausing_after_failure(instance: dg.DagsterInstance, job: str) -> str | None:
    """Why to wait, when the newest runs of a job failed: trying every minute would only cost, such as rate limit."""
    newest = instance.get_run_records(dg.RunsFilter(job_name=job), limit=len(PAUSES_AFTER_FAILURE))
    failed = list(takewhile(lambda record: record.dagster_run.status == dg.DagsterRunStatus.FAILURE, newest))
    if not failed or failed[0].end_time is None:
        return None
    until = datetime.fromtimestamp(failed[0].end_time, timezone.utc) + PAUSES_AFTER_FAILURE[len(failed) - 1]
    if datetime.now(timezone.utc) >= until:
        return None
    return f"The last {job} failed ({failed[0].dagster_run.run_id}); the next one may start at {until:%H:%M:%S} UTC."
