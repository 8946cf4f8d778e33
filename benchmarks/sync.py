"""CPU and memory of a first sync, against the bare sequential loop, at several sizes of the log."""

import statistics
import sys
from pathlib import Path
from typing import Any

from common import PAGE, Report, Zendesk, arguments, child, folder, require_events, zendesk

ROWS_PER_INSERT = 10_000
# Of the largest size, in MB.
MEMORY_BOUND = 400.0
LARGE = 1_000_000


def main() -> int:
    given, default = arguments(__doc__, events=[20_000, 100_000, LARGE], runs=5)
    report = Report("sync", **vars(given), rows_per_insert_of_the_loop=ROWS_PER_INSERT)
    for events in given.events:
        _measure(report, events, given.runs if events < LARGE else min(given.runs, 3))
    return report.finish(keep=default)


def _measure(report: Report, events: int, runs: int) -> None:
    ours, loop = [], []
    with zendesk(events) as account, folder() as scratch:
        for _ in range(runs):  # in turns, so that both meet the same machine
            ours.append(_synced(account, scratch / "synced.duckdb", events))
            loop.append(_looped(account, scratch / "looped.duckdb", events, ROWS_PER_INSERT))
        # What the loop costs if a crash may cost it no more than a page, for comparison.
        per_page = _looped(account, scratch / "looped.duckdb", events, PAGE)
    for name, measured in (("sync", ours), ("loop", loop)):
        for key, (meaning, unit) in _FIGURES.items():
            report.figure(f"{events:,} {name}: {meaning}", unit, [one[key] for one in measured])
    report.figure(f"{events:,} loop with an INSERT per page: CPU", "s", [per_page["cpu_s"]])
    cpu, loop_cpu = (statistics.median(one["cpu_s"] for one in several) for several in (ours, loop))
    report.bound(f"{events:,}: median CPU of sync against the loop", cpu, loop_cpu, "s")
    if events >= LARGE:
        report.bound(f"{events:,}: peak memory of sync", max(one["peak_mb"] for one in ours), MEMORY_BOUND, "MB")


_FIGURES = {
    "cpu_s": ("CPU", "s"),
    "import_cpu_s": ("CPU of the imports", "s"),
    "wall_s": ("wall time", "s"),
    "peak_mb": ("peak memory", "MB"),
    "requests": ("requests", ""),
}


def _synced(account: Zendesk, path: Path, events: int) -> dict[str, Any]:
    return _checked(child("synced.py", account.url, path, account.start, account.end), path, events)


def _looped(account: Zendesk, path: Path, events: int, rows_per_insert: int) -> dict[str, Any]:
    return _checked(child("sequential.py", account.first_page, path, rows_per_insert), path, events)


def _checked(measured: dict[str, Any], path: Path, events: int) -> dict[str, Any]:
    require_events(path, events)
    path.unlink()
    return measured


if __name__ == "__main__":
    sys.exit(main())
