"""How long the derived tables take to follow 1,000 new events after a long history, and to be built from nothing."""

import sys

import bulk
import duckdb
from common import Report, arguments, child, folder, require_disk

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.transform import DERIVED
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND_S = 3.0
BOUND_MB = 1_000.0


def main() -> int:
    given, default = arguments(__doc__, rows=20_000_000, events=1_000, runs=5)
    with folder() as scratch:
        require_disk(scratch, 8)
        warehouse = Warehouse(scratch / "warehouse.duckdb")
        bulk.fill(warehouse, given.rows)
        full = child("summarized.py", warehouse.path)
        refreshes = []
        for number in range(given.runs):
            with warehouse.transaction() as connection:
                batches.append(connection, [bulk.next_batch(given.rows, number, given.events)], "benchmark")
            refreshes.append(child("summarized.py", warehouse.path))
        _require_equal_sums(warehouse, given.rows + given.runs * given.events)
        size = warehouse.path.stat().st_size / 1e6
    report = Report("summaries", **vars(given), rows_of_the_derived_tables=full["rows"])
    for what, runs in ((f"+{given.events:,} events", refreshes), ("built from nothing", [full])):
        report.figure(f"{what}: all derived tables", "s", [one["wall_s"] for one in runs])
        for table in DERIVED:
            report.figure(f"{what}: {table.name}", "s", [one["seconds"][table.name] for one in runs])
        report.figure(f"{what}: peak memory", "MB", [one["peak_mb"] for one in runs])
    report.figure("size of the file", "MB", [size])
    report.bound(f"+{given.events:,} events: slowest", max(one["wall_s"] for one in refreshes), BOUND_S, "s")
    report.bound(f"+{given.events:,} events: peak memory", max(one["peak_mb"] for one in refreshes), BOUND_MB, "MB")
    return report.finish(keep=default)


def _require_equal_sums(warehouse: Warehouse, events: int) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        for name in ("daily_activity", "actor_summary", "action_summary"):
            ((summed,),) = connection.execute(f"SELECT sum(events)::BIGINT FROM {name}").fetchall()
            if summed != events:
                raise SystemExit(f"{name} sums up to {summed:,} instead of {events:,}.")


if __name__ == "__main__":
    sys.exit(main())
