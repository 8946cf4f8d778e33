"""Batches of the log, and programs that hold a warehouse in a process of their own."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from zendesk_audit_assets.extract.batches import Batch
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.extract.frames import checked, typed

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


@pytest.fixture(scope="session")
def batch() -> Callable[..., Batch]:
    """A batch of records; without a window it vouches for the first day of 2026, read when that was over."""

    def make(
        records: Iterable[Any] = (), window: Interval | None = None, read_at: datetime | None = None, requests: int = 1
    ) -> Batch:
        records = list(records)
        if window is None:  # an empty one would be false
            window = Interval(START, START + DAY)
        of = typed([checked(records, lambda: records)])
        return Batch(window, read_at or START + DAY, requests, of.rows, of.rejects)

    return make


class Program:
    """A Python program in a process of its own: it says lines and is told lines, and ends at the latest after 60 s."""

    def __init__(self, code: str, *arguments: str) -> None:
        command = [sys.executable, "-c", code, *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._limit = threading.Timer(60, self.process.kill)
        self._limit.start()

    def says(self) -> str:
        """Its next line; "" when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def tell(self, line: str = "") -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Wait for its end; the exit code."""
        return self.process.wait()

    def close(self) -> None:
        self._limit.cancel()
        self.kill()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Starts programs; none of them outlives the test."""
    running: list[Program] = []

    def start(code: str, *arguments: Path | str) -> Program:
        running.append(Program(code, *map(str, arguments)))
        return running[-1]

    yield start
    for one in running:
        one.close()
