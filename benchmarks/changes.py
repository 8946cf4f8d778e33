"""Measure the parsing of 2,000,000 change descriptions, and the refresh of changes and histories by 1,000 events.

Baseline of the same run: the rebuild of the same tables; the ratio of refresh to rebuild is reported. Bound: a rebuild
parses at least 500,000 descriptions per second.
"""

import sys
import time
from datetime import datetime, timezone

import duckdb
import polars as pl
from common import Report, parse_options, require_disk, temporary_folder

from zendesk_audit_assets.emulator import HistoryOptions, generate_history
from zendesk_audit_assets.transform import (
    CHANGES,
    DERIVED,
    HISTORIES,
    DerivedTable,
    refresh,
)
from zendesk_audit_assets.warehouse.database import Warehouse

DESCRIPTIONS_PER_S = 500_000
PARSED = next(table for table in CHANGES if table.name == "audit_changes")

START, END = datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2026, 1, 1, tzinfo=timezone.utc)
EVENTS_PER_BATCH = 100
# Copies of one year, each with other ids and times. Sign-ins and events without a description are left out: they need
# no parsing.
COPIES = """
    INSERT INTO audit_logs BY NAME
    SELECT
        year.* REPLACE (id + copy * 10_000_000_000_000 AS id, created_at + to_seconds(copy) AS created_at),
        NULL::JSON AS extra,
        (row_number() OVER (ORDER BY created_at, copy)) // $per_batch + 1 AS batch_id,
        now() AS inserted_at,
        'benchmark' AS run_id
    FROM year, range($copies) AS copies(copy)
    WHERE change_description <> '' AND action <> 'login'
    ORDER BY created_at
"""


def main() -> int:
    options, default = parse_options(__doc__, descriptions=2_000_000, events=1_000, runs=5)
    report = Report("changes", **vars(options))
    with temporary_folder() as scratch:
        require_disk(scratch, 4)
        warehouse = Warehouse(scratch / "warehouse.duckdb")
        descriptions = _fill(warehouse, options.descriptions)
        for table in DERIVED:
            if table not in (*CHANGES, *HISTORIES):
                _refresh(warehouse, table)
        built: dict[str, list[float]] = {table.name: [] for table in (*CHANGES, *HISTORIES)}
        for _ in range(options.runs):
            for table in (*CHANGES, *HISTORIES):
                built[table.name].append(_refresh(warehouse, table, full=True))
        _require_every_description(warehouse, descriptions)
        refreshed: dict[str, list[float]] = {table.name: [] for table in (*CHANGES, *HISTORIES)}
        for number in range(options.runs):
            _append(warehouse, number, options.events)
            for table in DERIVED:
                seconds = _refresh(warehouse, table)
                if table.name in refreshed:
                    refreshed[table.name].append(seconds)
        _require_every_description(warehouse, descriptions + options.runs * options.events)
    speeds = [descriptions / seconds for seconds in built[PARSED.name]]
    report.metric("descriptions parsed", "1/s", speeds)
    for label, seconds_by_table in (("rebuild", built), (f"+{options.events:,} events", refreshed)):
        for name, runs in seconds_by_table.items():
            report.metric(f"{label}: {name}", "s", runs)
    refresh_s, rebuild_s = (list(map(sum, zip(*runs.values(), strict=True))) for runs in (refreshed, built))
    report.ratio(f"+{options.events:,} events / rebuild, all of these tables", refresh_s, rebuild_s)
    slowest = max(built[PARSED.name])
    report.bound("slowest parse of all descriptions", slowest, descriptions / DESCRIPTIONS_PER_S, "s")
    return report.finish(keep=default)


def _fill(warehouse: Warehouse, descriptions: int) -> int:
    """Insert copies of a generated year until there are enough descriptions; returns their number."""
    records = [event.record("demo") for event in generate_history(HistoryOptions(start=START, end=END))]
    year = pl.DataFrame(records, infer_schema_length=None)
    with warehouse.transaction() as connection:
        connection.register("incoming", year)
        connection.execute(
            "CREATE TEMP TABLE year AS SELECT * REPLACE (created_at::TIMESTAMPTZ AS created_at) FROM incoming"
        )
        ((described,),) = connection.execute(
            "SELECT count(*) FROM year WHERE change_description <> '' AND action <> 'login'"
        ).fetchall()
        copies = -(-descriptions // described)
        connection.execute(COPIES, {"copies": copies, "per_batch": EVENTS_PER_BATCH})
        connection.unregister("incoming")
    return int(copies * described)


def _append(warehouse: Warehouse, number: int, events: int) -> None:
    with warehouse.transaction() as connection:
        connection.execute(
            """
            INSERT INTO audit_logs
            SELECT * REPLACE (
                id + $number * 100_000_000_000_000_000 AS id, (SELECT max(batch_id) + 1 FROM audit_logs) AS batch_id
            )
            FROM (
                FROM audit_logs WHERE id < 100_000_000_000_000_000 ORDER BY created_at DESC, id LIMIT $events
            )
            """,
            {"number": number + 1, "events": events},
        )


def _refresh(warehouse: Warehouse, table: DerivedTable, *, full: bool = False) -> float:
    started = time.perf_counter()
    with warehouse.transaction() as connection:
        refresh.refresh(connection, table, full=full)
    return time.perf_counter() - started


def _require_every_description(warehouse: Warehouse, descriptions: int) -> None:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        ((parsed,),) = connection.execute("SELECT count(DISTINCT event_id) FROM audit_changes").fetchall()
    if parsed != descriptions:
        raise SystemExit(f"audit_changes has rows of {parsed:,} events instead of {descriptions:,}.")


if __name__ == "__main__":
    sys.exit(main())
