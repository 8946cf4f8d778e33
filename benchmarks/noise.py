"""Measure the noise of the rules: the open findings of the demo's two years, and the severe ones of a benign year.

Baseline: none; the histories are made up by the emulator. Bounds: at most 150 open findings after two years, all
episodes among them; at most 0.3 findings of medium or higher severity a day on a year without episodes, also when 40 %
of the changes of macros and triggers hold links.
"""

import sys
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import duckdb
from common import Report, parse_options, temporary_folder

from zendesk_audit_assets.detect import findings, load_rules
from zendesk_audit_assets.emulator import HistoryOptions, build_history
from zendesk_audit_assets.emulator.company import MAIN_TIME_ZONE
from zendesk_audit_assets.emulator.history import History
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.frames import parse_page, to_frames
from zendesk_audit_assets.severity import SEVERITIES, at_least
from zendesk_audit_assets.transform import DERIVED, refresh
from zendesk_audit_assets.warehouse.database import Warehouse

END = datetime(2026, 11, 1, tzinfo=timezone.utc)
OPEN_BOUND, PER_DAY_BOUND = 150, 0.3
SEVERE = at_least("medium")


def main() -> int:
    options, default = parse_options(__doc__, days=730, year=365, seed=1)
    report = Report("noise", **vars(options))
    demo = HistoryOptions(start=END - timedelta(days=options.days), end=END, seed=options.seed)
    benign = replace(demo, start=END - timedelta(days=options.year), episodes=False)
    with temporary_folder() as scratch:
        warehouse = Warehouse(scratch / "demo.duckdb")
        history = _fill(warehouse, demo)
        with warehouse.transaction() as connection:
            counted = _count(connection, "status = 'open'")
            for severity in SEVERITIES:
                report.metric(f"{options.days} days: open, {severity}", "findings", [counted.get(severity, 0)])
            for status in ("part", "noted"):
                rows = sum(_count(connection, f"status = '{status}'").values())
                report.metric(f"{options.days} days: {status}", "findings", [rows])
            missed = [episode.name for episode in history.episodes if not _is_open(connection, episode.event_ids)]
        report.bound(f"{options.days} days: open findings", sum(counted.values()), OPEN_BOUND, "")
        report.bound(
            f"{options.days} days: episodes without an open finding {missed or ''}".strip(), len(missed), 0, ""
        )
        for name, year in (("benign year", benign), ("40 % links", replace(benign, link_share=0.4))):
            warehouse = Warehouse(scratch / f"{name}.duckdb")
            _fill(warehouse, year)
            with warehouse.transaction() as connection:
                rows = sum(_count(connection, f"severity IN {SEVERE}").values())
            report.bound(f"{name}: medium or higher", rows / options.year, PER_DAY_BOUND, "a day")
    return report.finish(keep=default)


def _fill(warehouse: Warehouse, options: HistoryOptions) -> History:
    history = build_history(options)
    records = [event.record("demo") for event in history.events]
    frames = to_frames([parse_page(records, lambda: records)])
    batch = batches.Batch(Interval(options.start, options.end), options.end, 1, frames.rows, frames.rejects)
    with warehouse.transaction() as connection:
        batches.append(connection, [batch], "benchmark")
        for table in DERIVED:
            refresh.refresh(connection, table, timezone=MAIN_TIME_ZONE)
        findings.refresh(connection, load_rules(), timezone=MAIN_TIME_ZONE)
    return history


def _count(connection: duckdb.DuckDBPyConnection, condition: str) -> dict[str, int]:
    query = f"SELECT severity, count(*) FROM findings WHERE {condition} GROUP BY severity"
    return dict(connection.execute(query).fetchall())


def _is_open(connection: duckdb.DuckDBPyConnection, event_ids: tuple[int, ...]) -> bool:
    found = connection.execute(
        f"SELECT count(*) FROM findings WHERE status = 'open' AND severity IN {SEVERE} AND list_has_any(event_ids, $1)",
        [list(event_ids)],
    ).fetchall()
    return bool(found[0][0])


if __name__ == "__main__":
    sys.exit(main())
