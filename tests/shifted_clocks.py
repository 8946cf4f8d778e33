"""Runs the tests marked `dates` under clocks that libfaketime shifts, and the demo too; `make test-dates` calls it.

    python tests/shifted_clocks.py [--all] [NAME ...]

With --all it runs every test instead of the marked ones. With names it takes only the clocks of these names.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
STARTUP = ROOT / "tests" / "support" / "startup"
NOW = datetime.now(timezone.utc)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


# The instant at which everything starts, and the time zone of the machine. Each clock runs on from there.
CLOCKS = {
    "leap-day": (utc("2028-02-29 12:00:00"), "UTC"),
    "end-of-year": (utc("2026-12-31 23:59:00"), "UTC"),
    "europe-spring": (utc("2027-03-28 00:59:00"), "Europe/Berlin"),
    "europe-autumn": (utc("2027-10-31 00:59:00"), "Europe/Berlin"),
    "america-spring": (utc("2027-03-14 06:59:00"), "America/New_York"),
    "america-autumn": (utc("2027-11-07 05:59:00"), "America/New_York"),
    "in-90-days": (NOW + timedelta(days=90), "Asia/Kolkata"),
    "in-400-days": (NOW + timedelta(days=400), "Pacific/Auckland"),
}
# The demo takes as long as the tests: once on an odd day, once while the year changes.
WITH_DEMO = {"leap-day", "end-of-year"}


def run(name: str, command: list[str], folder: Path) -> int:
    """Run a command under one of the clocks; its exit code."""
    start, zone = CLOCKS[name]
    offset = (start - datetime.now(timezone.utc)).total_seconds()
    # An offset, since libfaketime reads an instant in the machine's zone. Waits are measured by the monotonic clock.
    environment = {**os.environ, "TZ": zone, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "DONT_FAKE_MONOTONIC": "1"}
    # It would read its variables again every ten seconds, and crash where another thread sets one at that moment.
    environment["FAKETIME_CACHE_DURATION"] = "1000000"
    environment["PYTHONPATH"] = os.pathsep.join([str(STARTUP), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
    return subprocess.run(["faketime", "-f", f"{offset:+.0f}s", *command], cwd=folder, env=environment).returncode


def main(arguments: list[str]) -> int:
    if shutil.which("faketime") is None:
        print("faketime is missing: install it with `apt-get install faketime` or `brew install libfaketime`.")
        return 2
    names = [one for one in arguments if one != "--all"] or list(CLOCKS)
    marked = [str(file) for file in sorted(ROOT.glob("tests/**/test_*.py")) if "mark.dates" in file.read_text("utf-8")]
    chosen = [] if "--all" in arguments else ["-m", "dates and not faults", *marked]
    failed = []
    for name in names:
        began = time.monotonic()
        print(f"{name}: {CLOCKS[name][0]:%Y-%m-%d %H:%M} UTC on a machine in {CLOCKS[name][1]}", flush=True)
        with TemporaryDirectory() as folder:
            codes = [run(name, [sys.executable, "-m", "pytest", *chosen], ROOT)]
            if name in WITH_DEMO:
                demo = [sys.executable, "-m", "zendesk_audit_assets.cli", "demo", "--days", "7"]
                codes.append(run(name, demo, Path(folder)))
        if any(codes):
            failed.append(name)
        print(f"{name}: {'failed' if any(codes) else 'passed'} in {time.monotonic() - began:.0f} s", flush=True)
    print(f"{len(names) - len(failed)} of {len(names)} clocks passed.", *failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
