"""Dagster definitions for one account, or for several that know nothing of each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone

import dagster as dg

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.orchestration.assets.alerts import build_alerts
from zendesk_audit_assets.orchestration.assets.audit_logs import build_audit_logs
from zendesk_audit_assets.orchestration.assets.derived import build_derived
from zendesk_audit_assets.orchestration.assets.findings import build_findings
from zendesk_audit_assets.orchestration.assets.published import build_published
from zendesk_audit_assets.orchestration.checks import build_checks
from zendesk_audit_assets.orchestration.jobs import build_asset_jobs
from zendesk_audit_assets.orchestration.maintenance import build_prune_job, build_prune_schedule
from zendesk_audit_assets.orchestration.resources import build_resources
from zendesk_audit_assets.orchestration.schedules import HOURLY, NIGHTLY, build_schedules
from zendesk_audit_assets.orchestration.scope import Scope
from zendesk_audit_assets.orchestration.sensors import build_sensors
from zendesk_audit_assets.parsers import BadSettings, shown
from zendesk_audit_assets.settings import Account

# What runs by itself: nothing, the schedules, or the sensors too.
AUTOMATION = ("off", "schedules", "sensor")


def build_definitions(
    *accounts: Account,
    key_prefix: str | Sequence[str] = (),
    group_name: str | None = None,
    owners: Sequence[str] = (),
    tags: Mapping[str, str] | None = None,
    automation: str = "sensor",
    refresh_cron: str = HOURLY,
    nightly_cron: str = NIGHTLY,
    keep_runs_days: int | None = None,
) -> dg.Definitions:
    """Assets, checks, jobs, schedules, sensors and resources of these accounts; reads no environment of its own.

    All names of an account that has a name begin with it: `acme/audit_logs`, `acme_refresh`. `key_prefix` stands before
    the keys of all assets; `owners`, `tags` and `group_name` are those of all assets. Without `group_name` each kind of
    asset has a group.

    `automation` is "off" (there are jobs only), "schedules", or "sensor" for these and the sensors. `refresh_cron` and
    `nightly_cron` are in UTC; an account's `sensor_seconds` is the interval of its sensor. With `keep_runs_days` a job
    deletes the finished runs of the accounts' own jobs after so many days.

    The definitions load even while a setting is missing or wrong: nothing then starts by itself, and each run and each
    tick names the setting. Nothing is set on the whole, such as an executor, so they merge with others. Raises
    `BadSettings` when two accounts have the same name or the same warehouse, or `automation` is none of the three.
    """
    if automation not in AUTOMATION:
        raise BadSettings(f"automation is {shown(str(automation))}.", f"Use one of {', '.join(AUTOMATION)}.")
    _require_apart(accounts)
    prefix = (key_prefix,) if isinstance(key_prefix, str) else tuple(key_prefix)
    return dg.Definitions.merge(
        *(
            _of_account(
                Scope(account.name, prefix, group_name, tuple(owners), tags or {}),
                account,
                automation,
                refresh_cron,
                nightly_cron,
                keep_runs_days,
            )
            for account in accounts
        )
    )


def _of_account(
    scope: Scope,
    account: Account,
    automation: str,
    refresh_cron: str,
    nightly_cron: str,
    keep_runs_days: int | None,
) -> dg.Definitions:
    start = _start_or_this_year(account)
    schedules = []
    if automation != "off":
        schedules += build_schedules(scope, account, start.date(), refresh_cron=refresh_cron, nightly_cron=nightly_cron)
    jobs = build_asset_jobs(scope)
    if keep_runs_days is not None:
        jobs.append(build_prune_job(scope, keep_runs_days))
        schedules.append(build_prune_schedule(scope, account))
    return dg.Definitions(
        assets=[
            build_audit_logs(scope, start),
            build_derived(scope),
            build_findings(scope, start),
            build_alerts(scope),
            *build_published(scope),
        ],
        asset_checks=build_checks(scope, start),
        jobs=jobs,
        schedules=schedules,
        sensors=build_sensors(scope, account, start.date()) if automation == "sensor" else [],
        resources=build_resources(scope, account),
    )


def _require_apart(accounts: Sequence[Account]) -> None:
    if not accounts:
        raise BadSettings("build_definitions has no account.", "Give it one Account or more.")
    for name in _repeated(account.name.casefold() for account in accounts):
        raise BadSettings(
            f"Two accounts have the name {shown(name)}." if name else "Two accounts have no name.",
            "Give each a name of its own: Account(name=...).",
        )
    for path in _repeated(_database(account) for account in accounts):
        raise BadSettings(f"Two accounts have the warehouse {path}.", "Give each a file of its own.")


def _database(account: Account) -> str:
    """The account's file, or what stands for it alone while the setting is wrong."""
    try:
        return str(account.database.absolute())
    except AuditError:
        return account.name


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, number in Counter(values).items() if number > 1]


def _start_or_this_year(account: Account) -> datetime:
    """The first second of the log; a stand-in while ZENDESK_START_DATE is missing, so that the assets can be seen."""
    try:
        return account.start
    except AuditError:
        return datetime(datetime.now(timezone.utc).year, 1, 1, tzinfo=timezone.utc)
