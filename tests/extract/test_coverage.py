"""The interval arithmetic, held against sets of seconds."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from support.examples import examples
from zendesk_audit_assets.extract.coverage import (
    SECOND,
    Interval,
    Read,
    contiguous_from,
    missing,
    settled,
    subtract,
    union,
)

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
MOMENTS = st.integers(0, 20)


def at(second: int) -> datetime:
    return START + second * SECOND


def seconds(*intervals: Interval) -> set[int]:
    """The seconds of the intervals, one by one."""
    return {
        second for second in range(-100, 100) for interval in intervals if interval.start <= at(second) < interval.end
    }


# Some of these are empty, or end before they start.
intervals = st.builds(lambda start, end: Interval(at(start), at(end)), MOMENTS, MOMENTS)
reads = st.builds(lambda interval, read_at: Read(interval, at(read_at)), intervals, MOMENTS)
settles = st.integers(0, 10).map(lambda seconds: timedelta(seconds=seconds))


def is_tidy(result: list[Interval]) -> bool:
    """Sorted, none empty, none overlapping or touching the next."""
    return all(result) and all(first.end < second.start for first, second in pairwise(result))


@settings(max_examples=examples(50))
@given(st.lists(intervals, max_size=8))
def test_a_union_holds_the_same_seconds_in_the_fewest_intervals(some: list[Interval]) -> None:
    result = union(some)
    assert seconds(*result) == seconds(*some)
    assert is_tidy(result)


@settings(max_examples=examples(50))
@given(intervals, st.lists(intervals, max_size=8))
def test_a_difference_holds_what_is_in_none_of_the_others(window: Interval, taken: list[Interval]) -> None:
    result = subtract(window, taken)
    assert seconds(*result) == seconds(window) - seconds(*taken)
    assert is_tidy(result)


@settings(max_examples=examples(50))
@given(intervals, intervals)
def test_an_intersection_holds_what_is_in_both(one: Interval, other: Interval) -> None:
    assert seconds(one & other) == seconds(one) & seconds(other)
    assert bool(one & other) == bool(seconds(one) & seconds(other))


@settings(max_examples=examples(50))
@given(st.lists(reads, max_size=8), settles)
def test_a_second_is_settled_when_it_was_read_so_much_later(some: list[Read], settle: timedelta) -> None:
    expected = {second for read in some for second in seconds(read.interval) if read.read_at >= at(second) + settle}
    result = settled(some, settle)
    assert seconds(*result) == expected
    assert is_tidy(result)


@settings(max_examples=examples(50))
@given(intervals, st.lists(reads, max_size=8), settles)
def test_what_is_missing_is_what_is_not_settled(window: Interval, some: list[Read], settle: timedelta) -> None:
    result = missing(window, some, settle)
    assert seconds(*result) == seconds(window) - seconds(*settled(some, settle))
    assert is_tidy(result)


@settings(max_examples=examples(50))
@given(intervals, st.lists(reads, max_size=8), settles, MOMENTS)
def test_reading_the_missing_part_leaves_nothing_missing(
    window: Interval, some: list[Read], settle: timedelta, later: int
) -> None:
    read_at = max(window.end, at(later)) + settle
    more = [Read(interval, read_at) for interval in missing(window, some, settle)]
    assert missing(window, some + more, settle) == []


@settings(max_examples=examples(50))
@given(MOMENTS, st.lists(reads, max_size=8))
def test_contiguous_coverage_begins_after_the_last_gap(end: int, some: list[Read]) -> None:
    covered = seconds(*(read.interval for read in some))
    start = end
    while start - 1 in covered:
        start -= 1
    assert contiguous_from(at(end), some) == at(start)
