"""The parts that benchmarks share: a local Zendesk, scripts in processes of their own, metrics, ratios and bounds."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import duckdb
import requests
from rich.console import Console
from rich.table import Table

from zendesk_audit_assets.emulator import EmulatorOptions, HistoryOptions, serve

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PACKAGES = ("dagster", "duckdb", "orjson", "polars", "pyarrow", "requests", "zendesk-audit-assets")

# Requests per minute; with so many a client never waits.
NO_LIMIT = 60_000_000
PAGE = 100

console = Console()

# SIGTERM ends the program by an exception, so that its context managers clean up.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@dataclass(frozen=True)
class LocalZendesk:
    """An emulator in a process of its own, and the window of its generated history."""

    url: str
    start: datetime
    end: datetime

    @property
    def first_page(self) -> str:
        """The address of the first page of the whole log."""
        return f"{self.url}/api/v2/audit_logs?page[size]={PAGE}&sort=created_at"

    def requests(self) -> list[dict[str, Any]]:
        """The requests that the emulator recorded, oldest first."""
        recorded: list[dict[str, Any]] = requests.get(f"{self.url}/control/requests", timeout=60).json()["requests"]
        return recorded

    def reset_requests(self) -> None:
        """Forget the recorded requests."""
        requests.delete(f"{self.url}/control/requests", timeout=60).raise_for_status()

    def add(self, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Add events from partial records; returns the complete records."""
        response = requests.post(f"{self.url}/control/events", json={"events": events}, timeout=60)
        response.raise_for_status()
        added: list[dict[str, Any]] = response.json()["events"]
        return added


@contextmanager
def local_zendesk(
    total: int, *, days: int = 365, until: datetime | None = None, latency_ms: float = 0, rate_limit: int = NO_LIMIT
) -> Iterator[LocalZendesk]:
    """Run a local Zendesk with `total` events, spread evenly over the `days` before `until` (default: midnight)."""
    end = until or datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=days)
    options = EmulatorOptions(
        history=HistoryOptions(start=start, end=end, style="uniform", total=total),
        latency_ms=latency_ms,
        rate_limit_per_minute=rate_limit,
        control=True,
    )
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(options, sender), daemon=True)
    process.start()
    sender.close()
    try:
        yield LocalZendesk(receiver.recv(), start, end)  # EOFError if it does not start; it prints its own error
    finally:
        process.terminate()
        process.join()


def _serve(options: EmulatorOptions, ready: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(options, ready.send)


def _end_with_parent() -> None:
    """Exit when the benchmark ends, even if it was killed and could not clean up."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A temporary folder."""
    with tempfile.TemporaryDirectory(prefix="zendesk-audit-benchmark-") as path:
        yield Path(path)


def run_script(script: str, *arguments: object) -> dict[str, Any]:
    """Run a script of this folder in a fresh process; returns the metrics that its `usage.Measurement` reports."""
    command = [sys.executable, str(HERE / script), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            *_, last = process.stdout.read().splitlines() or [""]
        except BaseException:
            process.terminate()
            raise
    if process.returncode:
        raise SystemExit(f"{script} failed with status {process.returncode}.")
    metrics: dict[str, Any] = json.loads(last)
    return metrics


def require_events(path: Path, events: int) -> None:
    """Exit with an error unless the file holds exactly so many events: only complete work is measured."""
    with duckdb.connect(str(path), read_only=True) as connection:
        ((rows, ids),) = connection.execute("SELECT count(*), count(DISTINCT id) FROM audit_logs").fetchall()
    if not rows == ids == events:
        raise SystemExit(f"{path.name} holds {rows:,} rows of {ids:,} events instead of {events:,}.")


@dataclass(frozen=True)
class Metric:
    """One measured quantity over repeated runs."""

    name: str
    unit: str
    runs: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.runs)

    def as_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "min": _rounded(min(self.runs)),
            "median": _rounded(self.median),
            "max": _rounded(max(self.runs)),
            "runs": [_rounded(run) for run in self.runs],
        }


class Report:
    """The metrics and bounds of one benchmark: printed, and kept as JSON in `results/`."""

    def __init__(self, name: str, **settings: Any) -> None:
        self._name = name
        self._settings = settings
        self._metrics: list[Metric] = []
        self._bounds: list[dict[str, Any]] = []
        self._began = datetime.now(timezone.utc)
        self._load = os.getloadavg()[0]

    def metric(self, name: str, unit: str, runs: Sequence[float]) -> Metric:
        """Record a quantity with the value of each run."""
        metric = Metric(name, unit, list(runs))
        self._metrics.append(metric)
        return metric

    def ratio(
        self, name: str, measured: Sequence[float], baseline: Sequence[float], *, at_most: float | None = None
    ) -> None:
        """Record the median of `measured` divided by that of `baseline`, from the same run; `at_most` bounds it."""
        ratio = statistics.median(measured) / statistics.median(baseline)
        self.metric(name, "ratio", [ratio])
        if at_most is not None:
            self.bound(name, ratio, at_most, "")

    def bound(self, name: str, measured: float, at_most: float, unit: str) -> None:
        """Record a bound and whether the measured value keeps it."""
        self._bounds.append(
            {
                "name": name,
                "measured": _rounded(measured),
                "at_most": _rounded(at_most),
                "unit": unit,
                "reached": measured <= at_most,
            }
        )

    def finish(self, *, keep: bool) -> int:
        """Print the report, and with `keep` store it. Returns the exit code: 1 if a bound is missed."""
        table = Table(title=self._name, title_justify="left")
        table.add_column("metric")
        table.add_column("unit")
        for heading in ("min", "median", "max", "runs"):
            table.add_column(heading, justify="right")
        for metric in self._metrics:
            numbers = (min(metric.runs), metric.median, max(metric.runs))
            table.add_row(metric.name, metric.unit, *(f"{_rounded(n):,}" for n in numbers), str(len(metric.runs)))
        console.print(table)
        console.print(", ".join(f"{name}: {value}" for name, value in self._settings.items()), soft_wrap=True)
        for bound in self._bounds:
            state = "kept" if bound["reached"] else "MISSED"
            values = f"{bound['measured']:,} of at most {bound['at_most']:,} {bound['unit']}".strip()
            console.print(f"{state}: {bound['name']}: {values}", highlight=False, soft_wrap=True)
        if keep:
            RESULTS.mkdir(exist_ok=True)
            text = json.dumps(self._as_dict(), indent=2) + "\n"
            (RESULTS / f"{self._name}.json").write_text(text)
        else:
            console.print("The results are not stored, because the options are not the default ones.")
        return 0 if all(bound["reached"] for bound in self._bounds) else 1

    def _as_dict(self) -> dict[str, Any]:
        return {
            "benchmark": self._name,
            "date": self._began.isoformat(timespec="seconds"),
            "machine": {
                "cpus": os.cpu_count(),
                "memory_gb": _rounded(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
                "load_at_start": _rounded(self._load),
                "system": platform.platform(),
            },
            "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
            "settings": self._settings,
            "metrics": [metric.as_dict() for metric in self._metrics],
            "bounds": self._bounds,
        }


def parse_options(description: str | None, **defaults: int | list[int]) -> tuple[argparse.Namespace, bool]:
    """The options of a benchmark, and whether all have their default: only such results are stored."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in defaults.items():
        several = isinstance(default, list)
        parser.add_argument(f"--{name}", type=int, default=default, nargs="+" if several else None)
    options = parser.parse_args()
    return options, vars(options) == defaults


def require_disk(path: Path, gigabytes: float) -> None:
    """Exit with an error unless the disk has so many GB (10^9 bytes) left."""
    free = shutil.disk_usage(path).free / 1e9
    if free < gigabytes:
        raise SystemExit(f"{path} has {free:.1f} GB left; this benchmark needs {gigabytes:g} GB.")


def _rounded(number: float) -> float:
    """The number with four significant digits; integers stay as they are."""
    return number if isinstance(number, int) else float(f"{number:.4g}")
