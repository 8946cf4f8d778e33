"""Several processes on one file, a program that holds the file, a disk that is full, a process that is killed.

`python tests/faults/kill_many.py --kills 200` is the long form of the last one.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from support.patience import PATIENCE_S
from support.process import Program
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.warehouse.database import (
    DISK_RESERVE_BYTES,
    DiskAlmostFull,
    Warehouse,
    WarehouseBusy,
)

SEED = int(os.environ.get("FAULT_SEED", "1"))
SEEDS = (SEED, SEED + 1, SEED + 2)
KILLS = 12

FOLDER = Path(__file__).parent
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = datetime(2026, 4, 1, tzinfo=timezone.utc)

# The exit code with which a worker says an error in words.
IN_WORDS = 3

STRAY_READER = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("reading", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def worker(program, clock, warehouse, zendesk):
    """Starts `worker.py`, which waits for a line before it begins."""

    def start(*options: Any, since: datetime = START) -> Program:
        times = [moment.isoformat() for moment in (since, END, clock.now)]
        token = zendesk.options.access_token
        one = program(FOLDER / "worker.py", zendesk.url, token, warehouse.path, *times, *options)
        assert one.says() == "ready"
        return one

    return start


@pytest.fixture
def stray_reader(program, warehouse):
    """Lets another program open the file, as soon as it is one."""

    def open_it() -> Program:
        one = program("-c", STRAY_READER, warehouse.path)
        assert one.says() == "reading"
        return one

    return open_it


@pytest.fixture
def zendesk(emulate, clock):
    """Two weeks of events, the more the newer, up to now."""
    return emulate(events=[{"created_at": clock.now - n**2 / 2 * timedelta(seconds=1)} for n in range(1, 1_500)])


@pytest.fixture
def small_batches(monkeypatch):
    monkeypatch.setattr(sync, "COMMIT_ROWS", 300)


def everything(zendesk):
    return {event["id"]: event["created_at"] for event in zendesk.events}


def test_two_refreshes_beside_a_backfill_store_each_event_once(zendesk, worker, clock, stored, unread_but_claimed):
    yesterday = clock.now.replace(hour=0) - timedelta(days=1)
    workers = [worker(since=since) for since in (yesterday, START, yesterday)]
    for one in workers:
        one.tell()
    inserted = [int(one.says()) for one in workers]
    assert sum(inserted) == len(zendesk.events)
    assert unread_but_claimed(zendesk) == []
    assert stored() == everything(zendesk)


def test_a_run_waits_for_a_program_that_holds_the_file(zendesk, stray_reader, bring, stored, small_batches):
    readers = []

    def somebody_looks(progress):
        if progress.received >= 600 and not readers:
            readers.append(stray_reader())
            threading.Timer(1, readers[0].tell).start()

    report = bring(zendesk, on_progress=somebody_looks)
    assert readers[0].process.wait() == 0
    assert report.appended.inserted == len(zendesk.events)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("after", [0, 600], ids=["from-the-start", "half-way"])
def test_a_run_fails_with_a_message_while_a_program_keeps_the_file(
    after, zendesk, stray_reader, bring, warehouse, stored, unread_but_claimed, small_batches
):
    with warehouse.transaction():
        pass
    readers = [] if after else [stray_reader()]

    def somebody_looks(progress):
        if progress.received >= after and not readers:
            readers.append(stray_reader())

    impatient = Warehouse(warehouse.path, stray_reader_timeout_s=0.3)
    with pytest.raises(WarehouseBusy) as busy:
        bring(zendesk, into=impatient, on_progress=somebody_looks)
    assert f"PID {readers[0].process.pid}" in busy.value.cause
    assert str(warehouse.published_path) in busy.value.remedy
    readers[0].close()

    assert unread_but_claimed(zendesk) == []
    kept = len(stored())
    assert 0 < kept < len(zendesk.events) if after else kept == 0
    report = bring(zendesk, into=impatient)
    assert report.appended.inserted == len(zendesk.events) - kept
    assert stored() == everything(zendesk)


def test_a_run_fails_with_a_message_on_an_almost_full_disk(
    zendesk, bring, stored, unread_but_claimed, small_batches, monkeypatch
):
    free = iter([DISK_RESERVE_BYTES + 2**30] * 2)
    with monkeypatch.context() as disk:
        usage = shutil.disk_usage("/")
        disk.setattr(shutil, "disk_usage", lambda path: usage._replace(free=next(free, DISK_RESERVE_BYTES)))
        with pytest.raises(DiskAlmostFull) as full:
            bring(zendesk)
    assert "Free some space" in full.value.remedy
    assert unread_but_claimed(zendesk) == []
    kept = len(stored())
    assert 0 < kept < len(zendesk.events)
    assert bring(zendesk).appended.inserted == len(zendesk.events) - kept
    assert stored() == everything(zendesk)


def mount(folder: Path, *options: str) -> bool:
    """Put a file system in memory there; whether this user may, and this system can."""
    command = ["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", str(folder)]
    return shutil.which("mount") is not None and subprocess.run(command, capture_output=True).returncode == 0


def unmount(folder: Path) -> None:
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def may_mount() -> bool:
    with TemporaryDirectory() as folder:
        if mounted := mount(Path(folder), "size=4096"):
            unmount(Path(folder))
        return mounted


@dataclass(frozen=True)
class FullDisk:
    """Makes the disk of the warehouse have room for so many bytes only, for a worker with these options."""

    shrink: Callable[[int], tuple[Any, ...]]
    grow: Callable[[], Any]


@pytest.fixture(params=["file-size-limit", *(["file-system"] if may_mount() else [])])
def disk(request, tmp_path) -> Iterator[FullDisk]:
    """The kernel refuses to let a file grow; or, where we may mount one, the file system has no room left."""
    if request.param == "file-size-limit":
        yield FullDisk(lambda size: ("--largest-file", size), lambda: None)
        return
    assert mount(tmp_path, "size=1g")

    def shrink(size: int) -> tuple[Any, ...]:
        assert mount(tmp_path, "remount", f"size={size}")
        # As if somebody else took the room between the look at the disk and the write to it.
        return "--disk-reserve", -(2**40)

    yield FullDisk(shrink, lambda: mount(tmp_path, "remount", "size=1g"))
    unmount(tmp_path)


# Below the size of an empty file; in the middle of the backfill, which takes more than twice that much.
@pytest.mark.parametrize(
    "room", [range(4_096, 12_288), range(13_000, 150_000), range(150_000, 300_000)], ids=["creation", "early", "late"]
)
def test_a_run_fails_with_a_message_on_a_full_disk(room, disk, zendesk, worker, bring, stored, unread_but_claimed):
    size = random.Random(SEEDS[0]).choice(room)
    one = worker(*disk.shrink(size))
    one.tell()
    said = one.says()
    assert one.process.wait() == IN_WORDS, said
    assert "Look at the disk" in said

    disk.grow()
    assert unread_but_claimed(zendesk) == []
    kept = len(stored())
    assert kept < len(zendesk.events)
    assert bring(zendesk).appended.inserted == len(zendesk.events) - kept
    assert stored() == everything(zendesk)


def test_kills_at_random_moments_leave_whole_batches():
    command = [sys.executable, FOLDER / "kill_many.py", "--kills", str(KILLS), "--seed", str(SEEDS[0])]
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.startswith(f"{KILLS} kills")
