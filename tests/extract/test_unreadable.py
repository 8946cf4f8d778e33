"""A page that can never be read stops nothing but its own second."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil, log2
from typing import Any

import orjson
import pytest
from starlette.responses import Response

from support.poison import KINDS, poisoned
from support.sync import BEGINNING, DAY, MINUTE, NOON, WINDOW, Account, spread
from support.zendesk import client_of
from zendesk_audit_assets.extract import reading
from zendesk_audit_assets.extract.coverage import SECOND, Interval
from zendesk_audit_assets.extract.gaps import FIRST_PAUSE, LONGEST_PAUSE
from zendesk_audit_assets.zendesk import Page, RetryLimits

BAD = BEGINNING + 20 * DAY + 7 * SECOND
LOG2_OF_WINDOW = ceil(log2((NOON - BEGINNING) / SECOND))


@pytest.fixture
def open_account(open_account: Callable[..., Account]) -> Iterator[Callable[..., Account]]:
    """Opens an account whose retries and turns cost no time."""
    with ExitStack() as clients:

        def start(**options: Any) -> Account:
            account = open_account(rate_limit_per_minute=10**6, **options)
            account.client = clients.enter_context(
                client_of(account.zendesk, clock=account.clock, wait=lambda seconds: None)
            )
            return account

        yield start


@pytest.fixture
def log(open_account: Callable[..., Account]) -> Account:
    """1,500 events, and some in the seconds around the bad one."""
    account = open_account()
    account.happens(*spread(1_500, BEGINNING, NOON - DAY))
    account.happens(*[BAD + n * SECOND for n in (-2, -1, 1, 2)])
    return account


@pytest.fixture
def bad(log: Account) -> int:
    (id,) = log.happens(BAD)
    return id


def holds_all_but(account: Account, *missing: int) -> bool:
    return account.ids() == sorted(event["id"] for event in account.zendesk.events if event["id"] not in missing)


# The others need the same requests, and as many seconds each.
FIRST = ("misplaced", "not-json", "500")


@pytest.mark.few(3)
@pytest.mark.parametrize("kind", sorted(KINDS, key=lambda kind: kind not in FIRST))
def test_only_the_bad_second_is_left_out(log: Account, bad: int, kind: str) -> None:
    with poisoned(bad, KINDS[kind]):
        report = log.sync(readers=2)
        assert report.left_out == [Interval(BAD, BAD + SECOND)]
        assert holds_all_but(log, bad)
        assert log.coverage() == [Interval(BEGINNING, BAD), Interval(BAD + SECOND, NOON)]
        assert log.query("SELECT window_start, window_end, attempt FROM failed_reads") == [(BAD, BAD + SECOND, 1)]
        kept = log.query("SELECT raw FROM audit_log_rejects")
        assert len(kept) == (0 if kind.isdigit() else 1)


@pytest.mark.faults
def test_later_runs_try_again_after_growing_pauses(log: Account, bad: int) -> None:
    with poisoned(bad, KINDS["nested"]):
        log.sync(readers=2)
        pause = FIRST_PAUSE
        for attempt in range(2, 10):
            log.clock.advance(pause - SECOND)
            log.requests()
            log.sync(readers=2)
            assert log.requests() <= 2  # the present, and nothing of the gap
            log.clock.advance(SECOND)
            report = log.sync(readers=2)
            assert report.left_out == [Interval(BAD, BAD + SECOND)]
            assert log.requests() <= 8
            assert log.query("SELECT max(attempt), count(*) FROM failed_reads") == [(attempt, attempt)]
            pause = min(2 * pause, LONGEST_PAUSE)
    log.clock.advance(LONGEST_PAUSE)
    report = log.sync(Interval(NOON, NOON + 30 * DAY), readers=2)
    assert report.left_out == []
    assert log.holds_everything()
    assert len(log.coverage()) == 1
    log.clock.advance(LONGEST_PAUSE)
    log.requests()
    log.sync(Interval(NOON, NOON + 30 * DAY))
    assert log.requests() == 1


def test_a_full_sync_and_neighbours_keep_away_from_a_gap(log: Account, bad: int) -> None:
    with poisoned(bad, KINDS["500"]):
        log.sync(readers=2)
        log.requests()
        for window in (WINDOW, Interval(BEGINNING, BAD), Interval(BAD + SECOND, NOON), Interval(BAD, BAD + SECOND)):
            assert log.sync(window, full=True, readers=1).left_out == []
        assert log.requests() <= 2 * 17 + 8
    assert holds_all_but(log, bad)


@pytest.mark.few(1)
@pytest.mark.parametrize("distances", [(DAY, 3 * DAY, 3 * DAY), (MINUTE, DAY, 9 * DAY, SECOND * 2, 12 * DAY), (DAY,)])
def test_each_of_several_bad_seconds_costs_a_second(log: Account, bad: int, distances: tuple[timedelta, ...]) -> None:
    seconds = [BAD, *(BAD + sum(distances[: n + 1], timedelta()) for n in range(len(distances)))]
    others = log.happens(*seconds[1:])
    with ExitStack() as stack:
        for id in (bad, *others):
            stack.enter_context(poisoned(id, KINDS["misplaced"]))
        for pause in (timedelta(0), LONGEST_PAUSE):  # at first, and tried again
            log.clock.advance(pause)
            report = log.sync(Interval(BEGINNING, NOON), readers=2)
            assert sorted(report.left_out) == [Interval(second, second + SECOND) for second in seconds]
            assert holds_all_but(log, bad, *others)


@pytest.mark.few(2)
@pytest.mark.parametrize(("seconds", "kind"), [(1, "500"), (2, "misplaced"), (60, "misplaced")])
def test_a_bad_stretch_costs_a_few_requests_a_second(log: Account, seconds: int, kind: str) -> None:
    bad = log.happens(*[BAD + DAY + n * SECOND for n in range(seconds)])
    with ExitStack() as stack:
        for id in bad:
            stack.enter_context(poisoned(id, KINDS[kind]))
        report = log.sync(readers=1)  # how several share the work, and so the number of requests, is chance
    assert holds_all_but(log, *bad)
    assert log.claims_are_true()
    # The pages, the attempts at the first one that fails, and the narrowing.
    assert report.requests <= 16 + RetryLimits().attempts + 5 * LOG2_OF_WINDOW + 5 * seconds


@pytest.mark.faults
def test_a_stretch_too_long_to_narrow_is_left_out_in_leaps(log: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FAILURES_TO_NARROW", 40)
    bad = log.happens(*[BAD + DAY + n * SECOND for n in range(120)])
    newer = log.happens(NOON - MINUTE)
    with ExitStack() as stack:
        for id in bad:
            stack.enter_context(poisoned(id, KINDS["misplaced"]))
        report = log.sync(readers=1)
        assert report.requests <= 16 + 4 * 60 + LOG2_OF_WINDOW
        assert log.claims_are_true()
        assert newer[0] in log.ids()
        before = len(log.ids())
        for _ in range(3):
            log.clock.advance(LONGEST_PAUSE)
            log.sync(readers=1)
            assert log.claims_are_true()
    while len(log.coverage()) > 1:
        log.clock.advance(LONGEST_PAUSE)
        log.sync()
    assert len(log.ids()) > before
    assert log.holds_everything()


@pytest.mark.few(1)
@pytest.mark.parametrize("where", ["first", "last", "only"])
def test_the_bad_second_may_lie_at_an_edge(open_account: Callable[..., Account], where: str) -> None:
    account = open_account()
    good = [] if where == "only" else account.happens(*spread(150, BEGINNING + DAY, NOON - DAY))
    moment = {"first": BEGINNING, "last": NOON - SECOND, "only": BEGINNING + DAY}[where]
    (bad,) = account.happens(moment)
    with poisoned(bad, KINDS["500"]):
        account.sync(readers=1)
        assert account.ids() == good
        assert account.claims_are_true()
    account.clock.advance(LONGEST_PAUSE)
    account.sync(readers=1)
    assert account.holds_everything()


def test_exclusive_bounds_leave_out_the_neighbours_too(open_account: Callable[..., Account]) -> None:
    account = open_account(bounds="exclusive")
    account.happens(*spread(150, BEGINNING, NOON - DAY), *[BAD + n * SECOND for n in (-2, -1, 1, 2)])
    (bad,) = account.happens(BAD)
    with poisoned(bad, KINDS["500"]):
        account.sync(readers=1)
        assert account.claims_are_true()
        assert set(account.ids()) <= {event["id"] for event in account.zendesk.events} - {bad}
    account.clock.advance(LONGEST_PAUSE)
    account.sync(readers=1)
    assert account.holds_everything()


def test_a_second_of_many_pages_is_left_out_whole(log: Account) -> None:
    burst = log.happens(*[BAD] * 250)
    with poisoned(burst[130], KINDS["cut"]):
        log.sync(readers=2)
        assert holds_all_but(log, *burst)
        assert log.claims_are_true()
    log.clock.advance(timedelta(hours=1))
    log.sync()
    assert log.holds_everything()


def test_a_second_too_heavy_for_a_page_is_read_in_smaller_ones(log: Account) -> None:
    heavy = set(log.happens(*[BAD] * 40))

    def fail(page: dict[str, Any], at: int) -> Response:
        held = sum(record["id"] in heavy for record in page["audit_logs"])
        return Response(status_code=504) if held > 9 else Response(orjson.dumps(page), media_type="application/json")

    with ExitStack() as stack:
        for id in heavy:
            stack.enter_context(poisoned(id, fail))
        assert log.sync(readers=2).left_out == []
    assert log.holds_everything()


@pytest.mark.few(1)
@pytest.mark.parametrize(
    "records",
    [lambda event: [], lambda event: [{"id": "no"}], lambda event: [event]],
    ids=["empty pages", "rejects", "one second"],
)
def test_pages_that_lead_nowhere_are_given_up(
    open_account: Callable[..., Account], monkeypatch: pytest.MonkeyPatch, records: Callable[[Any], list[Any]]
) -> None:
    monkeypatch.setattr(reading, "PAGES_WITHOUT_PROGRESS", 30)
    account = open_account()
    good = account.happens(*spread(150, BEGINNING, BAD - DAY), *spread(150, BAD + DAY, NOON))
    (bad,) = account.happens(BAD)
    answer = account.client.pages

    def endless(start: datetime, end: datetime, *stop: Any, alone: bool = False, **options: Any) -> Iterator[Page]:
        margin = timedelta() if alone else SECOND
        for page in answer(start, end, *stop, alone=alone, **options):
            held = [event for event in page.records if event["id"] == bad]
            if not held or not start - margin <= BAD < end + margin:
                yield page
                continue
            before = page.records[: page.records.index(held[0])]
            yield replace(page, records=before, has_more=True)
            for _ in range(10_000):
                yield replace(page, records=records(held[0]), body=b'{"audit_logs":[{"id":"no"}]}', has_more=True)
            pytest.fail("the pages were read on and on")

    monkeypatch.setattr(account.client, "pages", endless)
    report = account.sync(readers=1)
    assert account.ids() == good
    assert report.left_out
    assert account.claims_are_true()
