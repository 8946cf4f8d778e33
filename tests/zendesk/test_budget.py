from __future__ import annotations

import json
import logging
import math
import os
import subprocess
import sys
import threading
import time
from bisect import bisect_left
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

from support.patience import PATIENCE_S
from zendesk_audit_assets.zendesk import RateBudget, budget_state
from zendesk_audit_assets.zendesk.budget import RateLimit, read_rate_limit
from zendesk_audit_assets.zendesk.stopping import Stopped


def headers(limit, remaining=None, reset=None):
    told = {"X-Rate-Limit": limit, "X-Rate-Limit-Remaining": remaining, "RateLimit-Reset": reset}
    return {name: str(value) for name, value in told.items() if value is not None}


@pytest.fixture
def budget(clock):
    def make(share=0.5, limit=700):
        made = RateBudget(share, now=clock, sleep=clock.wait)
        made.observe(headers(limit, limit))
        return made

    return make


def sent_in(budget, clock, seconds):
    """When requests go that are sent as fast as the budget lets them."""
    until = clock() + seconds
    times = []
    while clock() < until:
        budget.acquire()
        times.append(clock())
    return times[:-1] if times[-1] >= until else times


def most_in_a_minute(times):
    return max(bisect_left(times, first + 60 - 1e-6) - n for n, first in enumerate(times))


@given(share=st.floats(0.01, 1), limit=st.integers(10, 3000))
def test_no_minute_sees_more_than_the_share_of_the_limit(share, limit):
    now = [0.0]
    budget = RateBudget(share, now=lambda: now[0], sleep=lambda seconds: now.__setitem__(0, now[0] + seconds))
    budget.observe(headers(limit))
    times = []
    while now[0] < 130:
        budget.acquire()
        times.append(now[0])

    assert most_in_a_minute(times) <= max(1, share * limit + 1e-6)


def test_nearly_all_of_the_share_is_used(budget, clock):
    assert len(sent_in(budget(0.5, 700), clock, 600)) >= 0.95 * 350 * 10


def test_a_quiet_refresh_never_waits(budget, clock):
    made = budget()
    for _ in range(20):
        assert [made.acquire() for _ in range(5)] == [0] * 5
        clock.advance(60)
    assert clock.waits == []


def test_requests_go_evenly_after_the_first_few(budget, clock):
    times = sent_in(budget(), clock, 60)[12:]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert max(gaps) == pytest.approx(min(gaps)) == pytest.approx(60 / 340)


def test_the_smallest_limit_holds_until_a_response_tells_another(clock):
    assert 80 <= len(sent_in(RateBudget(0.5, now=clock, sleep=clock.wait), clock, 60)) <= 100


def test_after_a_pause_requests_start_one_by_one(budget, clock):
    made = budget()
    made.acquire()
    made.pause(30)
    paused_at = clock()

    times = sent_in(made, clock, 40)

    assert times[0] == pytest.approx(paused_at + 30)
    assert min(later - earlier for earlier, later in pairwise(times)) > 0.1


def test_a_shorter_pause_does_not_end_a_longer_one(budget, clock):
    made = budget()
    made.pause(30)
    made.pause(5)
    assert made.acquire() == pytest.approx(30)


def test_a_pause_also_holds_threads_that_wait_already(clock):
    asleep, wake = threading.Event(), threading.Event()
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        asleep.set()
        assert wake.wait(PATIENCE_S)
        clock.advance(seconds)

    budget = RateBudget(0.5, now=clock, sleep=sleep)
    budget.observe(headers(700))
    for _ in range(11):  # all that may go at once
        assert budget.acquire() == 0
    waiting = threading.Thread(target=budget.acquire)
    waiting.start()
    assert asleep.wait(PATIENCE_S)

    budget.pause(30)
    wake.set()
    waiting.join(PATIENCE_S)

    assert len(slept) == 2
    assert sum(slept) == pytest.approx(30)


def test_our_share_shrinks_when_others_use_the_limit_up(budget, clock):
    made = budget(0.5, 700)
    sent_in(made, clock, 5)
    made.observe(headers(700, remaining=20, reset=50))

    assert len(sent_in(made, clock, 50)) <= 11

    # The next minute is a new one.
    assert len(sent_in(made, clock, 60)) >= 330


def test_nothing_is_sent_while_nothing_of_the_limit_remains(budget, clock):
    made = budget(0.5, 700)
    made.observe(headers(700, remaining=0, reset=42))
    assert made.acquire() == pytest.approx(42)


@pytest.mark.parametrize("reset_is_told", [True, False])
def test_our_own_use_never_slows_us_down(budget, clock, reset_is_told):
    made = budget(0.5, 700)
    sent = 0
    while clock() < 1060:
        made.acquire()
        sent += 1
        made.observe(headers(700, 700 - sent, int(1060 - clock()) if reset_is_told else None))
    assert sent >= 340


def test_the_share_returns_at_once_when_others_stop(budget, clock):
    made = budget(0.5, 700)
    made.observe(headers(700, remaining=0, reset=42))
    made.observe(headers(700, remaining=600, reset=42))
    assert made.acquire() == 0


def test_waits_are_counted(budget, clock):
    made = budget()
    waited = sum(made.acquire() for _ in range(50))
    assert made.seconds_waited == pytest.approx(waited) == pytest.approx(sum(clock.waits))


def test_only_waits_of_more_than_five_seconds_are_logged(budget, clock, caplog):
    caplog.set_level(logging.INFO)
    made = budget()
    made.pause(4)
    made.acquire()
    assert caplog.records == []
    made.pause(20)
    made.acquire()
    (record,) = caplog.records
    assert record.name == "zendesk_audit_assets.zendesk"
    assert record.levelno == logging.WARNING  # the command line shows these
    assert "20 s" in record.getMessage()


def test_of_many_waits_in_a_row_one_a_minute_is_told(budget, clock, caplog):
    made = budget()
    for _ in range(10):
        made.pause(20)
        made.acquire()
    assert sum(clock.waits) == pytest.approx(200)
    assert len(caplog.records) == 4


@pytest.mark.parametrize("share", [0, -0.5, 1.01, float("nan")])
def test_a_share_outside_zero_to_one_is_refused(share):
    with pytest.raises(ValueError, match="share"):
        RateBudget(share)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, None),
        ({"X-Rate-Limit": "700"}, RateLimit(700)),
        ({"x-rate-limit": "700", "X-RATE-LIMIT-REMAINING": "699"}, RateLimit(700, 699)),
        ({"ratelimit-limit": "100", "ratelimit-remaining": "3", "ratelimit-reset": "59"}, RateLimit(100, 3, 59.0)),
        ({"X-Rate-Limit": "700", "ratelimit-limit": "100"}, RateLimit(100)),
        ({"X-Rate-Limit": "700", "ratelimit-reset": "2026-01-01T00:00:00Z"}, RateLimit(700)),
        ({"X-Rate-Limit": "700", "ratelimit-reset": "1767225600"}, RateLimit(700)),
        ({"X-Rate-Limit": "700", "ratelimit-reset": "61"}, RateLimit(700)),
        ({"X-Rate-Limit": "unlimited"}, None),
        ({"X-Rate-Limit": "0"}, None),
        ({"X-Rate-Limit": "-5"}, None),
        ({"X-Rate-Limit": "\u0667\u0660\u0660"}, None),
        ({"X-Rate-Limit": "700", "X-Rate-Limit-Remaining": ""}, RateLimit(700)),
    ],
)
def test_the_limit_is_read_from_headers_in_any_case(told, expected):
    assert read_rate_limit(told) == expected


def test_budgets_of_one_file_share_limit_and_pause(clock, tmp_path):
    first, second = (RateBudget(0.5, file=tmp_path / "account.budget", now=clock, sleep=clock.wait) for _ in range(2))
    first.observe(headers(700))
    first.pause(30)
    assert second.acquire() == pytest.approx(30)
    assert len(sent_in(second, clock, 60)) >= 330


@pytest.mark.faults
def test_two_processes_together_keep_to_one_share(tmp_path):
    limit, seconds = 6000, 2
    script = f"""
import time
from pathlib import Path
from zendesk_audit_assets.zendesk import (RateBudget)
budget = RateBudget(0.5, file=Path({str(tmp_path / "account.budget")!r}))
budget.observe({{"X-Rate-Limit": "{limit}"}})
until, sent = time.monotonic() + {seconds}, 0
while time.monotonic() < until:
    budget.acquire()
    sent += 1
print(sent)
"""
    started = time.monotonic()
    processes = [subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    sent = [int(process.communicate(timeout=PATIENCE_S)[0]) for process in processes]
    elapsed = time.monotonic() - started

    assert all(sent)
    # Both share one allowance to run ahead, and each may have been given one more turn at the end.
    assert sum(sent) <= 0.5 * limit / 60 * elapsed + 10 + len(sent)


def budget_in(file, clock):
    return RateBudget(0.5, file=file, now=clock, sleep=clock.wait)


@pytest.mark.parametrize("left", [0, 3, 8, 63])
def test_a_torn_state_counts_as_none(clock, tmp_path, left):
    file = tmp_path / "account.budget"
    budget_in(file, clock).pause(50)
    os.truncate(file, left)
    assert budget_in(file, clock).acquire() == 0


def test_a_state_from_before_the_last_boot_is_forgotten(clock, tmp_path):
    file = tmp_path / "account.budget"
    clock.advance(100_000)
    budget_in(file, clock).pause(50)
    assert RateBudget(0.5, file=file, now=lambda: 20.0, sleep=clock.wait).acquire() == 0


def write_state(file, clock, **changed):
    """A state as a budget writes it, in which the next requests are due in 40 seconds."""
    now = clock()
    state = {"limit": 200.0, "due": now + 40, "crowded_s": 0.0, "crowded_due": 0.0, "crowded_until": 0.0}
    file.write_text(json.dumps(state | {"paused_until": 0.0, "pauses": 1, "written_at": now} | changed))


def test_a_state_in_range_is_taken_as_it_is(clock, tmp_path):
    file = tmp_path / "account.budget"
    write_state(file, clock)
    assert budget_in(file, clock).acquire() == pytest.approx(33.3, abs=0.1)


HOSTILE = [
    {"paused_until": 1e12, "due": 1e12},
    {"due": math.inf},
    {"due": math.nan},
    {"due": -math.inf},
    {"due": -1e12},
    {"limit": 0},
    {"limit": -200},
    {"limit": 1e300},
    {"limit": 10**1000},
    {"limit": True},
    {"limit": "200"},
    {"limit": None},
    {"limit": [200]},
    {"crowded_s": 1e12, "crowded_due": 1e12, "crowded_until": 1e12},
    {"pauses": 0.5},
    {"pauses": -1},
    {"written_at": 1e12},
    {"unknown": 1},
]


@pytest.mark.parametrize("changed", HOSTILE, ids=str)
def test_a_state_out_of_range_neither_stops_nor_hastens(clock, tmp_path, changed):
    file = tmp_path / "account.budget"
    write_state(file, clock, **changed)
    assert_fresh(budget_in(file, clock), clock)


@pytest.mark.parametrize("content", ["", "null", "[]", "7", "{}", '"text"', "{" * 4000, " " * 10_000, "\udcff\x00"])
def test_content_of_another_kind_counts_as_none(clock, tmp_path, content):
    file = tmp_path / "account.budget"
    file.write_bytes(content.encode(errors="surrogateescape"))
    assert_fresh(budget_in(file, clock), clock)


def assert_fresh(budget, clock):
    """As many requests a minute as in the beginning, when no response has told the limit."""
    assert budget.acquire() == 0
    assert 80 <= len(sent_in(budget, clock, 60)) <= 100


def test_a_hostile_limit_lasts_until_the_next_response(clock, tmp_path):
    file = tmp_path / "account.budget"
    budget = budget_in(file, clock)
    budget.observe(headers(700, 700))
    write_state(file, clock, limit=100_000.0, due=0.0)
    budget.acquire()
    budget.observe(headers(700, 700))
    assert len(sent_in(budget, clock, 60)) <= 350


@pytest.mark.skipif(os.name == "nt", reason="Windows has other permissions, and links need a privilege")
class TestOnPosix:
    def test_only_this_user_may_read_the_file(self, clock, tmp_path):
        budget_in(tmp_path / "account.budget", clock).acquire()
        assert {file.stat().st_mode & 0o777 for file in tmp_path.iterdir()} == {0o600}

    @pytest.mark.parametrize("name", ["account.budget", "account.budget.lock"])
    @pytest.mark.parametrize("kind", ["link", "dangling link", "pipe", "folder", "another user's", "in a file"])
    def test_a_file_that_is_not_ours_neither_stops_nor_hastens(self, clock, tmp_path, caplog, name, kind):
        file, target = tmp_path / name, tmp_path / "target"
        if "link" in kind:
            file.symlink_to(target)
            if kind == "link":
                target.write_text("kept")
        elif kind == "pipe":
            os.mkfifo(file)
        elif kind == "folder":
            file.mkdir()
        elif kind == "in a file":
            target.write_text("kept")
            file = target / name
        else:
            if os.geteuid() != 0:
                pytest.skip("only the superuser can give a file away")
            write_state(file, clock, paused_until=clock() + 3000)
            os.chown(file, 12_345, -1)
        budget = budget_in(file.parent / "account.budget", clock)
        assert_fresh(budget, clock)
        (warning,) = caplog.messages
        assert str(target if kind == "in a file" else file) in warning
        assert (target.read_text() if target.exists() else "kept") == "kept"


def test_a_lock_that_is_never_released_stops_nobody(clock, tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(budget_state, "_LOCK_TIMEOUT_S", 0.01)
    with FileLock(tmp_path / "account.budget.lock"):
        assert_fresh(budget_in(tmp_path / "account.budget", clock), clock)
    assert "another process" in caplog.text


def test_a_stop_ends_the_wait_at_once():
    budget, stop = RateBudget(0.5), threading.Event()
    budget.pause(3600)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(budget.acquire, stop)
        stop.set()
        with pytest.raises(Stopped):
            waiting.result(10)
