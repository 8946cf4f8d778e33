"""An account's log over real HTTP into a real file: everything, once, at few requests, whatever happens between."""

from __future__ import annotations

import json
import math
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import orjson
import pytest

from support.poison import poisoned
from support.sync import BEGINNING, DAY, MINUTE, NOON, TODAY, WINDOW, Account, moment, spread
from zendesk_audit_assets.emulator import Emulator, Fault, HistoryOptions
from zendesk_audit_assets.extract.coverage import LOOK_BACK, SECOND, SETTLE, Interval
from zendesk_audit_assets.extract.identity import OtherAccount
from zendesk_audit_assets.extract.sync import Progress, sync
from zendesk_audit_assets.zendesk import ZendeskClient
from zendesk_audit_assets.zendesk.errors import ClockSkew

# Three bursts of 500 events within an hour each, and 600 events in three seconds of one minute.
BURSTS = [at for day in (3, 30, 31) for at in spread(500, BEGINNING + day * DAY, BEGINNING + day * DAY + 60 * MINUTE)]
CROWDED = [BEGINNING + 40 * DAY + 20 * second * SECOND for second in range(3) for _ in range(200)] + BURSTS


def test_everything_arrives_once(busy_account: Account) -> None:
    report = busy_account.sync()
    assert busy_account.holds_everything()
    assert busy_account.claims_are_true()
    assert busy_account.coverage() == [Interval(BEGINNING, NOON)]
    assert (report.appended.inserted, report.appended.revised, report.appended.rejected) == (1_000, 0, 0)
    assert report.known == report.appended.received - 1_000
    assert report.requests == busy_account.requests()
    assert (report.window, report.fetched, report.covered_to) == (WINDOW, [WINDOW], NOON)
    assert report.newest_event == moment(busy_account.zendesk.events[-1])


def test_a_quiet_refresh_costs_one_request(busy_account: Account) -> None:
    busy_account.sync()
    busy_account.clock.advance(MINUTE)
    report = busy_account.sync()
    assert report.requests == 1
    assert report.appended.inserted == 0
    assert busy_account.coverage() == [Interval(BEGINNING, NOON + MINUTE)]


def test_a_hundred_new_events_cost_two_requests(busy_account: Account) -> None:
    busy_account.sync()
    busy_account.clock.advance(60 * MINUTE)
    busy_account.happens(*spread(100, NOON, NOON + 60 * MINUTE))
    report = busy_account.sync()
    assert (report.requests, report.appended.inserted) == (2, 100)
    assert busy_account.holds_everything()


def test_settled_time_costs_no_request(busy_account: Account) -> None:
    busy_account.sync()
    busy_account.requests()
    report = busy_account.sync(Interval(BEGINNING, TODAY - DAY))
    assert (report.requests, report.fetched, busy_account.requests()) == (0, [], 0)


def test_only_missing_time_is_fetched(busy_account: Account) -> None:
    busy_account.sync(Interval(BEGINNING, BEGINNING + 20 * DAY))
    busy_account.sync(Interval(BEGINNING + 30 * DAY, BEGINNING + 40 * DAY))
    report = busy_account.sync(Interval(BEGINNING, BEGINNING + 40 * DAY))
    (fetched,) = report.fetched
    assert fetched.end == BEGINNING + 30 * DAY
    assert fetched.start <= BEGINNING + 20 * DAY
    assert busy_account.coverage() == [Interval(BEGINNING, BEGINNING + 40 * DAY)]
    assert busy_account.claims_are_true()


@pytest.mark.parametrize("bounds", ["inclusive", "exclusive"])
def test_it_does_not_matter_whether_bounds_are_inclusive(open_account: Callable[..., Account], bounds: str) -> None:
    account = open_account(bounds=bounds)
    first, last = BEGINNING, BEGINNING + DAY - SECOND
    inside = account.happens(first, first + SECOND, last - SECOND, last)
    account.happens(first - SECOND, first - 2 * SECOND, last + SECOND, last + 2 * SECOND)
    account.sync(Interval(BEGINNING, BEGINNING + DAY))
    assert account.ids() == sorted(inside)
    assert account.claims_are_true()


def test_neighbouring_windows_store_events_on_their_border_once(account: Account) -> None:
    account.happens(*(BEGINNING + DAY + n * SECOND for n in range(-2, 3) for _ in range(3)))
    account.sync(Interval(BEGINNING, BEGINNING + DAY))
    account.sync(Interval(BEGINNING + DAY, BEGINNING + 2 * DAY))
    assert account.holds_everything()


@pytest.mark.parametrize("readers", [1, 8])
def test_a_burst_longer_than_a_page_is_read_whole(account: Account, readers: int) -> None:
    account.happens(*[BEGINNING + DAY] * 350)
    account.happens(BEGINNING, BEGINNING + DAY - SECOND, BEGINNING + DAY + SECOND)
    account.sync(readers=readers)
    assert account.holds_everything()
    assert account.claims_are_true()


def test_a_burst_before_the_look_back_costs_no_request(account: Account) -> None:
    account.happens(*[TODAY - DAY] * 350, *spread(20, TODAY - DAY + MINUTE, TODAY))
    account.sync()
    account.clock.advance(MINUTE)
    assert account.sync().requests == 1


def test_the_next_refresh_finds_events_within_the_settle_time(busy_account: Account) -> None:
    busy_account.sync()
    busy_account.happens(*spread(300, NOON - 2 * MINUTE, NOON))  # more than a page, so nothing else is looked back at
    busy_account.clock.advance(MINUTE)
    busy_account.sync()
    late = busy_account.happens(NOON - SETTLE + 2 * MINUTE)
    busy_account.clock.advance(MINUTE)
    busy_account.sync()
    assert late[0] in busy_account.ids()
    assert busy_account.holds_everything()


def test_the_look_back_finds_events_at_no_extra_request(account: Account) -> None:
    account.happens(*spread(80, NOON - LOOK_BACK, NOON))
    account.sync()
    account.happens(NOON - LOOK_BACK + 60 * MINUTE)
    account.clock.advance(MINUTE)
    report = account.sync()
    assert (report.requests, report.appended.inserted) == (1, 1)
    assert account.holds_everything()


def test_a_full_sync_finds_events_older_than_the_look_back(busy_account: Account) -> None:
    busy_account.sync()
    busy_account.happens(BEGINNING + DAY)
    busy_account.clock.advance(MINUTE)
    assert busy_account.sync().appended.inserted == 0
    report = busy_account.sync(Interval(BEGINNING, BEGINNING + 2 * DAY), full=True)
    assert report.appended.inserted == 1
    assert busy_account.holds_everything()


def test_a_changed_event_is_kept_as_a_revision(account: Account) -> None:
    (id,) = account.happens(NOON - DAY, source_label="first")
    account.sync()
    account.zendesk.amend(id, source_label="second")
    account.clock.advance(MINUTE)
    report = account.sync()
    assert (report.appended.revised, report.known) == (1, 1)
    assert account.query("SELECT source_label FROM audit_logs") == [("first",)]
    assert account.query("SELECT source_label FROM audit_log_revisions") == [("second",)]


def test_an_event_that_vanishes_at_zendesk_stays_here(account: Account) -> None:
    (id,) = account.happens(NOON - DAY)
    account.sync()
    account.zendesk.remove(id)
    account.sync(full=True)
    assert account.ids() == [id]


def test_records_of_the_wrong_shape_are_kept_and_stop_nothing(account: Account) -> None:
    strange = [{"id": "seven"}, {"actor_id": True}, {"source_id": 2**63}, {"created_at": "yesterday"}, {"brand": [1]}]
    sent = account.zendesk.add([{"created_at": "2026-02-01T00:00:00Z", **record} for record in strange])
    good = account.happens(*spread(150, TODAY - 20 * DAY, TODAY))
    report = account.sync()
    assert (report.appended.inserted, report.appended.rejected) == (151, 4)
    raw = [json.loads(raw) for (raw,) in account.query("SELECT raw FROM audit_log_rejects")]
    assert sorted(raw, key=lambda record: str(record["url"])) == sorted(sent[:4], key=lambda record: str(record["url"]))
    assert account.query("SELECT extra FROM audit_logs WHERE extra IS NOT NULL") == [('{"brand": [1]}',)]
    assert account.ids() == sorted([*good, sent[4]["id"]])


@pytest.mark.parametrize("bad", [rb"\udc00", rb"\ud83d", b"\xff", b"\xf0\x9f\x98"], ids=repr)
def test_text_that_is_no_unicode_is_the_same_row_each_time(account: Account, bad: bytes) -> None:
    (id,) = account.happens(NOON - DAY, actor_name="Eve MARK", brand={"MARK": "MARK"})
    account.happens(*spread(3, NOON - DAY, NOON))
    with poisoned(id, lambda page, _: orjson.dumps(page).replace(b"MARK", bad)):
        account.sync()
        again = account.sync(full=True)
    assert (again.known, again.appended.inserted, again.appended.revised) == (4, 0, 0)
    assert account.query(f"SELECT actor_name, extra FROM audit_logs WHERE id = {id}") == [
        ("Eve \ufffd", '{"brand": {"\ufffd": "\ufffd"}}')
    ]
    assert account.query("SELECT * FROM audit_log_rejects UNION ALL BY NAME FROM audit_log_revisions") == []


def test_pages_of_nothing_but_rejects_are_passed(account: Account) -> None:
    account.zendesk.add({"id": f"no {n}", "created_at": "2026-02-01T00:00:00Z"} for n in range(250))
    good = account.happens(TODAY - 2 * DAY)
    report = account.sync()
    assert report.appended.rejected == 250
    assert account.ids() == good
    assert account.coverage() == [Interval(BEGINNING, NOON)]


@pytest.mark.parametrize("moments", [BURSTS, CROWDED], ids=["bursts", "crowded seconds"])
def test_an_uneven_log_is_read_whole_from_both_ends(account: Account, moments: list[datetime]) -> None:
    account.happens(*moments)
    report = account.sync()
    assert {order for request in account.zendesk.requests for order in request.query["sort"]} == {
        "created_at",
        "-created_at",
    }
    assert account.holds_everything()
    assert account.coverage() == [Interval(BEGINNING, NOON)]
    assert report.appended.inserted == len(moments)


def test_a_server_that_ignores_the_order_is_read_from_the_start(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.happens(*BURSTS)
    answer = account.client.pages
    monkeypatch.setattr(account.client, "pages", lambda *window, newest_first, **options: answer(*window, **options))
    account.sync()
    assert account.holds_everything()
    assert account.coverage() == [Interval(BEGINNING, NOON)]


def test_numbers_of_any_length_are_kept(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    digits = "9" * 5_000
    account.happens(NOON - DAY, brand="LONG", weight="HUGE")
    answer = account.client.pages

    def with_long_numbers(*window: datetime, **options: Any) -> Any:
        for page in answer(*window, **options):
            body = page.body.replace(b'"LONG"', digits.encode()).replace(b'"HUGE"', b"1e400")
            rounded = [record | {"brand": math.inf, "weight": math.inf} for record in page.records]
            yield type(page)(rounded, body, page.has_more, page.date, page.requests)

    monkeypatch.setattr(account.client, "pages", with_long_numbers)
    account.sync()
    ((extra,),) = account.query("SELECT extra FROM audit_logs")
    assert digits in extra
    assert "1e400" in extra


def test_a_refresh_beside_a_backfill_stores_everything_once(
    busy_account: Account, connect: Callable[[Emulator], ZendeskClient]
) -> None:
    others = [connect(busy_account.zendesk) for _ in range(2)]
    threads = [
        threading.Thread(target=sync, args=(other, busy_account.warehouse, WINDOW), kwargs={"run_id": "other"})
        for other in others
    ]
    for thread in threads:
        thread.start()
    busy_account.sync()
    for thread in threads:
        thread.join()
    assert busy_account.holds_everything()
    assert busy_account.coverage() == [Interval(BEGINNING, NOON)]


def test_coverage_ends_where_the_servers_clock_stands(account: Account) -> None:
    account.happens(NOON - SECOND, NOON, NOON + SECOND)  # the last two are not over, or not yet
    account.sync()
    assert account.coverage() == [Interval(BEGINNING, NOON)]
    assert account.claims_are_true()
    account.clock.advance(2 * SECOND)
    account.sync()
    assert account.coverage() == [Interval(BEGINNING, NOON + 2 * SECOND)]
    assert account.holds_everything()


def test_a_future_window_gives_no_coverage(account: Account) -> None:
    account.sync(Interval(TODAY + DAY, TODAY + 2 * DAY))
    assert account.coverage() == []


@pytest.mark.parametrize("skew", [timedelta(minutes=14), timedelta(minutes=-14)])
def test_clocks_that_differ_a_little_lose_nothing(open_account: Callable[..., Account], skew: timedelta) -> None:
    account = open_account(clock_offset_s=skew.total_seconds())
    account.happens(*spread(50, NOON - DAY, NOON + min(skew, timedelta())))
    account.sync()
    assert account.coverage() == [Interval(BEGINNING, NOON + min(skew, timedelta()))]
    assert account.holds_everything()


@pytest.mark.parametrize("seconds", [16 * 60, -16 * 60])
def test_a_server_date_that_is_far_off_stops_everything(busy_account: Account, seconds: int) -> None:
    busy_account.zendesk.inject(Fault("date_jump", times=None, after_requests=2, seconds=seconds))
    with pytest.raises(ClockSkew):
        busy_account.sync()
    assert busy_account.claims_are_true()
    assert all(interval.end <= NOON for interval in busy_account.coverage())


def test_the_next_refresh_heals_a_small_jump_of_the_server_date(busy_account: Account) -> None:
    busy_account.zendesk.inject(Fault("date_jump", seconds=600))
    busy_account.sync()
    late = busy_account.happens(NOON + 5 * MINUTE)
    busy_account.clock.advance(10 * MINUTE)
    busy_account.sync()
    assert late[0] in busy_account.ids()
    assert busy_account.holds_everything()


def test_fractions_of_a_second_do_not_divide_a_second(busy_account: Account, answer_with: Callable[..., None]) -> None:
    answer_with(
        lambda records: [record | {"created_at": record["created_at"].replace("Z", ".500000Z")} for record in records]
    )
    busy_account.sync(readers=1, on_progress=lambda progress: None)
    assert len(busy_account.ids()) == 1_000
    edges = busy_account.query("SELECT DISTINCT microsecond(window_start), microsecond(window_end) FROM coverage")
    assert edges == [(0, 0)]


def test_another_account_s_log_does_not_mix_with_this_one(
    busy_account: Account, open_account: Callable[..., Account]
) -> None:
    busy_account.sync(Interval(BEGINNING, BEGINNING + DAY))
    other = open_account()
    with pytest.raises(OtherAccount):
        other.sync()
    assert other.requests() == 0


def test_progress_ends_with_everything_done(busy_account: Account) -> None:
    seen: list[Progress] = []
    report = busy_account.sync(on_progress=seen.append)
    assert seen[-1].share == 1.0
    assert seen[-1].left == timedelta()
    assert seen[-1].done == NOON - BEGINNING
    assert seen[-1].requests == report.requests
    assert seen[-1].received >= report.appended.received == 1_000
    assert [one.received for one in seen] == sorted(one.received for one in seen)


def test_a_window_without_events_costs_one_request(account: Account) -> None:
    report = account.sync(Interval(datetime(2010, 1, 1, tzinfo=timezone.utc), TODAY + DAY))
    assert report.requests == 1
    assert account.coverage() == [Interval(datetime(2010, 1, 1, tzinfo=timezone.utc), NOON)]


@pytest.mark.parametrize("readers", [1, 2, 8])
def test_any_number_of_readers_reads_the_same(busy_account: Account, readers: int) -> None:
    report = busy_account.sync(readers=readers)
    assert report.requests <= 1.10 * 10 + readers
    assert busy_account.holds_everything()
    assert busy_account.coverage() == [Interval(BEGINNING, NOON)]


def test_a_dense_window_costs_few_more_requests_than_pages(open_account: Callable[..., Account]) -> None:
    window = Interval(TODAY - 20 * DAY, TODAY - 10 * DAY)
    history = HistoryOptions(start=window.start, end=window.end, style="uniform", total=20_000)
    account = open_account(history=history)
    report = account.sync(window, readers=8)
    assert report.requests <= 1.10 * math.ceil(20_000 / 100) + 8
    assert report.requests == account.requests()
    assert account.claims_are_true()
    assert account.coverage() == [window]
    assert report.appended.inserted == len(account.ids()) == 20_000
