"""Measure the wall time of a sync of 5,000 events when each response takes 200 ms, spread evenly and in uneven ways.

Baselines of the same run: the sequential loop, and the sync of the even log. Bounds: 2.5 s for the slowest sync of the
even log, and 1.25 times its median for the median of every other log.
"""

import math
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from common import (
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
    synced: dict[str, list[dict[str, Any]]] = {name: [] for name in DENSITIES}
    looped = []
    with ExitStack() as stack:
        accounts = {name: stack.enter_context(local_zendesk(0, latency_ms=options.latency)) for name in DENSITIES}
        for name, zendesk in accounts.items():
            _fill(zendesk, DENSITIES[name], options.events)
        scratch = stack.enter_context(temporary_folder())
        for number in range(options.runs):  # In turns: all meet the same load of the machine.
            for name, zendesk in accounts.items():
                path = scratch / f"{name} {number}.duckdb"
                synced[name].append(run_script("run_sync.py", zendesk.url, path, zendesk.start, zendesk.end))
                require_events(path, options.events)
            path = scratch / f"loop {number}.duckdb"
            looped.append(run_script("sequential.py", accounts["even"].first_page, path))
            require_events(path, options.events)
    for name, measured in {**synced, "loop": looped}.items():
        report.metric(f"{name}: wall time without imports", "s", [one["wall_s"] for one in measured])
        report.metric(f"{name}: requests", "", [one["requests"] for one in measured])
    walls = {name: [one["wall_s"] for one in measured] for name, measured in synced.items()}
    even = walls.pop("even")
    report.ratio("wall time, sync / loop", even, [one["wall_s"] for one in looped])
    report.bound("wall time of the slowest sync of the even log", max(even), BOUND_S, "s")
    for name, uneven in walls.items():
        report.ratio(f"wall time, {name} / even", uneven, even, at_most=UNEVEN_BOUND)
    return report.finish(keep=default)


def _fill(zendesk: LocalZendesk, density: Callable[[float], float], events: int) -> None:
    span = zendesk.end - zendesk.start
    moments = [zendesk.start + density(number / events) * span for number in range(events)]
    for first in range(0, events, 1_000):
        zendesk.add([{"created_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"} for moment in moments[first : first + 1_000]])


if __name__ == "__main__":
    sys.exit(main())
