"""Measure a refresh with 100 new events in a warm process, including all derived tables and all rules.

Baseline of the same run: a refresh without new events; the ratio to it is reported. Bounds: 1 s each, 1 request
without and 2 requests with new events.
"""

import sys
import time
from datetime import datetime, timedelta, timezone

from common import LocalZendesk, Report, local_zendesk, parse_options, temporary_folder
from run_sync import client

from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND_S = 1.0
NEW_EVENTS = 100
RULES = load_rules(None)


def main() -> int:
    options, default = parse_options(__doc__, events=20_000, runs=7)
    report = Report("refresh", **vars(options))
    runs = [_one_run(options.events) for _ in range(options.runs + 1)][1:]  # The first run warms the process.
    totals = {}
    for label, bound in (("quiet", 1), (f"+{NEW_EVENTS} events", 2)):
        requests, seconds, derived = zip(*(run[label] for run in runs), strict=True)
        totals[label] = seconds
        report.metric(f"{label}: requests", "", requests)
        report.metric(f"{label}: sync, derived tables and findings", "s", seconds)
        report.metric(f"{label}: derived tables and findings alone", "s", derived)
        report.bound(f"{label}: requests", max(requests), bound, "")
        report.bound(f"{label}: slowest", max(seconds), BOUND_S, "s")
    report.ratio(f"+{NEW_EVENTS} events / quiet", totals[f"+{NEW_EVENTS} events"], totals["quiet"])
    return report.finish(keep=default)


def _one_run(events: int) -> dict[str, tuple[int, float, float]]:
    """Measure both refreshes on a fresh account and a fresh warehouse."""
    recent = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(hours=1)
    with local_zendesk(events, until=recent) as zendesk, temporary_folder() as scratch:
        warehouse = Warehouse(scratch / "warehouse.duckdb")
        _refresh(zendesk, warehouse, zendesk.start)
        yesterday = recent.replace(hour=0, minute=0, second=0) - timedelta(days=1)
        quiet = _refresh(zendesk, warehouse, yesterday)
        zendesk.add([{"created_at": _seconds_ago(2 + n % 50)} for n in range(NEW_EVENTS)])
        busy = _refresh(zendesk, warehouse, yesterday)
        with warehouse.transaction() as connection:
            ((stored, summed),) = connection.execute(
                "SELECT (SELECT count(*) FROM audit_logs), (SELECT sum(events)::BIGINT FROM actor_summary)"
            ).fetchall()
    if not stored == summed == events + NEW_EVENTS:
        raise SystemExit(f"{stored:,} events are stored and {summed:,} counted instead of {events + NEW_EVENTS:,}.")
    return {"quiet": quiet, f"+{NEW_EVENTS} events": busy}


def _refresh(zendesk: LocalZendesk, warehouse: Warehouse, since: datetime) -> tuple[int, float, float]:
    """Refresh from `since` to the end of today, as the job `refresh` does.

    Returns the requests, the seconds of the whole, and the seconds of derived tables and findings.
    """
    tomorrow = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    zendesk.reset_requests()
    started = time.perf_counter()
    with client(zendesk.url, warehouse.path.parent) as zendesk_client:
        sync.sync(zendesk_client, warehouse, Interval(since, tomorrow), run_id="benchmark")
    synced = time.perf_counter()
    with warehouse.transactions() as transaction:
        for table in DERIVED:
            with transaction() as connection:
                refresh.refresh(connection, table)
    with warehouse.transaction() as connection:
        findings.refresh(connection, RULES, start=zendesk.start)
    done = time.perf_counter()
    return len(zendesk.requests()), done - started, done - synced


def _seconds_ago(seconds: int) -> str:
    return f"{datetime.now(timezone.utc) - timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%SZ}"


if __name__ == "__main__":
    sys.exit(main())
