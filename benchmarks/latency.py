"""Measure the wall time of a sync of 5,000 events when each response takes 200 ms.

Baseline of the same run: the sequential loop; the ratio to its wall time is reported. Bound: 2.5 s for the slowest
sync.
"""

import sys

from common import Report, local_zendesk, parse_options, require_events, run_script, temporary_folder

BOUND_S = 2.5


def main() -> int:
    options, default = parse_options(__doc__, events=5_000, latency=200, runs=5)
    report = Report("latency", **vars(options))
    ours, loop = [], []
    with local_zendesk(options.events, latency_ms=options.latency) as zendesk, temporary_folder() as scratch:
        for number in range(options.runs):
            synced, looped = scratch / f"synced{number}.duckdb", scratch / f"looped{number}.duckdb"
            ours.append(run_script("run_sync.py", zendesk.url, synced, zendesk.start, zendesk.end))
            loop.append(run_script("sequential.py", zendesk.first_page, looped))
            require_events(synced, options.events)
            require_events(looped, options.events)
    for name, measured in (("sync", ours), ("loop", loop)):
        report.metric(f"{name}: wall time without imports", "s", [one["wall_s"] for one in measured])
        report.metric(f"{name}: requests", "", [one["requests"] for one in measured])
    report.ratio("wall time, sync / loop", [one["wall_s"] for one in ours], [one["wall_s"] for one in loop])
    report.bound("wall time of the slowest sync", max(one["wall_s"] for one in ours), BOUND_S, "s")
    return report.finish(keep=default)


if __name__ == "__main__":
    sys.exit(main())
