"""A run that is interrupted: by Ctrl-C, by Dagster's termination of a run, or by whoever listens to its progress."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from types import FrameType
from typing import Any

import pytest

from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import Interval
from zendesk_audit_assets.zendesk import client

SEED = int(os.environ.get("FAULT_SEED", "1"))
SEEDS = (SEED, SEED + 1, SEED + 2)

# Every so many lines of the writer; each seed begins at another one.
LINES_APART = 37
PAGE_SIZE = 20
HOUR = timedelta(hours=1)


class Interrupted(BaseException):
    """Like KeyboardInterrupt, it may come between any two lines, and is no Exception."""


@contextmanager
def interruption_at_line(number: int) -> Iterator[None]:
    """Raises `Interrupted` in this thread before it executes its n-th line of `ingest`; nothing if there are fewer."""
    left = number

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        return before_line if frame.f_code.co_filename == sync.__file__ else None

    def before_line(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal left
        left -= event == "line"
        if left == 0:
            sys.settrace(None)
            raise Interrupted
        return before_line

    previous = sys.gettrace()
    sys.settrace(enter)
    try:
        yield
    finally:
        sys.settrace(previous)


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(client, "PAGE_SIZE", PAGE_SIZE)
    monkeypatch.setattr(sync, "COMMIT_ROWS", PAGE_SIZE)


@pytest.mark.parametrize("seed", SEEDS)
def test_an_interruption_at_any_line_of_the_writer_loses_nothing(seed, emulate, bring, stored, unread_but_claimed):
    chance = random.Random(seed)
    hour = datetime(2026, 1, 1, tzinfo=timezone.utc)
    zendesk = emulate()
    line = chance.randrange(LINES_APART) + 1
    interrupted = 0
    while True:
        # Some seconds have more events than a page has, so that rows wait for the rest of their second.
        seconds = sorted(chance.choices(range(3_600), k=4))
        zendesk.add([{"created_at": hour + second * timedelta(seconds=1)} for second in seconds for _ in range(15)])
        try:
            with interruption_at_line(line):
                bring(zendesk, Interval(hour, hour + HOUR), readers=1)
            break
        except Interrupted:
            interrupted += 1
        assert unread_but_claimed(zendesk) == []
        line += LINES_APART
        hour += HOUR
    assert interrupted >= 5
    bring(zendesk)
    assert stored() == {event["id"]: event["created_at"] for event in zendesk.events}
