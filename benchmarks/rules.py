"""Measure the rules: all event rules over a whole log, and the refresh of all rules by 100 events after 1,000,000.

Baseline of the same run: the same refresh after 200,000 events. Bounds: the ratio of the medians is at most 1.5, and
the event rules take at most 20 s over the whole log.
"""

import sys
import time

import bulk
from common import Report, parse_options, require_disk, temporary_folder

from zendesk_audit_assets.detect import Rule, findings, load_rules
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.transform import refresh
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.warehouse.database import Warehouse

EVENT_RULES_BOUND_S = 20.0
BOUND = 1.5


def main() -> int:
    options, default = parse_options(__doc__, rows=[200_000, 1_000_000], events=100, runs=9)
    report = Report("rules", **vars(options))
    rules = load_rules()
    event_rules = [rule for rule in rules if rule.kind == "event"]
    seconds: dict[int, list[float]] = {rows: [] for rows in options.rows}
    with temporary_folder() as scratch:
        require_disk(scratch, 4)
        warehouses = {rows: Warehouse(scratch / f"{rows}.duckdb") for rows in options.rows}
        for rows, warehouse in warehouses.items():
            _fill(warehouse, options.rows[-1], rows)
            taken, found = _refresh(warehouse, event_rules)
            report.metric(f"{rows:,} events: {len(event_rules)} rules about single events", "s", [taken])
            report.metric(f"{rows:,} events: their findings", "rows", [found])
            if rows == options.rows[-1]:
                report.bound(f"all event rules over {rows:,} events", taken, EVENT_RULES_BOUND_S, "s")
            taken, _ = _refresh(warehouse, rules)
            report.metric(f"{rows:,} events: the other {len(rules) - len(event_rules)} rules", "s", [taken])
        for number in range(options.runs + 1):  # In turns: both histories meet the same load.
            for rows, warehouse in warehouses.items():
                with warehouse.transaction() as connection:
                    batches.append(connection, [bulk.next_batch(options.rows[-1], number, options.events)], "benchmark")
                    connection.execute(_WITHOUT_GAPS)
                seconds[rows].append(_refresh(warehouse, rules)[0])
        for rows, warehouse in warehouses.items():
            report.metric(f"after {rows:,} events: nothing new", "s", [_refresh(warehouse, rules)[0] for _ in range(5)])
    for rows in options.rows:
        report.metric(f"after {rows:,} events: {options.events:,} new ones, all rules", "s", seconds[rows][1:])
    short, long = (seconds[rows][1:] for rows in (options.rows[0], options.rows[-1]))
    report.ratio("refresh after the long history / after the short one", long, short, at_most=BOUND)
    return report.finish(keep=default)


# Baseline rules look back only to the first gap in the coverage.
_WITHOUT_GAPS = """
    UPDATE coverage SET window_start = (SELECT min(window_start) FROM coverage)
    WHERE batch_id = (SELECT max(batch_id) FROM coverage)
"""


def _fill(warehouse: Warehouse, rows: int, newest: int) -> None:
    """Insert the newest of so many rows: a shorter history with as many events per day, so look-backs are equal."""
    bulk.fill(warehouse, rows)
    with warehouse.transaction() as connection:
        for table in ("audit_logs", "coverage"):
            connection.execute(f"DELETE FROM {table} WHERE batch_id <= {(rows - newest) // bulk.ROWS_PER_BATCH}")
        connection.execute(_WITHOUT_GAPS)
        refresh.refresh(connection, AUDIT_EVENTS)


def _refresh(warehouse: Warehouse, rules: list[Rule] | tuple[Rule, ...]) -> tuple[float, int]:
    started = time.perf_counter()
    with warehouse.transaction() as connection:
        done = findings.refresh(connection, rules)
    return time.perf_counter() - started, done.rows_total


if __name__ == "__main__":
    sys.exit(main())
