"""What the benchmarks share: a local Zendesk in another process, measured children, figures and verdicts."""

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

# Requests per minute; so many that pacing never makes anybody wait.
NO_LIMIT = 60_000_000
PAGE = 100

console = Console()

# So that a benchmark that is stopped also cleans up.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


@dataclass(frozen=True)
class Zendesk:
    """An emulator in a process of its own, and the window of its made-up history."""

    url: str
    start: datetime
    end: datetime

    @property
    def first_page(self) -> str:
        """The address at which the whole log begins."""
        return f"{self.url}/api/v2/audit_logs?page[size]={PAGE}&sort=created_at"

    def requests(self) -> list[dict[str, Any]]:
        """The requests for the log so far, as the emulator saw them, oldest first."""
        seen: list[dict[str, Any]] = requests.get(f"{self.url}/control/requests", timeout=60).json()["requests"]
        return seen

    def forget_requests(self) -> None:
        """Begin to count anew."""
        requests.delete(f"{self.url}/control/requests", timeout=60).raise_for_status()

    def add(self, events: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Let events happen; returns them complete."""
        answer = requests.post(f"{self.url}/control/events", json={"events": events}, timeout=60)
        answer.raise_for_status()
        added: list[dict[str, Any]] = answer.json()["events"]
        return added


@contextmanager
def zendesk(
    total: int, *, days: int = 365, until: datetime | None = None, latency_ms: float = 0, rate_limit: int = NO_LIMIT
) -> Iterator[Zendesk]:
    """A local Zendesk whose log holds `total` evenly spread events of `days` days, the last ones before `until`."""
    end = until or datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    start = end - timedelta(days=days)
    options = EmulatorOptions(
        history=HistoryOptions(start=start, end=end, style="uniform", total=total),
        latency_ms=latency_ms,
        rate_limit_per_minute=rate_limit,
        control=True,
    )
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_serve, args=(options, there), daemon=True)
    process.start()
    there.close()
    try:
        yield Zendesk(here.recv(), start, end)  # EOFError if it does not start; its own message is above
    finally:
        process.terminate()
        process.join()


def _serve(options: EmulatorOptions, ready: Connection) -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()
    serve(options, ready.send)


def _end_with_parent() -> None:
    """Also when the benchmark is killed; it cannot clean up then."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextmanager
def folder() -> Iterator[Path]:
    """A temporary folder."""
    with tempfile.TemporaryDirectory(prefix="zendesk-audit-benchmark-") as path:
        yield Path(path)


def child(script: str, *arguments: object) -> dict[str, Any]:
    """Run a script of this folder in a fresh process; returns what it measured of itself, see `usage.Measured`."""
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
    figures: dict[str, Any] = json.loads(last)
    return figures


def require_events(path: Path, events: int) -> None:
    """Stop unless the file holds that many: no figure counts when the work was not done."""
    with duckdb.connect(str(path), read_only=True) as connection:
        ((rows, ids),) = connection.execute("SELECT count(*), count(DISTINCT id) FROM audit_logs").fetchall()
    if not rows == ids == events:
        raise SystemExit(f"{path.name} holds {rows:,} rows of {ids:,} events, not {events:,}: nothing to measure.")


@dataclass(frozen=True)
class Figure:
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
            "min": _short(min(self.runs)),
            "median": _short(self.median),
            "max": _short(max(self.runs)),
            "runs": [_short(run) for run in self.runs],
        }


class Report:
    """Figures and bounds of one benchmark: printed, and kept as JSON in `results/`."""

    def __init__(self, name: str, **settings: Any) -> None:
        self._name = name
        self._settings = settings
        self._figures: list[Figure] = []
        self._bounds: list[dict[str, Any]] = []
        self._began = datetime.now(timezone.utc)
        self._load = os.getloadavg()[0]

    def figure(self, name: str, unit: str, runs: Sequence[float]) -> Figure:
        """Note a quantity and what each run gave for it."""
        figure = Figure(name, unit, list(runs))
        self._figures.append(figure)
        return figure

    def bound(self, name: str, measured: float, at_most: float, unit: str) -> None:
        """Note what must be reached."""
        self._bounds.append(
            {
                "name": name,
                "measured": _short(measured),
                "at_most": _short(at_most),
                "unit": unit,
                "reached": measured <= at_most,
            }
        )

    def finish(self, *, keep: bool) -> int:
        """Print everything; with `keep` store it. Returns the exit code: 1 when a bound was missed."""
        table = Table(title=self._name, title_justify="left")
        table.add_column("figure")
        table.add_column("unit")
        for heading in ("min", "median", "max", "runs"):
            table.add_column(heading, justify="right")
        for figure in self._figures:
            numbers = (min(figure.runs), figure.median, max(figure.runs))
            table.add_row(figure.name, figure.unit, *(f"{_short(n):,}" for n in numbers), str(len(figure.runs)))
        console.print(table)
        console.print(", ".join(f"{name}: {value}" for name, value in self._settings.items()), soft_wrap=True)
        for bound in self._bounds:
            verdict = "reached" if bound["reached"] else "NOT REACHED"
            figures = f"{bound['measured']:,} of at most {bound['at_most']:,} {bound['unit']}"
            console.print(f"{verdict}: {bound['name']}: {figures}", highlight=False, soft_wrap=True)
        if keep:
            RESULTS.mkdir(exist_ok=True)
            text = json.dumps(self._as_dict(), indent=2) + "\n"
            (RESULTS / f"{self._name}.json").write_text(text)
        else:
            console.print("Not kept: other settings than the default ones.")
        return 0 if all(bound["reached"] for bound in self._bounds) else 1

    def _as_dict(self) -> dict[str, Any]:
        return {
            "benchmark": self._name,
            "date": self._began.isoformat(timespec="seconds"),
            "machine": {
                "cpus": os.cpu_count(),
                "memory_gb": _short(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
                "load_at_start": _short(self._load),
                "system": platform.platform(),
            },
            "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
            "settings": self._settings,
            "figures": [figure.as_dict() for figure in self._figures],
            "bounds": self._bounds,
        }


def arguments(description: str | None, **defaults: int | list[int]) -> tuple[argparse.Namespace, bool]:
    """The options of a benchmark, and whether they are the default ones: only such figures are kept."""
    parser = argparse.ArgumentParser(description=description)
    for name, default in defaults.items():
        several = isinstance(default, list)
        parser.add_argument(f"--{name}", type=int, default=default, nargs="+" if several else None)
    given = parser.parse_args()
    return given, vars(given) == defaults


def require_disk(path: Path, gigabytes: float) -> None:
    """Stop before the disk is full."""
    free = shutil.disk_usage(path).free / 1e9
    if free < gigabytes:
        raise SystemExit(f"{path} has {free:.1f} GB left; this benchmark needs {gigabytes:g} GB.")


def _short(number: float) -> float:
    """Four significant digits, whole numbers as they are."""
    return number if isinstance(number, int) else float(f"{number:.4g}")
