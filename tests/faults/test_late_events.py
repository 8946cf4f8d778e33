"""Events that appear later than they happened, while the log is read, or by another clock than ours."""

from __future__ import annotations

import os
import random
from datetime import datetime, timedelta, timezone
from itertools import count

import pytest

from support.clock import Clock
from zendesk_audit_assets.emulator import Fault
from zendesk_audit_assets.extract import sync
from zendesk_audit_assets.extract.coverage import LOOK_BACK, SETTLE, Interval
from zendesk_audit_assets.zendesk import client
from zendesk_audit_assets.zendesk.errors import ClockSkew

SEED = int(os.environ.get("FAULT_SEED", "1"))
SEEDS = (SEED, SEED + 1, SEED + 2)

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def everything(zendesk):
    return {event["id"]: event["created_at"] for event in zendesk.events}


def happen(zendesk, *times, visible_in=timedelta()):
    return [
        event["id"]
        for event in zendesk.add([{"created_at": time} for time in times], visible_in_s=visible_in.total_seconds())
    ]


def evenly(start, end, total):
    return [start + n * (end - start) / total for n in range(total)]


# Small pages and batches: as many requests, slices and commits as a log has that is far larger.
PAGE_SIZE = 20
LOOK_BACK_ROWS = 18


@pytest.fixture(autouse=True)
def small_pages(monkeypatch):
    monkeypatch.setattr(client, "PAGE_SIZE", PAGE_SIZE)
    monkeypatch.setattr(sync, "LOOK_BACK_ROWS", LOOK_BACK_ROWS)
    monkeypatch.setattr(sync, "COMMIT_ROWS", 100)


@pytest.mark.parametrize("delay", [MINUTE, SETTLE - SECOND, SETTLE])
@pytest.mark.parametrize("asleep", [timedelta(), 3 * DAY], ids=["awake", "asleep-for-days"])
def test_the_next_refresh_brings_events_within_the_settle_time(delay, asleep, emulate, bring, clock, stored):
    zendesk = emulate()
    # Far more than a look-back covers, so that it cannot be what brings the event.
    happen(zendesk, *evenly(clock.now - SETTLE, clock.now, 5 * LOOK_BACK_ROWS))
    [late] = happen(zendesk, clock.now - SECOND, visible_in=delay - SECOND)
    # The moment is read again and again, the last time a second before the event appears.
    for pause in (timedelta(), (delay - 2 * SECOND) / 2, (delay - 2 * SECOND) / 2):
        clock.advance(pause)
        bring(zendesk)
        assert late not in stored()
    clock.advance(SECOND + asleep)
    happen(zendesk, *evenly(clock.now - SETTLE, clock.now, 5 * LOOK_BACK_ROWS))
    bring(zendesk)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("age", [SETTLE + SECOND, DAY, LOOK_BACK - 2 * SETTLE])
def test_the_next_refresh_of_a_quiet_log_finds_events_days_late(age, emulate, bring, clock, stored):
    zendesk = emulate()
    happen(zendesk, *evenly(clock.now - LOOK_BACK, clock.now, LOOK_BACK_ROWS - 2))
    bring(zendesk)
    clock.advance(SETTLE)
    bring(zendesk)
    happen(zendesk, clock.now - age)
    clock.advance(SECOND)
    report = bring(zendesk)
    assert report.appended.inserted == 1
    assert report.requests == 2  # one of them for the access token
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("full", [False, True], ids=["backfill", "nightly"])
def test_the_next_run_reads_unsettled_time_again(full, emulate, bring, clock, stored):
    zendesk = emulate()
    midnight = clock.now.replace(hour=0)
    clock.now = midnight + 5 * MINUTE
    happen(zendesk, *evenly(midnight - 4 * MINUTE, midnight, 5 * LOOK_BACK_ROWS))
    bring(zendesk, Interval(midnight - DAY, midnight + DAY))
    clock.advance(MINUTE)
    happen(zendesk, midnight - 5 * MINUTE)
    clock.advance(3 * DAY)
    # Everything up to here is covered now, so that the next refresh begins with yesterday.
    bring(zendesk, Interval(midnight, midnight + 3 * DAY), full=full)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("age", [12 * timedelta(hours=1), 2.9 * DAY])
def test_the_nightly_reread_finds_events_behind_the_look_back(age, emulate, bring, clock, stored):
    midnight = clock.now.replace(hour=0)
    zendesk = emulate()
    happen(zendesk, *evenly(clock.now - 4 * DAY, clock.now, 600))
    bring(zendesk)
    late = happen(zendesk, *(midnight - age + n * SECOND for n in range(3)))
    clock.advance(timedelta(hours=1))
    bring(zendesk)
    assert not set(late) & set(stored())
    bring(zendesk, Interval(midnight - 3 * DAY, midnight), full=True)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("readers", [1, 4])
def test_events_during_a_refresh_come_with_it_or_the_next(readers, emulate, bring, clock, stored, unread_but_claimed):
    zendesk = emulate()
    happen(zendesk, *evenly(clock.now - 50 * DAY, clock.now - 14 * MINUTE, 300))
    happen(zendesk, *evenly(clock.now - 14 * MINUTE, clock.now, 300))
    behind_the_reader = []

    def meanwhile(progress):
        clock.advance(SECOND)
        happen(zendesk, clock.now, clock.now, clock.now - SECOND)
        behind_the_reader.extend(happen(zendesk, clock.now - SETTLE + MINUTE))

    bring(zendesk, readers=readers, on_progress=meanwhile)
    assert len(behind_the_reader) > 30
    assert not set(unread_but_claimed(zendesk)) - set(behind_the_reader)
    assert stored() != everything(zendesk)
    clock.advance(SECOND)
    bring(zendesk, readers=readers)
    assert stored() == everything(zendesk)


def test_the_next_refresh_finds_events_behind_a_slow_reader(emulate, bring, clock, stored):
    zendesk = emulate()
    start = clock.now - 5 * MINUTE
    happen(zendesk, *evenly(start, clock.now, 15 * PAGE_SIZE))
    pages = count(1)

    def meanwhile(progress):
        clock.advance(MINUTE)
        if next(pages) in range(4, 9):
            happen(zendesk, start, start + SECOND)

    bring(zendesk, readers=1, on_progress=meanwhile)
    assert len(stored()) == 15 * PAGE_SIZE
    # By its last answer, but not by its first, all of it has settled.
    assert clock.now - SETTLE >= start + 5 * MINUTE
    bring(zendesk)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_burst_of_several_pages_in_one_second_is_read_whole(seed, emulate, bring, stored, unread_but_claimed):
    chance = random.Random(seed)
    start = datetime(2026, 1, 5, tzinfo=timezone.utc)
    # Halves of halves of what is left end on one of these seconds, or right beside it.
    seconds = [start + n * timedelta(hours=1) + chance.choice([-1, 0, 0, 0, 1]) * SECOND for n in range(17)]
    times = [time for time in seconds for _ in range(chance.choice([1, 19, 20, 21, 45, 70]))]
    ids = chance.sample(range(1, 10_000), len(times))  # in no order at all
    zendesk = emulate(
        events=[{"id": id, "created_at": time} for id, time in zip(ids, times, strict=True)],
        bounds=("inclusive", "exclusive")[seed % 2],
    )
    borders = [start - DAY, *sorted(chance.sample(seconds[1:-1], 3)), start + 2 * DAY]
    windows = [Interval(*borders[n : n + 2]) for n in range(4)]
    for window in chance.sample(windows, 4):
        bring(zendesk, window, readers=chance.choice([1, 3, 8]))
        assert unread_but_claimed(zendesk) == []
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("readers", [1, 8])
def test_a_smaller_id_in_a_second_already_read_is_found(readers, emulate, bring, clock, stored):
    zendesk = emulate()
    ids = count(100_000, -1)
    for _ in range(4):
        zendesk.add([{"id": next(ids), "created_at": clock.now - n % 3 * SECOND} for n in range(70)])
        bring(zendesk, readers=readers)
        clock.advance(SECOND)
    bring(zendesk, readers=readers)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("offset", [-10 * MINUTE, 10 * MINUTE], ids=["behind", "ahead"])
def test_a_clock_that_is_ten_minutes_off_makes_no_difference(offset, emulate, bring, clock, stored, unread_but_claimed):
    zendesk = emulate(clock_offset_s=offset.total_seconds())
    for _ in range(2):
        now = clock.now + offset  # by the server's clock, as is all that it tells
        happen(zendesk, *evenly(now - 5 * MINUTE, now, 2 * LOOK_BACK_ROWS))
        happen(zendesk, now - 2 * MINUTE, visible_in=12 * MINUTE)
        bring(zendesk)
        # The one that is not visible yet, unless the clock here has not come so far.
        assert len(unread_but_claimed(zendesk)) == (1 if offset < timedelta() else 0)
        clock.advance(13 * MINUTE)
        bring(zendesk)
        clock.advance(MINUTE)
        assert unread_but_claimed(zendesk) == []
        assert stored() == everything(zendesk)


@pytest.mark.parametrize("offset", [-16 * MINUTE, 16 * MINUTE, 400 * DAY], ids=["behind", "ahead", "a-year-ahead"])
def test_a_clock_that_is_far_off_is_an_error_without_coverage(
    offset, emulate, bring, clock, stored, unread_but_claimed
):
    server = Clock(clock.now + offset)
    zendesk = emulate(events=[{"created_at": clock.now - MINUTE}], clock=server)
    with pytest.raises(ClockSkew) as error:
        bring(zendesk)
    assert "clock" in error.value.remedy
    assert stored() == {}
    assert unread_but_claimed(zendesk) == []
    server.now = clock.now
    bring(zendesk)
    assert stored() == everything(zendesk)


@pytest.mark.parametrize("jump", [-10 * MINUTE, 10 * MINUTE], ids=["back", "ahead"])
@pytest.mark.parametrize("answer", range(3))
def test_a_date_that_jumps_hides_no_event(jump, answer, emulate, bring, clock, stored):
    zendesk = emulate()
    happen(zendesk, *evenly(clock.now - SETTLE, clock.now, 5 * LOOK_BACK_ROWS))
    zendesk.inject(Fault("date_jump", seconds=jump.total_seconds(), after_requests=answer))
    bring(zendesk, readers=1)
    for _ in range(3):
        happen(zendesk, *evenly(clock.now, clock.now + 4 * MINUTE, 2 * LOOK_BACK_ROWS))
        clock.advance(4 * MINUTE)
        bring(zendesk)
        assert stored() == everything(zendesk)


def test_a_server_clock_set_back_hides_no_later_event(emulate, bring, clock, stored):
    server = Clock(clock.now + 10 * MINUTE)
    zendesk = emulate(clock=server)
    happen(zendesk, *evenly(clock.now, server.now, 5 * LOOK_BACK_ROWS))
    bring(zendesk)
    server.now = clock.now
    for _ in range(4):
        happen(zendesk, *evenly(server.now, server.now + 3 * MINUTE, LOOK_BACK_ROWS))
        for one in (server, clock):
            one.advance(3 * MINUTE)
        bring(zendesk)
    assert stored() == everything(zendesk)
