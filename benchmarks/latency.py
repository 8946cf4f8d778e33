"""Measure the wall time of a sync of 5,000 events when each response takes 200 ms, spread evenly and in uneven ways.

Baselines of the same run: the sequential loop, and the sync of the even log. Bounds: 2.5 s for the slowest sync of the
even log, 1.25 times its median for the median of every other log, and 1.10 times the least number of requests, and
eight more.
"""

import math
import sys
from collections.abc import Callable

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

BOUND_S = 2.5
UNEVEN_BOUND = 1.25

# The moment of an event, as a share of the window, by its share of all events.
DENSITIES: dict[str, Callable[[float], float]] = {
    "even": lambda share: share,
    "first hundredth": lambda share: share / 100,
    "last hundredth": lambda share: 0.99 + share / 100,
    "five bursts": lambda share: (int(5 * share) + 0.4 + 5 * share % 1 / 1_000) / 5,
    "a busy day a month": lambda share: (int(12 * share) + 0.4 + 12 * share % 1 / 30) / 12,
    "exponential growth": lambda share: math.log1p(share * 9_999) / math.log(10_000),
}


def main() -> int:
    options, default = parse_options(__doc__, events=5_000, latency=200, runs=5)
    report = Report("latency", **vars(options))
    requests_bound = 1.10 * math.ceil(options.events / PAGE) + 8
    even: list[float] = []
    for name, density in DENSITIES.items():
        ours, loop = [], []
        with local_zendesk(0, latency_ms=options.latency) as zendesk, temporary_folder() as scratch:
            _fill(zendesk, density, options.events)
            for number in range(options.runs):
                synced, looped = scratch / f"synced{number}.duckdb", scratch / f"looped{number}.duckdb"
                ours.append(run_script("run_sync.py", zendesk.url, synced, zendesk.start, zendesk.end))
                require_events(synced, options.events)
                if name == "even":
                    loop.append(run_script("sequential.py", zendesk.first_page, looped))
                    require_events(looped, options.events)
        walls = [one["wall_s"] for one in ours]
        requests = [one["requests"] for one in ours]
        report.metric(f"{name}: wall time without imports", "s", walls)
        report.metric(f"{name}: requests", "", requests)
        report.bound(f"{name}: most requests", max(requests), requests_bound, "")
        if name == "even":
            even = walls
            report.metric("loop: wall time without imports", "s", [one["wall_s"] for one in loop])
            report.metric("loop: requests", "", [one["requests"] for one in loop])
            report.ratio("wall time, sync / loop", walls, [one["wall_s"] for one in loop])
            report.bound("wall time of the slowest sync of the even log", max(walls), BOUND_S, "s")
        else:
            report.ratio(f"wall time, {name} / even", walls, even, at_most=UNEVEN_BOUND)
    return report.finish(keep=default)


def _fill(zendesk: LocalZendesk, density: Callable[[float], float], events: int) -> None:
    span = zendesk.end - zendesk.start
    moments = [zendesk.start + density(number / events) * span for number in range(events)]
    for first in range(0, events, 1_000):
        zendesk.add([{"created_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"} for moment in moments[first : first + 1_000]])


if __name__ == "__main__":
    sys.exit(main())
