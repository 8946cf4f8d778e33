"""Measure the share of each function of the package in the CPU time of a sync.

Baseline of the same run: the CPU time of the whole process. Functions below 1 % are left out.
Every millisecond a sampler adds each thread's CPU time since the last sample to the innermost function of the package
on its stack. The threads of Polars and DuckDB are one metric.
"""

import gc
import statistics
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from common import LocalZendesk, Report, local_zendesk, parse_options, require_events, temporary_folder
from run_sync import client
from usage import cpu_s

import zendesk_audit_assets
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.warehouse.database import Warehouse

PACKAGE = str(Path(zendesk_audit_assets.__file__).parent)
LEAST_SHARE = 0.01


def main() -> int:
    options, default = parse_options(__doc__, events=100_000, readers=sync.READERS, runs=3)
    report = Report("cpu_profile", **vars(options))
    with local_zendesk(options.events) as zendesk:
        runs = [_profile(zendesk, options.events, options.readers) for _ in range(options.runs)]
    totals = [sum(run.values()) for run in runs]
    report.metric("whole process", "s", totals)
    spent = {name: [run.get(name, 0.0) for run in runs] for name in set().union(*runs)}
    for name, seconds in sorted(spent.items(), key=lambda item: -statistics.median(item[1])):
        if statistics.median(seconds) >= LEAST_SHARE * statistics.median(totals):
            report.metric(name, "s", seconds)
            report.ratio(f"{name} / whole process", seconds, totals)
    return report.finish(keep=default)


def _profile(zendesk: LocalZendesk, events: int, readers: int) -> dict[str, float]:
    """CPU seconds of one sync by function."""
    with temporary_folder() as scratch:
        warehouse = Warehouse(scratch / "warehouse.duckdb")
        sampler = _Sampler()
        before = cpu_s()
        sampler.start()
        with client(zendesk.url, scratch) as zendesk_client:
            window = Interval(zendesk.start, zendesk.end)
            sync.sync(zendesk_client, warehouse, window, run_id="profile", readers=readers)
        sampler.stop()
        total = cpu_s() - before - sampler.own_s
        require_events(warehouse.path, events)
    return {**sampler.spent, "threads of Polars and DuckDB": total - sum(sampler.spent.values())}


class _Sampler:
    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.own_s = 0.0
        self._sampled: dict[int, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        # A busy thread hands over to the sampler after 0.2 ms instead of 5 ms.
        sys.setswitchinterval(0.0002)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.001):
            # Before Python 3.12 a garbage collection inside this call deadlocks (gh-106883).
            gc.disable()
            frames = sys._current_frames()
            gc.enable()
            for thread in threading.enumerate():
                if thread is not self._thread and thread.ident in frames:
                    self._sample(thread, frames[thread.ident])
        self.own_s = time.thread_time()

    def _sample(self, thread: threading.Thread, frame: FrameType) -> None:
        assert thread.ident is not None
        used = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        # The main thread's CPU time before the first sample does not belong to the sync.
        since = self._sampled.get(thread.ident, used if thread is threading.main_thread() else 0.0)
        self._sampled[thread.ident] = used
        if used > since:
            function = _function(frame)
            self.spent[function] = self.spent.get(function, 0.0) + used - since


def _function(frame: FrameType | None) -> str:
    """The innermost function of the package on the stack of a thread."""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(PACKAGE):
            return f"{Path(path).relative_to(PACKAGE)} {frame.f_code.co_name}"
        frame = frame.f_back
    return "outside the package"


if __name__ == "__main__":
    sys.exit(main())
