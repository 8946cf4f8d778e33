"""Whether appending 1,000 events takes as long after a long history as after a short one."""

import sys
import time

import bulk
from common import Report, arguments, folder, require_disk

from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.warehouse.database import Warehouse

BOUND = 1.5


def main() -> int:
    given, default = arguments(__doc__, rows=[200_000, 20_000_000], events=1_000, runs=15)
    report = Report("append", **vars(given))
    seconds: dict[int, list[float]] = {rows: [] for rows in given.rows}
    with folder() as scratch:
        require_disk(scratch, 6)
        warehouses = {rows: Warehouse(scratch / f"{rows}.duckdb") for rows in given.rows}
        for rows, warehouse in warehouses.items():
            bulk.fill(warehouse, rows)
        for number in range(given.runs + 1):  # in turns, so that both meet the same machine
            for rows, warehouse in warehouses.items():
                seconds[rows].append(_append(warehouse, rows, number, given.events))
        sizes = {rows: warehouse.path.stat().st_size / 1e6 for rows, warehouse in warehouses.items()}
    for rows in given.rows:
        # The first one reads the file into the system's cache.
        report.figure(f"+{given.events:,} into {rows:,} rows: open, append, commit, close", "s", seconds[rows][1:])
        report.figure(f"{rows:,} rows: size of the file", "MB", [sizes[rows]])
    short, long = (sorted(seconds[rows][1:])[given.runs // 2] for rows in (given.rows[0], given.rows[-1]))
    report.bound("median after the long history against the short one", long, BOUND * short, "s")
    return report.finish(keep=default)


def _append(warehouse: Warehouse, rows: int, number: int, events: int) -> float:
    batch = bulk.next_batch(rows, number, events)
    started = time.perf_counter()
    with warehouse.transaction() as connection:
        appended = batches.append(connection, [batch], "benchmark")
    seconds = time.perf_counter() - started
    if appended.inserted != events:
        raise SystemExit(f"{appended.inserted:,} of {events:,} events were new: this is not what is to be measured.")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
