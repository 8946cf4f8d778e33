"""A long sync at the account's own rate limit: how near it comes to what the limit allows, and that no 429 comes."""

import math
import sys

from common import PAGE, Report, arguments, child, folder, require_events, zendesk

BOUND = 1.10


def main() -> int:
    given, default = arguments(__doc__, events=100_000, latency=300, limit=700, runs=3)
    report = Report("rate_limit", **vars(given))
    needed = math.ceil(given.events / PAGE)
    allowed_s = 60 * needed / given.limit
    walls, requests, refused, busiest = [], [], [], []
    for _ in range(given.runs):  # a fresh account each time, with nothing used of its minute
        with (
            zendesk(given.events, latency_ms=given.latency, rate_limit=given.limit) as account,
            folder() as scratch,
        ):
            measured = child("synced.py", account.url, scratch / "synced.duckdb", account.start, account.end)
            require_events(scratch / "synced.duckdb", given.events)
            seen = account.requests()
        walls.append(measured["wall_s"])
        requests.append(len(seen))
        refused.append(sum(one["status"] == 429 for one in seen))
        busiest.append(_most_in_a_minute([one["at"] for one in seen]))
    report.figure("wall time, imports apart", "s", walls)
    report.figure(f"time that the limit allows for {needed:,} requests", "s", [allowed_s])
    report.figure("requests", "", requests)
    report.figure("most requests in any 60 s", "", busiest)
    report.figure("answers 429", "", refused)
    report.bound("wall time of the slowest sync", max(walls), BOUND * allowed_s, "s")
    report.bound("answers 429", sum(refused), 0, "")
    report.bound("most requests in any 60 s", max(busiest), given.limit, "")
    return report.finish(keep=default)


def _most_in_a_minute(moments: list[float]) -> int:
    """Sliding, not by the clock: Zendesk does not say when its minutes begin."""
    moments = sorted(moments)
    first = most = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 60:
            first += 1
        most = max(most, last - first + 1)
    return most


if __name__ == "__main__":
    sys.exit(main())
