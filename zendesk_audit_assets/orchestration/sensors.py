"""The sensors of an account. They ask Zendesk and Dagster's history, never the warehouse."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, timezone

import dagster as dg

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.extract.frames import parse_page
from zendesk_audit_assets.orchestration.jobs import refresh_requests
from zendesk_audit_assets.orchestration.resources import ZENDESK, needed, zendesk_of
from zendesk_audit_assets.orchestration.run_history import (
    alerts_due,
    complete_to,
    fingerprint,
    fingerprint_of,
    pausing,
    unfinished,
    was_fetched,
)
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.orchestration.validation import problem
from zendesk_audit_assets.settings import Account
from zendesk_audit_assets.zendesk import MalformedResponse, ZendeskClient

# Seconds between two checks whether a pending alert is due; the shortest pause is a minute.
ALERT_SENSOR_SECONDS = 30


def build_sensors(scope: Scope, account: Account, start: date) -> list[dg.SensorDefinition]:
    """The sensors `new_audit_events` and `undelivered_alerts` of a log that starts on the day `start`."""
    complete = problem(account) is None
    status = dg.DefaultSensorStatus.RUNNING if complete else dg.DefaultSensorStatus.STOPPED
    seconds = account.sensor_seconds if complete else None
    return [_new_audit_events(scope, account, start, status, seconds), _undelivered_alerts(scope, account, status)]


def _new_audit_events(
    scope: Scope, account: Account, start: date, status: dg.DefaultSensorStatus, seconds: int | None
) -> dg.SensorDefinition:
    @dg.sensor(
        name=scope.prefixed("new_audit_events"),
        job_name=scope.refresh,
        minimum_interval_seconds=seconds,
        default_status=status,
        required_resource_keys=needed(scope, ZENDESK),
        description="Requests the newest page of the log, and starts a refresh when it holds something new.",
    )
    def new_audit_events(context: dg.SensorEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        instance = context.instance
        reason = problem(account) or unfinished(instance, scope, scope.refresh)
        reason = reason or pausing(instance, scope, scope.refresh)
        if reason:
            return dg.SkipReason(reason)
        try:
            with zendesk_of(context, scope).client() as client:
                newest, newest_at = _newest(client)
        except AuditError as error:
            if error.permanent:  # nothing is collected until somebody acts: the tick is red
                raise dg.Failure(description=str(error)) from None
            return dg.SkipReason(str(error))
        if was_fetched(instance, scope, newest) and not _is_due(instance, scope, newest_at):
            return dg.SkipReason("Nothing new in the audit log.")
        return refresh_requests(instance, scope, start, newest)

    return new_audit_events


def _newest(client: ZendeskClient) -> tuple[str, datetime | None]:
    """A fingerprint of the newest page, and the time of its newest event.

    The fingerprint is that of its bytes if it is malformed: a refresh reads on past what is broken.
    """
    try:
        page = client.newest()
    except MalformedResponse as error:
        return fingerprint_of(error.body), None
    with suppress(RecursionError):  # a record that is nested too deeply
        times = parse_page(page.records, page.records_exactly).times
        return fingerprint(page), max(times.first, times.last) if times else None
    return fingerprint(page), None


def _is_due(instance: dg.DagsterInstance, scope: Scope, newest_at: datetime | None) -> bool:
    """Whether a refresh left out the newest event because it lay ahead of the clock here, which has caught up now."""
    if newest_at is None:
        return False
    reached = complete_to(instance, scope)
    return reached is not None and reached <= newest_at < datetime.now(timezone.utc)


def _undelivered_alerts(scope: Scope, account: Account, status: dg.DefaultSensorStatus) -> dg.SensorDefinition:
    @dg.sensor(
        name=scope.prefixed("undelivered_alerts"),
        job_name=scope.deliver_alerts,
        minimum_interval_seconds=ALERT_SENSOR_SECONDS,
        default_status=status,
        description="Sends undelivered alerts again as soon as their pause is over; sends Zendesk no request.",
    )
    def undelivered_alerts(context: dg.SensorEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        instance = context.instance
        reason = problem(account) or unfinished(instance, scope, scope.refresh, scope.deliver_alerts)
        reason = reason or pausing(instance, scope, scope.deliver_alerts)
        if reason:
            return dg.SkipReason(reason)
        due = alerts_due(instance, scope)
        if due is None:
            return dg.SkipReason("No alert waits.")
        if due > datetime.now(timezone.utc):
            return dg.SkipReason(f"The next alert is due at {due:%H:%M:%S} UTC.")
        return dg.RunRequest()

    return undelivered_alerts
