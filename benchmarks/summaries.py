"""Measure the refresh of all derived tables by 1,000 new events after a history of 20,000,000.

Baseline of the same run: the rebuild of all derived tables; the ratio to it is reported. Bounds: 3 s and 1 GB.
"""

import sys

import bulk
import duckdb
from common import Report, parse_options, require_disk, run_script, temporary_folder

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND_S = 3.0
BOUND_MB = 1_000.0


def main() -> int:
    options, default = parse_options(__doc__, rows=20_000_000, events=1_000, runs=5)
    with temporary_folder() as scratch:
        require_disk(scratch, 8)
        warehouse = Warehouse(scratch / "warehouse.duckdb")
        bulk.fill(warehouse, options.rows)
        full = run_script("run_refresh.py", warehouse.path)
        refreshes = []
        for number in range(options.runs):
            with warehouse.transaction() as connection:
                batches.append(connection, [bulk.next_batch(options.rows, number, options.events)], "benchmark")
            refreshes.append(run_script("run_refresh.py", warehouse.path))
        _require_equal_sums(warehouse, options.rows + options.runs * options.events)
        size = warehouse.path.stat().st_size / 1e6
    report = Report("summaries", **vars(options), rows_of_the_derived_tables=full["rows"])
    for label, runs in ((f"+{options.events:,} events", refreshes), ("rebuild", [full])):
        report.metric(f"{label}: all derived tables", "s", [one["wall_s"] for one in runs])
        for table in DERIVED:
            report.metric(f"{label}: {table.name}", "s", [one["seconds"][table.name] for one in runs])
        report.metric(f"{label}: peak memory", "MB", [one["peak_mb"] for one in runs])
    report.ratio(f"+{options.events:,} events / rebuild", [one["wall_s"] for one in refreshes], [full["wall_s"]])
    report.metric("size of the file", "MB", [size])
    report.bound(f"+{options.events:,} events: slowest", max(one["wall_s"] for one in refreshes), BOUND_S, "s")
    report.bound(f"+{options.events:,} events: peak memory", max(one["peak_mb"] for one in refreshes), BOUND_MB, "MB")
    return report.finish(keep=default)


def _require_equal_sums(warehouse: Warehouse, events: int) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        for name in ("daily_activity", "actor_summary", "action_summary"):
            ((summed,),) = connection.execute(f"SELECT sum(events)::BIGINT FROM {name}").fetchall()
            if summed != events:
                raise SystemExit(f"{name} counts {summed:,} events instead of {events:,}.")


if __name__ == "__main__":
    sys.exit(main())
