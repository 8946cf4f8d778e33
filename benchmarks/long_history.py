"""Measure the first `zendesk-audit sync` of 600 events over 15 years.

Baseline of the same run: the same number of events over 90 days; the ratios to its CPU and to its wall time are
reported. Bound: 60 s for the slowest sync of 15 years.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from common import Report, local_zendesk, parse_options, require_events, temporary_folder

BOUND_S = 60.0


def main() -> int:
    options, default = parse_options(__doc__, events=600, days=15 * 365, baseline=90, runs=3)
    report = Report("long_history", **vars(options))
    measured: dict[int, list[tuple[float, float]]] = {options.days: [], options.baseline: []}
    for _ in range(options.runs):
        for days, runs in measured.items():
            runs.append(_first_sync(options.events, days))
    for days, runs in measured.items():
        report.metric(f"{days:,} days: wall time", "s", [wall for wall, _ in runs])
        report.metric(f"{days:,} days: CPU", "s", [cpu for _, cpu in runs])
    for number, name in enumerate(("wall time", "CPU")):
        long, short = ([one[number] for one in runs] for runs in measured.values())
        report.ratio(f"{name}, {options.days:,} days / {options.baseline} days", long, short)
    report.bound("wall time of the slowest sync", max(wall for wall, _ in measured[options.days]), BOUND_S, "s")
    return report.finish(keep=default)


def _first_sync(events: int, days: int) -> tuple[float, float]:
    """Seconds of wall time and of CPU of the whole command, with an empty Dagster home and no warehouse."""
    with local_zendesk(events, days=days) as zendesk, temporary_folder() as scratch:
        settings = {
            "ZENDESK_SUBDOMAIN": "demo",
            "ZENDESK_BASE_URL": zendesk.url,
            "ZENDESK_ACCESS_TOKEN": "emulator-access-token",
            "ZENDESK_START_DATE": f"{zendesk.start:%Y-%m-%d}",
            "ZENDESK_AUDIT_DB": str(scratch / "synced.duckdb"),
            "DAGSTER_HOME": str(scratch / "dagster"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        cpu, started = _cpu_of_children(), time.perf_counter()
        command = [sys.executable, "-m", "zendesk_audit_assets.cli", "sync", "--quiet"]
        subprocess.run(command, cwd=scratch, env={**os.environ, **settings}, check=True)
        wall, cpu = time.perf_counter() - started, _cpu_of_children() - cpu
        require_events(scratch / "synced.duckdb", events)
    return wall, cpu


def _cpu_of_children() -> float:
    used = os.times()
    return used.children_user + used.children_system


if __name__ == "__main__":
    sys.exit(main())
