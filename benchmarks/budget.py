"""Measure the CPU time of the rate budget per request, in memory and in a file that processes share.

Baseline of the same run: a loop that reads the headers of a response without a budget. Bound: the file adds at most
1 ms of CPU per request. Wall time is reported without a bound: it depends on the other load of the machine.
"""

import sys
import time
from collections.abc import Callable

from common import Report, parse_options, temporary_folder

from zendesk_audit_assets.zendesk import RateBudget
from zendesk_audit_assets.zendesk.budget import read_rate_limit

BOUND_MS = 1.0
# Never used up, so that nothing waits.
HEADERS = {"X-Rate-Limit": "900000", "X-Rate-Limit-Remaining": "899999"}


def main() -> int:
    options, default = parse_options(__doc__, requests=5_000, runs=5)
    report = Report("budget", **vars(options))
    bare, memory, file, wall = [], [], [], []
    with temporary_folder() as scratch:
        in_memory, in_file = RateBudget(1.0), RateBudget(1.0, file=scratch / "warehouse.duckdb.budget.json")
        for _ in range(options.runs):
            bare.append(_ms_each(lambda: read_rate_limit(HEADERS), options.requests)[0])
            memory.append(_ms_each(lambda: _request(in_memory), options.requests)[0])
            cpu_ms, wall_ms = _ms_each(lambda: _request(in_file), options.requests)
            file.append(cpu_ms)
            wall.append(wall_ms)
    report.metric("CPU without a budget", "ms", bare)
    report.metric("CPU with the budget in memory", "ms", memory)
    report.metric("CPU with the budget in a file", "ms", file)
    report.metric("wall time of that", "ms", wall)
    report.ratio("CPU with the budget in a file / without a budget", file, bare)
    report.bound("CPU of the file per request", max(file) - min(bare), BOUND_MS, "ms")
    return report.finish(keep=default)


def _request(budget: RateBudget) -> None:
    budget.acquire()
    budget.observe(HEADERS)


def _ms_each(request: Callable[[], object], requests: int) -> tuple[float, float]:
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(requests):
        request()
    return 1000 * (time.process_time() - cpu) / requests, 1000 * (time.perf_counter() - wall) / requests


if __name__ == "__main__":
    sys.exit(main())
