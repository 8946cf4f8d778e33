"""The schedules of an account. They run by themselves once the account is complete."""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

from zendesk_audit_assets.orchestration.jobs import op_config, refresh_requests
from zendesk_audit_assets.orchestration.partitions import Days
from zendesk_audit_assets.orchestration.run_history import unfinished
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.orchestration.validation import problem
from zendesk_audit_assets.settings import Account

NIGHTLY_DAYS = 3

# The default times, in UTC.
HOURLY, NIGHTLY = "0 * * * *", "30 3 * * *"


def build_schedules(
    scope: Scope, account: Account, start: date, *, refresh_cron: str, nightly_cron: str
) -> list[dg.ScheduleDefinition]:
    """The schedules `hourly` and `nightly` of a log that starts on the day `start`, at these times."""
    status = dg.DefaultScheduleStatus.STOPPED if problem(account) else dg.DefaultScheduleStatus.RUNNING
    return [
        _hourly(scope, account, start, refresh_cron, status),
        _nightly(scope, account, start, nightly_cron, status),
    ]


def _hourly(
    scope: Scope, account: Account, start: date, cron: str, status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=scope.prefixed("hourly"),
        job_name=scope.refresh,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=status,
        description="Syncs the log from where it is incomplete, and refreshes everything derived from it.",
    )
    def hourly(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        reason = problem(account) or unfinished(context.instance, scope, scope.refresh)
        return dg.SkipReason(reason) if reason else refresh_requests(context.instance, scope, start)

    return hourly


def _nightly(
    scope: Scope, account: Account, start: date, cron: str, status: dg.DefaultScheduleStatus
) -> dg.ScheduleDefinition:
    @dg.schedule(
        name=scope.prefixed("nightly"),
        job_name=scope.nightly,
        cron_schedule=cron,
        execution_timezone="UTC",
        default_status=status,
        description=f"Fetches the last {NIGHTLY_DAYS} closed days again, runs all checks, exports all.",
    )
    def nightly(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        reason = problem(account)
        if reason:
            return dg.SkipReason(reason)
        today = context.scheduled_execution_time.date()
        days = Days(max(start, today - timedelta(days=NIGHTLY_DAYS)), max(start, today - timedelta(days=1)))
        return dg.RunRequest(
            tags=days.tags, run_config=dg.RunConfig(ops=op_config(scope, full_refresh=True, publish=True))
        )

    return nightly
