"""Measure the CPU and the memory of a first sync of 20,000, 100,000 and 1,000,000 events.

Baseline of the same run: the sequential loop. Bounds: the ratio of the medians of CPU is at most 1, and the sync of
1,000,000 events takes at most 400 MB.
"""

import sys
from pathlib import Path
from typing import Any

from common import (
    PAGE,
    LocalZendesk,
    Report,
    local_zendesk,
    parse_options,
    require_events,
    run_script,
    temporary_folder,
)

ROWS_PER_INSERT = 10_000
CPU_BOUND = 1.0
# For the largest size, in MB.
MEMORY_BOUND = 400.0
LARGE = 1_000_000


def main() -> int:
    options, default = parse_options(__doc__, events=[20_000, 100_000, LARGE], runs=5)
    report = Report("sync", **vars(options), rows_per_insert_of_the_loop=ROWS_PER_INSERT)
    for events in options.events:
        _measure(report, events, options.runs if events < LARGE else min(options.runs, 3))
    return report.finish(keep=default)


def _measure(report: Report, events: int, runs: int) -> None:
    ours, loop = [], []
    with local_zendesk(events) as zendesk, temporary_folder() as scratch:
        for _ in range(runs):  # In turns: both meet the same load of the machine.
            ours.append(_synced(zendesk, scratch / "synced.duckdb", events))
            loop.append(_looped(zendesk, scratch / "looped.duckdb", events, ROWS_PER_INSERT))
        # For comparison: the loop that loses at most one page in a crash.
        per_page = _looped(zendesk, scratch / "looped.duckdb", events, PAGE)
    for name, measured in (("sync", ours), ("loop", loop)):
        for key, (label, unit) in _METRICS.items():
            report.metric(f"{events:,} {name}: {label}", unit, [one[key] for one in measured])
    report.metric(f"{events:,} loop with an INSERT per page: CPU", "s", [per_page["cpu_s"]])
    cpu, loop_cpu = ([one["cpu_s"] for one in measured] for measured in (ours, loop))
    report.ratio(f"{events:,}: CPU, sync / loop", cpu, loop_cpu, at_most=CPU_BOUND)
    if events >= LARGE:
        report.bound(f"{events:,}: peak memory of sync", max(one["peak_mb"] for one in ours), MEMORY_BOUND, "MB")


_METRICS = {
    "cpu_s": ("CPU", "s"),
    "import_cpu_s": ("CPU of the imports", "s"),
    "wall_s": ("wall time", "s"),
    "peak_mb": ("peak memory", "MB"),
    "requests": ("requests", ""),
}


def _synced(zendesk: LocalZendesk, path: Path, events: int) -> dict[str, Any]:
    return _verified(run_script("run_sync.py", zendesk.url, path, zendesk.start, zendesk.end), path, events)


def _looped(zendesk: LocalZendesk, path: Path, events: int, rows_per_insert: int) -> dict[str, Any]:
    return _verified(run_script("sequential.py", zendesk.first_page, path, rows_per_insert), path, events)


def _verified(measured: dict[str, Any], path: Path, events: int) -> dict[str, Any]:
    require_events(path, events)
    path.unlink()
    return measured


if __name__ == "__main__":
    sys.exit(main())
