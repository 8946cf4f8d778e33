"""Facts from Dagster's own history: how far the log is complete, which runs are unfinished, which have failed.

Schedules and sensors ask here and never open the warehouse: they run in the code server, which would hold its lock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import takewhile

import dagster as dg

from zendesk_audit_assets.alert.outbox import NEXT_TRY, PENDING
from zendesk_audit_assets.extract.tables import AUDIT_LOGS
from zendesk_audit_assets.orchestration.assets.alerts import ALERTS
from zendesk_audit_assets.orchestration.assets.audit_logs import COMPLETE_TO
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.zendesk import Page

# The tag of a refresh that names the newest page of the log it was requested for.
FINGERPRINT_TAG = "zendesk/newest_events"

# After one failed run in a row, after two, after three or more.
PAUSES_AFTER_FAILURE = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))

# A run that still works has logged something since then: it tells its progress every few minutes, and one request is
# tried for 10 minutes.
SILENT = timedelta(hours=1)

_UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def complete_to(instance: dg.DagsterInstance, scope: Scope) -> datetime | None:
    """The time up to which the log is complete by its newest materialization; None before the first."""
    return _moment(_newest(instance, scope.asset_key(AUDIT_LOGS.name)), COMPLETE_TO)


def alerts_due(instance: dg.DagsterInstance, scope: Scope) -> datetime | None:
    """The time of the first pending alert's next attempt by the newest materialization; None without pending alerts."""
    newest = _newest(instance, scope.asset_key(ALERTS))
    pending = newest.metadata.get(PENDING) if newest else None
    if pending is None or not pending.value:
        return None
    return _moment(newest, NEXT_TRY) or datetime.min.replace(tzinfo=timezone.utc)


def unfinished(instance: dg.DagsterInstance, scope: Scope, *jobs: str) -> str | None:
    """A sentence that names an unfinished run of these jobs of the account; None when there is none.

    A run that has said nothing for `SILENT` does not count: nobody tells Dagster of a process that was killed.
    """
    for job in jobs:
        for record in instance.get_run_records(_runs_of(scope, job, _UNFINISHED)):
            run = record.dagster_run
            if run.status == dg.DagsterRunStatus.QUEUED or not _is_silent(instance, record):
                return f"The {job} {run.run_id} has not finished yet."
    return None


def _is_silent(instance: dg.DagsterInstance, record: dg.RunRecord) -> bool:
    before = datetime.now(timezone.utc) - SILENT
    if record.update_timestamp.replace(tzinfo=timezone.utc) > before:
        return False
    last = instance.get_records_for_run(record.dagster_run.run_id, limit=1, ascending=False).records
    return not last or datetime.fromtimestamp(last[0].timestamp, timezone.utc) < before


def pausing(instance: dg.DagsterInstance, scope: Scope, job: str) -> str | None:
    """A sentence that says until when to wait, while the job's newest runs have failed; None when it may start.

    A run every minute while Zendesk refuses would only use up the rate limit.
    """
    newest = instance.get_run_records(_runs_of(scope, job), limit=len(PAUSES_AFTER_FAILURE))
    failed = list(takewhile(lambda record: record.dagster_run.status == dg.DagsterRunStatus.FAILURE, newest))
    if not failed or failed[0].end_time is None:
        return None
    until = datetime.fromtimestamp(failed[0].end_time, timezone.utc) + PAUSES_AFTER_FAILURE[len(failed) - 1]
    if datetime.now(timezone.utc) >= until:
        return None
    return f"The last {job} failed ({failed[0].dagster_run.run_id}); the next one may start at {until:%H:%M:%S} UTC."


def fingerprint(page: Page) -> str:
    """A text that differs when a page holds other events; their order does not matter."""
    ids = sorted(str(record.get("id")) for record in page.records if isinstance(record, dict))
    return fingerprint_of(" ".join(ids).encode())


def fingerprint_of(content: bytes) -> str:
    """A short text that differs when the content does."""
    return hashlib.sha256(content).hexdigest()[:16]


def was_fetched(instance: dg.DagsterInstance, scope: Scope, newest: str) -> bool:
    """Whether a refresh that was requested for the page with this fingerprint has succeeded."""
    succeeded = _runs_of(scope, scope.refresh, [dg.DagsterRunStatus.SUCCESS], {FINGERPRINT_TAG: newest})
    return bool(instance.get_runs(succeeded, limit=1))


def _runs_of(
    scope: Scope, job: str, statuses: Sequence[dg.DagsterRunStatus] = (), tags: Mapping[str, str] | None = None
) -> dg.RunsFilter:
    """The runs of the account's job, and of no job of the same name that is somebody else's."""
    return dg.RunsFilter(job_name=job, statuses=statuses, tags={**scope.run_tags, **(tags or {})})


def _newest(instance: dg.DagsterInstance, key: dg.AssetKey) -> dg.AssetMaterialization | None:
    event = instance.get_latest_materialization_event(key)
    return event.asset_materialization if event else None


def _moment(materialization: dg.AssetMaterialization | None, name: str) -> datetime | None:
    value = materialization.metadata.get(name) if materialization else None
    return datetime.fromtimestamp(value.value, timezone.utc) if isinstance(value, dg.TimestampMetadataValue) else None
