"""Slices of simulated logs, read by real threads; a page is simulated, so nothing waits for a network."""

from __future__ import annotations

import math
import queue
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.patience import PATIENCE_S
from support.slices import advance, at, pages_of
from zendesk_audit_assets.extract import slices as slices_module
from zendesk_audit_assets.extract.coverage import SECOND, Interval, union
from zendesk_audit_assets.extract.slices import Helper, Slice, Slices


class Reader:
    """Threads that read a log of sorted seconds, slice by slice, the way that pages come: oldest first.

    A page is asked of another thread, so that the readers take turns as they do with a real server.
    """

    def __init__(self, log: list[int], intervals: list[Interval], readers: int, now: int) -> None:
        self.log = log
        self.now = at(now)
        self.readers = readers
        self.slices = Slices(intervals, readers)
        self.taken: list[Slice | Helper] = []
        self.completed: list[Interval] = []
        self.pages = 0
        self.errors: list[BaseException] = []
        self._lock = threading.Lock()
        self._asked: queue.SimpleQueue[threading.Event | None] = queue.SimpleQueue()

    def run(self) -> Reader:
        server = threading.Thread(target=self._answer, daemon=True)
        server.start()
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self.readers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE_S)
        self._asked.put(None)
        server.join(PATIENCE_S)
        assert not any(thread.is_alive() for thread in threads), "a reader waits for ever"
        assert not self.errors
        return self

    def _answer(self) -> None:
        while (answered := self._asked.get()) is not None:
            answered.set()

    def _work(self) -> None:
        try:
            while (part := self.slices.take()) is not None:
                with self._lock:
                    self.taken.append(part)
                self._read(part)
                self.slices.finish(part)
        except BaseException as error:
            self.errors.append(error)
            self.slices.stop()

    def _read(self, part: Slice | Helper) -> None:
        pages = pages_of(self.log, part.left, part.newest_first)
        while not part.done:
            answered = threading.Event()
            self._asked.put(answered)
            answered.wait(PATIENCE_S)
            completed = advance(self.slices, part, next(pages), self.now)
            with self._lock:
                self.pages += 1
                self.completed.append(completed)


@st.composite
def logs(draw: st.DrawFn) -> list[int]:
    """Quiet stretches, dense stretches and bursts within one second, over some 10,000 seconds."""
    log: list[int] = []
    second = 0
    for _ in range(draw(st.integers(1, 5))):
        second += draw(st.integers(1, 2_000))
        span, rows = draw(st.integers(1, 2_000)), draw(st.sampled_from([1, 150, 600, 1_500]))
        log += [second + n * span // rows for n in range(rows)]
        second += span
    return log


@settings(max_examples=100, deadline=None)
@given(
    logs(),
    st.lists(st.tuples(st.integers(0, 8_000), st.integers(1, 20_000)), min_size=1, max_size=3),
    st.integers(1, 8),
    st.just(30_000) | st.integers(0, 20_000),
)
def test_slices_partition_the_past_of_the_intervals(
    log: list[int], spans: list[tuple[int, int]], readers: int, now: int
) -> None:
    intervals = union(Interval(at(start), at(start + length)) for start, length in spans)
    reader = Reader(log, intervals, readers, now).run()

    completed = sorted(filter(None, reader.completed))
    past = Interval(at(0), at(now))
    assert union(completed) == [interval & past for interval in intervals if interval & past]
    for one, following in pairwise(completed):
        assert one.end <= following.start, "a stretch was completed twice"
    assert all(part.done for part in reader.taken)
    assert reader.slices.left() == timedelta()
    shared = len(reader.taken) - len(intervals)
    assert shared <= math.ceil(readers + 0.1 * reader.pages)


def test_the_price_of_many_readers_is_bounded_in_pages() -> None:
    log = list(range(50_000))
    reader = Reader(log, [Interval(at(0), at(50_000))], 8, 50_000).run()
    assert len(reader.taken) > 1
    assert reader.pages <= 1.10 * 500 + 8


def test_all_readers_get_a_part_of_one_long_interval() -> None:
    slices = Slices([Interval(at(0), at(10_000))], 6)
    first = slices.take()
    slices.advance(first, at(100), at(20_000), 0.01)
    helper = slices.take()
    slices.advance(helper, at(9_900), at(20_000), 0.01)
    others = [slices.take() for _ in range(4)]
    assert [(type(part), part.left) for part in [first, helper, *others]] == [
        (Slice, Interval(at(100), at(2_550))),
        (Helper, Interval(at(5_000), at(9_900))),
        (Slice, Interval(at(5_000), at(9_900))),
        (Helper, Interval(at(2_550), at(5_000))),
        (Slice, Interval(at(2_550), at(5_000))),
        (Helper, Interval(at(100), at(2_550))),
    ]


def test_an_interval_without_events_is_one_slice_of_one_page() -> None:
    reader = Reader([], [Interval(at(0), at(500_000_000))], 8, 500_000_000).run()
    assert (len(reader.taken), reader.pages) == (1, 1)


def test_no_interval_gives_no_slice() -> None:
    assert Slices([], 8).take() is None


def test_time_after_the_servers_clock_is_left_for_later() -> None:
    slices = Slices([Interval(at(0), at(1_000))], 1)
    part = slices.take()
    assert slices.advance(part, None, at(300)) == Interval(at(0), at(300))
    assert part.done
    assert slices.left() == timedelta()


def test_a_slice_was_read_when_the_first_of_its_answers_came() -> None:
    slices = Slices([Interval(at(0), at(100))], 1)
    part = slices.take()
    slices.advance(part, at(10), at(500))
    slices.advance(part, at(20), at(400))
    slices.advance(part, None, at(600))
    assert part.read_at == at(400)


def test_a_clock_that_goes_back_takes_nothing_back() -> None:
    slices = Slices([Interval(at(0), at(1_000))], 1)
    part = slices.take()
    slices.advance(part, at(600), at(900))
    assert not slices.advance(part, at(700), at(500))
    assert (part.position, part.done) == (at(600), True)


def test_what_a_page_repeats_is_not_completed_again() -> None:
    slices = Slices([Interval(at(0), at(1_000))], 1)
    part = slices.take()
    slices.advance(part, at(600), at(2_000))
    assert not slices.advance(part, at(500), at(2_000))
    assert part.position == at(600)


@pytest.fixture
def taking(monkeypatch: pytest.MonkeyPatch) -> Callable[[Slices], queue.SimpleQueue[Slice | None]]:
    """Lets a thread ask for a slice, waits until it waits for one; where its answer arrives."""
    waits = threading.Event()

    class Announced(threading.Condition):
        def wait(self, timeout: float | None = None) -> bool:
            waits.set()
            return super().wait(timeout)

    monkeypatch.setattr(slices_module, "threading", SimpleNamespace(Condition=Announced, Event=threading.Event))

    def take(slices: Slices) -> queue.SimpleQueue[Slice | None]:
        waits.clear()
        answer: queue.SimpleQueue[Slice | None] = queue.SimpleQueue()
        threading.Thread(target=lambda: answer.put(slices.take()), daemon=True).start()
        assert waits.wait(PATIENCE_S)
        return answer

    return take


def test_a_stop_releases_waiting_readers(taking: Callable[..., Any]) -> None:
    slices = Slices([Interval(at(0), at(1_000))], 4)
    slices.take()
    answers = [taking(slices) for _ in range(3)]
    slices.stop()
    assert [answer.get(timeout=PATIENCE_S) for answer in answers] == [None] * 3
    assert slices.stopping.is_set()


def test_a_waiting_worker_leaves_when_the_last_slice_is_done(taking: Callable[..., Any]) -> None:
    slices = Slices([Interval(at(0), at(1_000))], 2)
    part = slices.take()
    slices.advance(part, None, at(2_000))
    answer = taking(slices)
    slices.finish(part)
    assert answer.get(timeout=PATIENCE_S) is None


def test_a_waiting_worker_gets_a_slice_as_soon_as_one_exists(taking: Callable[..., Any]) -> None:
    slices = Slices([Interval(at(0), at(1_000))], 2)
    part = slices.take()
    answer = taking(slices)
    slices.advance(part, at(100), at(2_000), 0.01)
    assert answer.get(timeout=PATIENCE_S).part is part


def test_a_helper_meets_the_reader_and_leaves_nothing() -> None:
    slices = Slices([Interval(at(0), at(1_000))], 2)
    part = slices.take()
    slices.advance(part, at(300), at(2_000), 0.01)
    helper = slices.take()
    assert slices.advance(helper, at(700), at(2_000), 0.01) == Interval(at(700), at(1_000))
    assert slices.advance(part, at(800), at(2_000), 0.01) == Interval(at(300), at(700))
    assert part.done
    assert not slices.advance(helper, at(500), at(2_000), 0.01)
    assert helper.done


def test_a_helper_stays_at_the_end_when_its_slice_is_cut() -> None:
    slices = Slices([Interval(at(0), at(1_000))], 3)
    part = slices.take()
    slices.advance(part, at(100), at(2_000), 0.01)
    helper = slices.take()
    slices.advance(helper, at(900), at(2_000), 0.01)
    rest = slices.take()
    assert (part.left, rest.left) == (Interval(at(100), at(500)), Interval(at(500), at(900)))
    assert slices.advance(helper, at(400), at(2_000), 0.01) == Interval(at(500), at(900))
    assert rest.done
    assert part.left == Interval(at(100), at(500))


def test_what_a_reader_leaves_out_is_not_for_its_helper() -> None:
    slices = Slices([Interval(at(0), at(1_000))], 2)
    part = slices.take()
    slices.advance(part, at(100), at(2_000), 0.01)
    helper = slices.take()
    slices.advance(helper, at(800), at(2_000), 0.01)
    slices.leave_out(part, at(101), SECOND)
    assert slices.advance(helper, at(50), at(2_000), 0.01) == Interval(at(101), at(800))
    assert part.done
    slices.finish(part)
    assert slices.take().done


def test_a_slice_that_was_helped_in_vain_is_cut() -> None:
    slices = Slices([Interval(at(0), at(1_000))], 3)
    part = slices.take()
    slices.advance(part, at(100), at(2_000), 0.01)
    slices.finish(slices.take(), in_vain=True)
    assert slices.take().left == Interval(at(550), at(1_000))
