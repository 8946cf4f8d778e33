"""How long the rules take: all events of a long log at once, and each refresh after a short and a long history."""

import sys
import time

import bulk
from common import Report, arguments, folder, require_disk

from zendesk_audit_assets.detect import Rule, findings, load_rules
from zendesk_audit_assets.extract import batches
from zendesk_audit_assets.transform import refresh
from zendesk_audit_assets.transform.changes import AUDIT_EVENTS
from zendesk_audit_assets.warehouse.database import Warehouse

EVENT_RULES_BOUND_S = 20.0
BOUND = 1.5


def main() -> int:
    given, default = arguments(__doc__, rows=[200_000, 1_000_000], events=100, runs=9)
    report = Report("rules", **vars(given))
    rules = load_rules()
    event_rules = [rule for rule in rules if rule.kind == "event"]
    seconds: dict[int, list[float]] = {rows: [] for rows in given.rows}
    with folder() as scratch:
        require_disk(scratch, 4)
        warehouses = {rows: Warehouse(scratch / f"{rows}.duckdb") for rows in given.rows}
        for rows, warehouse in warehouses.items():
            _fill(warehouse, given.rows[-1], rows)
            taken, found = _refresh(warehouse, event_rules)
            report.figure(f"{rows:,} events: {len(event_rules)} rules about single events", "s", [taken])
            report.figure(f"{rows:,} events: their findings", "rows", [found])
            if rows == given.rows[-1]:
                report.bound(f"all event rules over {rows:,} events", taken, EVENT_RULES_BOUND_S, "s")
            taken, _ = _refresh(warehouse, rules)
            report.figure(f"{rows:,} events: the other {len(rules) - len(event_rules)} rules", "s", [taken])
        for number in range(given.runs + 1):  # in turns, so that both meet the same machine
            for rows, warehouse in warehouses.items():
                with warehouse.transaction() as connection:
                    batches.append(connection, [bulk.next_batch(given.rows[-1], number, given.events)], "benchmark")
                    connection.execute(_WITHOUT_GAPS)
                seconds[rows].append(_refresh(warehouse, rules)[0])
        for rows, warehouse in warehouses.items():
            report.figure(f"after {rows:,} events: nothing new", "s", [_refresh(warehouse, rules)[0] for _ in range(5)])
    for rows in given.rows:
        report.figure(f"after {rows:,} events: {given.events:,} new ones, all rules", "s", seconds[rows][1:])
    short, long = (sorted(seconds[rows][1:])[given.runs // 2] for rows in (given.rows[0], given.rows[-1]))
    report.bound("median refresh after the long history against the short one", long, BOUND * short, "s")
    return report.finish(keep=default)


# A rule that compares goes no further than the first gap in what was read.
_WITHOUT_GAPS = """
    UPDATE coverage SET window_start = (SELECT min(window_start) FROM coverage)
    WHERE batch_id = (SELECT max(batch_id) FROM coverage)
"""


def _fill(warehouse: Warehouse, rows: int, newest: int) -> None:
    """The newest of so many rows: a shorter history with as many events a day, so that a look-back holds as many."""
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
