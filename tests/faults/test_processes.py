"""Several processes on one file, a program that holds the file, a disk that is full, a process that is killed.

`python tests/faults/kill_many.py --kills 200` is the long form of the last one.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets import ingest
from zendesk_audit_assets.coverage import Interval
from zendesk_audit_assets.warehouse.database import Warehouse, WarehouseBusy
from zendesk_audit_assets.zendesk import client

SEEDS = (1, 2, 3)
KILLS = 12

FOLDER = Path(__file__).parent
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = datetime(2026, 4, 1, tzinfo=timezone.utc)

STRAY_READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("reading", flush=True)
sys.stdin.readline()
"""


class Program:
    """A process that is told lines and says lines."""

    def __init__(self, *arguments: Any) -> None:
        command = [sys.executable, *map(str, arguments)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._limit = threading.Timer(60, self.process.kill)
        self._limit.start()

    def says(self) -> str:
        return self.process.stdout.readline().strip()

    def tell(self, line: str = "go") -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def close(self) -> None:
        self._limit.cancel()
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Starts processes; none of them outlives the test."""
    running: list[Program] = []

    def start(*arguments: Any) -> Program:
        running.append(Program(*arguments))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def worker(program, clock, warehouse):
    """Starts `worker.py`, which waits for a line before it begins."""

    def start(zendesk, *options: Any, start: datetime = START, path: Path = warehouse.path) -> Program:
        times = [moment.isoformat() for moment in (start, END, clock.now)]
        token = zendesk.options.access_token
        one = program(FOLDER / "worker.py", zendesk.url, token, path, *times, *options)
        assert one.says() == "ready"
        return one

    return start


@pytest.fixture
def zendesk(emulate, clock):
    """Two months of events, the more the newer, up to now."""
    return emulate(events=[{"created_at": clock.now - n**2 / 2 * timedelta(seconds=1)} for n in range(1, 1_500)])


def everything(zendesk):
    return {event["id"]: event["created_at"] for event in zendesk.events}


def test_two_refreshes_and_a_backfill_at_once_bring_every_event_once(
    zendesk, worker, clock, stored, unread_but_claimed
):
    yesterday = clock.now.replace(hour=0) - timedelta(days=1)
    workers = [worker(zendesk, start=start) for start in (yesterday, START, yesterday)]
    for one in workers:
        one.tell()
    inserted = [int(one.says()) for one in workers]
    assert sum(inserted) == len(zendesk.events)
    assert unread_but_claimed(zendesk) == []
    assert stored() == everything(zendesk)


def test_a_run_waits_for_a_program_that_holds_the_file_for_a_while(
    zendesk, program, bring, warehouse, stored, monkeypatch
):
    monkeypatch.setattr(ingest, "COMMIT_ROWS", 300)
    readers = []

    def somebody_looks(progress):
        if progress.received >= 600 and not readers:
            readers.append(program("-c", STRAY_READER, warehouse.path))
            assert readers[0].says() == "reading"
            threading.Timer(1, readers[0].tell).start()

    report = bring(zendesk, on_progress=somebody_looks)
    assert readers[0].process.wait() == 0
    assert report.appended.inserted == len(zendesk.events)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("taken_after", [None, 600], ids=["from-the-start", "half-way"])
def test_a_program_that_keeps_the_file_ends_the_run_in_words_and_the_next_one_goes_on(
    taken_after, zendesk, program, bring, warehouse, stored, unread_but_claimed, monkeypatch
):
    monkeypatch.setattr(ingest, "COMMIT_ROWS", 300)
    readers = []

    def somebody_looks(progress=None):
        if not readers and (progress is None or progress.received >= taken_after):
            readers.append(program("-c", STRAY_READER, warehouse.path))
            assert readers[0].says() == "reading"

    with warehouse.transaction():
        pass
    if taken_after is None:
        somebody_looks()
    impatient = Warehouse(warehouse.path, stray_reader_timeout_s=0.3)
    with pytest.raises(WarehouseBusy) as busy:
        bring(zendesk, into=impatient, on_progress=somebody_looks)
    assert f"PID {readers[0].process.pid}" in busy.value.cause
    assert str(warehouse.published_path) in busy.value.remedy
    readers[0].close()

    assert unread_but_claimed(zendesk) == []
    kept = len(stored())
    assert kept == 0 if taken_after is None else 0 < kept < len(zendesk.events)
    report = bring(zendesk, into=impatient)
    assert report.appended.inserted == len(zendesk.events) - kept
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_file_that_cannot_grow_ends_the_run_in_words_and_the_next_one_goes_on(
    seed, zendesk, worker, warehouse, stored, unread_but_claimed
):
    chance = random.Random(seed)
    with warehouse.transaction():
        pass
    limit = warehouse.path.stat().st_size
    for _ in range(3):
        limit += chance.randrange(300_000)
        one = worker(zendesk, "--largest-file", limit)
        one.tell()
        said = one.says()
        print(limit, said, one.process.wait(), warehouse.path.stat().st_size, len(stored()))
        assert unread_but_claimed(zendesk) == []
    one = worker(zendesk)
    one.tell()
    assert one.says().isdigit()
    assert stored() == everything(zendesk)


def test_kills_at_random_moments_leave_whole_batches_and_no_false_claims():
    command = [sys.executable, FOLDER / "kill_many.py", "--kills", str(KILLS), "--seed", str(SEEDS[0])]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith(f"{KILLS} kills")
