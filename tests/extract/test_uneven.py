"""Requests and time of uneven logs, in turns: each turn, every reader with work gets a page."""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.slices import PAGE, advance, at, pages_of
from zendesk_audit_assets.extract import slices as slices_module
from zendesk_audit_assets.extract.coverage import SECOND, Interval, union
from zendesk_audit_assets.extract.slices import Helper, Slice, Slices

YEARS = 15 * 365 * 86_400
READERS = 8


class NoneNow(Exception):
    """A reader would have to wait."""


@pytest.fixture
def turns(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[int]], tuple[int, int]]:
    """Reads a log by some readers in turns, without threads: how many turns, and how many pages it takes."""

    class Impatient(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            raise NoneNow

    monkeypatch.setattr(slices_module, "threading", SimpleNamespace(Condition=Impatient, Event=threading.Event))

    def read(log: list[int]) -> tuple[int, int]:
        slices = Slices([Interval(at(0), at(YEARS))], READERS)
        working: list[tuple[Slice | Helper, Iterator[Any]]] = []
        completed: list[Interval] = []
        turn = pages = 0
        while True:
            with suppress(NoneNow):
                while len(working) < READERS and (part := slices.take()) is not None:
                    working.append((part, pages_of(log, part.left, part.newest_first)))
            if not working:
                break
            turn, pages = turn + 1, pages + len(working)
            for part, answers in working:
                completed.append(advance(slices, part, next(answers), at(YEARS)))
            for part, _ in working:
                if part.done:
                    slices.finish(part)
            working = [(part, answers) for part, answers in working if not part.done]
        assert union(completed) == [Interval(at(0), at(YEARS))]
        assert sum(((one.end - one.start) for one in completed), timedelta()) == YEARS * SECOND
        return turn, pages

    return read


def even(rows: int) -> list[int]:
    return [n * YEARS // rows for n in range(rows)]


def empty_halves(log: list[int], start: int = 0, end: int = YEARS) -> int:
    """How many halves of halves are empty, down to an hour."""
    if bisect_left(log, start) == bisect_left(log, end):
        return 1
    if end - start <= 3_600:
        return 0
    middle = (start + end) // 2
    return empty_halves(log, start, middle) + empty_halves(log, middle, end)


DENSITIES: dict[str, Callable[[float], float]] = {
    "even": lambda share: share,
    "front": lambda share: share / 100,
    "end": lambda share: 0.99 + share / 100,
    "middle": lambda share: 0.495 + share / 100,
    "two ends": lambda share: share / 50 if share < 0.5 else 0.98 + share / 50,
    "a busy day a year": lambda share: (int(15 * share) + 0.4 + 15 * share % 1 / 365) / 15,
    "a busy hour a month": lambda share: (int(180 * share) + 0.4 + 180 * share % 1 / 720) / 180,
    "exponential growth": lambda share: math.log1p(share * 9_999) / math.log(10_000),
    "exponential decay": lambda share: 1 - math.log1p((1 - share) * 9_999) / math.log(10_000),
}


@pytest.mark.parametrize("rows", [5_000, 20_000])
@pytest.mark.parametrize("density", DENSITIES.values(), ids=DENSITIES)
def test_uneven_logs_take_the_time_of_even_ones(
    density: Callable[[float], float], rows: int, turns: Callable[[list[int]], tuple[int, int]]
) -> None:
    log = [int(density(n / rows) * (YEARS - 1)) for n in range(rows)]
    turns_taken, pages = turns(log)
    assert turns_taken <= 1.25 * turns(even(rows))[0]
    assert pages <= 1.10 * math.ceil(rows / PAGE) + READERS + math.log2(1 + empty_halves(log))


# Where it begins and how long it is, as shares of the time between an hour and all of it, and its events.
stretches = st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(1, 800))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(stretches, min_size=1, max_size=12))
def test_the_price_in_requests_is_bounded_for_any_density(
    turns: Callable[[list[int]], tuple[int, int]], parts: list[tuple[float, float, int]]
) -> None:
    log: list[int] = []
    for begin, share, rows in parts:
        length = int(3_600 * (YEARS / 3_600) ** share)
        log += [int(begin * (YEARS - length)) + n * length // rows for n in range(rows)]
    log.sort()
    _, pages = turns(log)
    assert pages <= 1.10 * math.ceil(len(log) / PAGE) + READERS + math.log2(1 + empty_halves(log))
