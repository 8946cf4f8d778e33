"""Measure a long sync at the account's rate limit of 700 requests per minute.

Baselines: the time that the limit allows for the least number of requests, and the CPU of the same sync without a
limit. Bounds: the slowest sync takes at most 1.10 of that time, the ratio of the medians of CPU is at most 1.15, no
response is a 429, and no 60 s hold more requests than the limit.
"""

import math
import sys

from common import NO_LIMIT, PAGE, Report, local_zendesk, parse_options, require_events, run_script, temporary_folder

BOUND = 1.10
CPU_BOUND = 1.15


def main() -> int:
    options, default = parse_options(__doc__, events=100_000, latency=300, limit=700, runs=3)
    report = Report("rate_limit", **vars(options))
    needed = math.ceil(options.events / PAGE)
    allowed_s = 60 * needed / options.limit
    walls, requests, rejected, busiest = [], [], [], []
    cpu: dict[int, list[float]] = {NO_LIMIT: [], options.limit: []}
    for _ in range(options.runs):  # A fresh account each time, with its whole minute unused.
        for limit in (NO_LIMIT, options.limit):
            with (
                local_zendesk(options.events, latency_ms=options.latency, rate_limit=limit) as zendesk,
                temporary_folder() as scratch,
            ):
                measured = run_script("run_sync.py", zendesk.url, scratch / "synced.duckdb", zendesk.start, zendesk.end)
                require_events(scratch / "synced.duckdb", options.events)
                recorded = zendesk.requests()
            cpu[limit].append(measured["cpu_s"] - measured["import_cpu_s"])
        walls.append(measured["wall_s"])
        requests.append(len(recorded))
        rejected.append(sum(one["status"] == 429 for one in recorded))
        busiest.append(_most_in_a_minute([one["at"] for one in recorded]))
    report.metric("wall time without imports", "s", walls)
    report.metric(f"time that the limit allows for {needed:,} requests", "s", [allowed_s])
    report.metric("requests", "", requests)
    report.metric("most requests in any 60 s", "", busiest)
    report.metric("responses with 429", "", rejected)
    report.metric("CPU without imports", "s", cpu[options.limit])
    report.metric("CPU without imports and without a limit", "s", cpu[NO_LIMIT])
    report.ratio("CPU, with the limit / without it", cpu[options.limit], cpu[NO_LIMIT], at_most=CPU_BOUND)
    report.ratio("wall time / time that the limit allows", walls, [allowed_s])
    report.bound("wall time of the slowest sync", max(walls), BOUND * allowed_s, "s")
    report.bound("responses with 429", sum(rejected), 0, "")
    report.bound("most requests in any 60 s", max(busiest), options.limit, "")
    return report.finish(keep=default)


def _most_in_a_minute(moments: list[float]) -> int:
    """The most moments within any 60 s. The window slides, since Zendesk does not document when a minute begins."""
    moments = sorted(moments)
    first = most = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 60:
            first += 1
        most = max(most, last - first + 1)
    return most


if __name__ == "__main__":
    sys.exit(main())
