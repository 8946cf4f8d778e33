"""How long a sync takes when each answer takes 200 ms, against the bare sequential loop."""

import sys

from common import Report, arguments, child, folder, require_events, zendesk

BOUND_S = 2.5


def main() -> int:
    given, default = arguments(__doc__, events=5_000, latency=200, runs=5)
    report = Report("latency", **vars(given))
    ours, loop = [], []
    with zendesk(given.events, latency_ms=given.latency) as account, folder() as scratch:
        for number in range(given.runs):
            synced, looped = scratch / f"synced{number}.duckdb", scratch / f"looped{number}.duckdb"
            ours.append(child("synced.py", account.url, synced, account.start, account.end))
            loop.append(child("sequential.py", account.first_page, looped))
            require_events(synced, given.events)
            require_events(looped, given.events)
    for name, measured in (("sync", ours), ("loop", loop)):
        report.figure(f"{name}: wall time, imports apart", "s", [one["wall_s"] for one in measured])
        report.figure(f"{name}: requests", "", [one["requests"] for one in measured])
    report.bound("wall time of the slowest sync", max(one["wall_s"] for one in ours), BOUND_S, "s")
    return report.finish(keep=default)


if __name__ == "__main__":
    sys.exit(main())
