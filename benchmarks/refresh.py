"""A refresh in a warm process: nothing new, and 100 new events; with all derived tables and all rules."""

import sys
import time
from datetime import datetime, timedelta, timezone

from common import Report, Zendesk, arguments, folder, zendesk
from synced import client

from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND_S = 1.0
NEW_EVENTS = 100
RULES = load_rules(None)


def main() -> int:
    given, default = arguments(__doc__, events=20_000, runs=7)
    report = Report("refresh", **vars(given))
    runs = [_one_run(given.events) for _ in range(given.runs + 1)][1:]  # the first one warms the process
    for what, bound in (("quiet", 1), (f"+{NEW_EVENTS} events", 2)):
        requests, seconds, summaries = zip(*(run[what] for run in runs), strict=True)
        report.figure(f"{what}: requests", "", requests)
        report.figure(f"{what}: sync, derived tables and findings", "s", seconds)
        report.figure(f"{what}: of it derived tables and findings", "s", summaries)
        report.bound(f"{what}: requests", max(requests), bound, "")
        report.bound(f"{what}: slowest", max(seconds), BOUND_S, "s")
    return report.finish(keep=default)


def _one_run(events: int) -> dict[str, tuple[int, float, float]]:
    """On a fresh account and a fresh file, so that every run finds the same."""
    recent = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)
    with zendesk(events, until=recent) as account, folder() as scratch:
        warehouse = Warehouse(scratch / "warehouse.duckdb")
        _refresh(account, warehouse, account.start)
        yesterday = recent.replace(hour=0, minute=0, second=0) - timedelta(days=1)
        quiet = _refresh(account, warehouse, yesterday)
        account.add([{"created_at": _seconds_ago(2 + n % 50)} for n in range(NEW_EVENTS)])
        busy = _refresh(account, warehouse, yesterday)
        with warehouse.transaction() as connection:
            ((stored, summed),) = connection.execute(
                "SELECT (SELECT count(*) FROM audit_logs), (SELECT sum(events)::BIGINT FROM actor_summary)"
            ).fetchall()
    if not stored == summed == events + NEW_EVENTS:
        raise SystemExit(f"{stored:,} events are stored and {summed:,} summed up instead of {events + NEW_EVENTS:,}.")
    return {"quiet": quiet, f"+{NEW_EVENTS} events": busy}


def _refresh(account: Zendesk, warehouse: Warehouse, since: datetime) -> tuple[int, float, float]:
    """As the job `refresh` does it: from yesterday, or the start, to the end of today."""
    tomorrow = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    account.forget_requests()
    started = time.perf_counter()
    with client(account.url, warehouse.path.parent) as zendesk_client:
        sync.sync(zendesk_client, warehouse, Interval(since, tomorrow), run_id="benchmark")
    synced = time.perf_counter()
    with warehouse.transactions() as transaction:
        for table in DERIVED:
            with transaction() as connection:
                refresh.refresh(connection, table)
    with warehouse.transaction() as connection:
        findings.refresh(connection, RULES, start=account.start)
    done = time.perf_counter()
    return len(account.requests()), done - started, done - synced


def _seconds_ago(seconds: int) -> str:
    return f"{datetime.now(timezone.utc) - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    sys.exit(main())
