"""Measure an append of 1,000 events to 20,000,000 rows.

Baseline of the same run: the same append to 200,000 rows. Bound: the ratio of the medians is at most 1.5.
"""

import sys
import time

import bulk
from common import Report, parse_options, require_disk, temporary_folder

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND = 1.5


def main() -> int:
    options, default = parse_options(__doc__, rows=[200_000, 20_000_000], events=1_000, runs=15)
    report = Report("append", **vars(options))
    seconds: dict[int, list[float]] = {rows: [] for rows in options.rows}
    with temporary_folder() as scratch:
        require_disk(scratch, 6)
        warehouses = {rows: Warehouse(scratch / f"{rows}.duckdb") for rows in options.rows}
        for rows, warehouse in warehouses.items():
            bulk.fill(warehouse, rows)
        for number in range(options.runs + 1):  # In turns: both histories meet the same load of the machine.
            for rows, warehouse in warehouses.items():
                seconds[rows].append(_append(warehouse, rows, number, options.events))
        sizes = {rows: warehouse.path.stat().st_size / 1e6 for rows, warehouse in warehouses.items()}
    for rows in options.rows:
        # The first run reads the file into the system's cache.
        report.metric(f"+{options.events:,} into {rows:,} rows: open, append, commit, close", "s", seconds[rows][1:])
        report.metric(f"{rows:,} rows: size of the file", "MB", [sizes[rows]])
    short, long = (seconds[rows][1:] for rows in (options.rows[0], options.rows[-1]))
    report.ratio("append after the long history / after the short one", long, short, at_most=BOUND)
    return report.finish(keep=default)


def _append(warehouse: Warehouse, rows: int, number: int, events: int) -> float:
    batch = bulk.next_batch(rows, number, events)
    started = time.perf_counter()
    with warehouse.transaction() as connection:
        appended = batches.append(connection, [batch], "benchmark")
    seconds = time.perf_counter() - started
    if appended.inserted != events:
        raise SystemExit(f"Only {appended.inserted:,} of {events:,} events were new: the measurement is not valid.")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
