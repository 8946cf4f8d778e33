"""Where the CPU of a sync goes: every function of the package with the time spent in it and in what it calls elsewhere.

A sampler looks at all threads every millisecond and gives each thread's CPU time since the last look to the function
it is in; so what happens between two looks goes to the later one. The threads that Polars and DuckDB start are one
figure.
"""

import gc
import statistics
import sys
import threading
import time
from pathlib import Path
from types import FrameType

from common import Report, Zendesk, arguments, folder, require_events, zendesk
from synced import client
from usage import cpu_s

import zendesk_audit_assets
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.warehouse.database import Warehouse

PACKAGE = str(Path(zendesk_audit_assets.__file__).parent)
LEAST_SHARE = 0.01


def main() -> int:
    given, default = arguments(__doc__, events=100_000, workers=sync.WORKERS, runs=3)
    report = Report("cpu_profile", **vars(given))
    with zendesk(given.events) as account:
        runs = [_profile(account, given.events, given.workers) for _ in range(given.runs)]
    totals = [sum(run.values()) for run in runs]
    report.figure("all", "s", totals)
    spent = {name: [run.get(name, 0.0) for run in runs] for name in set().union(*runs)}
    for name, seconds in sorted(spent.items(), key=lambda item: -statistics.median(item[1])):
        if statistics.median(seconds) >= LEAST_SHARE * statistics.median(totals):
            report.figure(name, "s", seconds)
    return report.finish(keep=default)


def _profile(account: Zendesk, events: int, workers: int) -> dict[str, float]:
    """CPU seconds of one sync by function."""
    with folder() as scratch:
        warehouse = Warehouse(scratch / "warehouse.duckdb")
        sampler = _Sampler()
        before = cpu_s()
        sampler.start()
        with client(account.url, scratch) as zendesk_client:
            window = Interval(account.start, account.end)
            sync.sync(zendesk_client, warehouse, window, run_id="profile", workers=workers)
        sampler.stop()
        total = cpu_s() - before - sampler.own_s
        require_events(warehouse.path, events)
    return {**sampler.spent, "threads of Polars and DuckDB": total - sum(sampler.spent.values())}


class _Sampler:
    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self.own_s = 0.0
        self._seen: dict[int, float] = {}
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        # So that a busy thread lets the sampler look before it is through.
        sys.setswitchinterval(0.0002)
        self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopped.wait(0.001):
            # Until Python 3.12 a collection of garbage inside this call would wait for itself for ever (gh-106883).
            gc.disable()
            frames = sys._current_frames()
            gc.enable()
            for thread in threading.enumerate():
                if thread is not self._thread and thread.ident in frames:
                    self._look(thread, frames[thread.ident])
        self.own_s = time.thread_time()

    def _look(self, thread: threading.Thread, frame: FrameType) -> None:
        assert thread.ident is not None
        used = time.clock_gettime(time.pthread_getcpuclockid(thread.ident))
        # What the main thread did before the first look was not the sync.
        since = self._seen.get(thread.ident, used if thread is threading.main_thread() else 0.0)
        self._seen[thread.ident] = used
        if used > since:
            place = _place(frame)
            self.spent[place] = self.spent.get(place, 0.0) + used - since


def _place(frame: FrameType | None) -> str:
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(PACKAGE):
            return f"{Path(path).relative_to(PACKAGE)} {frame.f_code.co_name}"
        frame = frame.f_back
    return "between the functions of the package"


if __name__ == "__main__":
    sys.exit(main())
