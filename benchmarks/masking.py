"""Measure the CPU time of masking, on texts that are hard for it and on ordinary descriptions.

Baselines of the same run: eight texts of an eighth of the length, and the patterns one by one. Bounds: the ratio of the
medians is at most 3 for every hard text, and at most 1 for all patterns in one.
"""

import sys
import time
from collections.abc import Callable
from datetime import datetime, timezone
from itertools import islice

import duckdb
from common import Report, parse_options

from zendesk_audit_assets.emulator import HistoryOptions
from zendesk_audit_assets.emulator.history import HistoryGenerator
from zendesk_audit_assets.masking import PATTERNS, SQL_PATTERN, mask_cut

HARD = (
    "a", "…", "a…", "token", "token ", "password: ", "a:", "://", "a://b:c", "a://b@", "a-b_", "-----BEGIN A-----",
    "eyJ", "sk-", "=", 'key="', "cookie: ", "changed from ", "token changed from a to ", "token changed from a b ",
    "u:", " ", "A1b", "é", "https://", "password is ", "token changed from not set to ",
)  # fmt: skip


def main() -> int:
    options, default = parse_options(__doc__, characters=64_000, descriptions=10_000, runs=5)
    report = Report("masking", **vars(options))
    for unit in HARD:
        long, short = (f"{unit * (options.characters // part // len(unit))}…" for part in (1, 8))
        measured, baseline = [], []
        for _ in range(options.runs):
            measured.append(_cpu(lambda text=long: mask_cut(text)))
            baseline.append(_cpu(lambda text=short: [mask_cut(text) for _ in range(8)]))
        report.ratio(f"one text of {unit!r} / eight short ones", measured, baseline, at_most=3)
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE descriptions AS SELECT unnest(?) AS text", [_ordinary(options.descriptions)])
        one, each = [], []
        for _ in range(options.runs):
            one.append(_cpu(lambda: _matches(connection, [SQL_PATTERN])))
            each.append(_cpu(lambda: _matches(connection, PATTERNS)))
    report.metric("CPU of all patterns in one, in the database", "s", one)
    report.metric("CPU of the patterns one by one", "s", each)
    report.ratio("all patterns in one / one by one", one, each, at_most=1)
    return report.finish(keep=default)


def _ordinary(count: int) -> list[str]:
    start, end = datetime(2025, 1, 1, tzinfo=timezone.utc), datetime(2025, 12, 31, tzinfo=timezone.utc)
    events = HistoryGenerator(HistoryOptions(start, end, events_per_day=150))
    return list(islice((event.change_description for event in events if event.change_description), count))


def _matches(connection: duckdb.DuckDBPyConnection, patterns: tuple[str, ...] | list[str]) -> None:
    for pattern in patterns:
        connection.execute("SELECT count(*) FROM descriptions WHERE regexp_matches(text, ?)", [pattern]).fetchall()


def _cpu(work: Callable[[], object]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
