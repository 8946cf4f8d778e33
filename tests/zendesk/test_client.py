from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.emulator import (
    Emulator,
    EmulatorOptions,
    Fault,
    HistoryOptions,
)
from zendesk_audit_assets.zendesk import (
    ApiToken,
    CursorRejected,
    MalformedResponse,
    RepeatedCursor,
    ZendeskAccount,
    ZendeskClient,
)
from zendesk_audit_assets.zendesk.errors import ForeignLink
from zendesk_audit_assets.zendesk.transport import RetryLimits

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
END = datetime(2026, 1, 11, tzinfo=timezone.utc)


def ids(pages):
    return [record["id"] for page in pages for record in page.records]


def query(path):
    return parse_qs(urlsplit(path).query)


def test_a_window_is_read_in_order_with_the_fewest_requests(zendesk, connect):
    pages = list(connect(zendesk).pages(START, END))

    assert ids(pages) == [event["id"] for event in zendesk.events]
    assert len(zendesk.requests) == len(pages) == 11
    assert [page.has_more for page in pages] == [True] * 10 + [False]
    assert [page.requests for page in pages] == [1] * 11


def test_a_window_is_read_newest_first_in_reverse(zendesk, connect):
    pages = list(connect(zendesk).pages(START, END, newest_first=True))

    assert ids(pages) == [event["id"] for event in reversed(zendesk.events)]
    assert len(zendesk.requests) == len(pages) == 11


def test_an_empty_window_is_one_page_without_records(zendesk, connect):
    (page,) = connect(zendesk).pages(END + timedelta(days=1), END + timedelta(days=2))

    assert (page.records, page.has_more, page.requests) == ([], False, 1)


def test_a_page_carries_the_raw_answer_and_the_servers_date(stub, connect):
    sent = datetime.now(timezone.utc).replace(microsecond=0)
    reply = stub.page([{"id": 1, "score": 1.10}], date=format_datetime(sent, usegmt=True))
    stub.say(reply)

    (page,) = connect(stub).pages(START, END)

    assert page.body == reply.body
    assert page.date == sent
    assert page.date.utcoffset() == timedelta(0)


@pytest.mark.parametrize("bounds", ["inclusive", "exclusive"])
def test_no_event_is_missed_with_inclusive_or_exclusive_bounds(bounds, connect):
    at = [START + timedelta(seconds=second) for second in (-2, -1, 0, 1, 8, 9, 10, 11)]
    events = [{"id": n, "created_at": f"{moment:%Y-%m-%dT%H:%M:%SZ}"} for n, moment in enumerate(at)]
    with Emulator(EmulatorOptions(events=events, bounds=bounds)) as zendesk:
        got = ids(connect(zendesk).pages(START, START + timedelta(seconds=10)))

    assert {2, 3, 4, 5} <= set(got) <= {1, 2, 3, 4, 5, 6}


@given(
    start=st.datetimes(datetime(2007, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001
    length=st.timedeltas(timedelta(microseconds=1), timedelta(days=4000)),
    offset=st.integers(-14, 14),
)
def test_the_request_exceeds_the_window_by_at_most_two_seconds(start, length, offset):
    start = start.replace(tzinfo=timezone(timedelta(hours=offset)))
    end = start + length
    url = _first_url(start, end)
    low, high = (
        datetime.fromisoformat(value.replace("Z", "+00:00"))
        for name, value in parse_qsl(urlsplit(url).query)
        if name == "filter[created_at][]"
    )

    assert low < start  # strictly, in case the bounds are exclusive
    assert start - low <= timedelta(seconds=2)
    assert end <= high < end + timedelta(seconds=1)


def _first_url(start: datetime, end: datetime) -> str:
    asked = []

    class Recording(ZendeskClient):
        def _follow(self, url, stop, retry, too_heavy):
            asked.append(url)
            return iter(())

    Recording(ZendeskAccount("demo", ApiToken("a@example.com", "token"))).pages(start, end)
    return asked[0]


def test_the_first_request_pages_the_window_by_cursor_ascending(zendesk, connect):
    next(connect(zendesk).pages(START, END))

    (request,) = zendesk.requests
    assert request.path == "/api/v2/audit_logs"
    assert request.query == {
        "page[size]": ["100"],
        "sort": ["created_at"],
        "filter[created_at][]": ["2025-12-31T23:59:59Z", "2026-01-11T00:00:00Z"],
    }


def test_the_next_link_is_followed_as_it_is(stub, connect):
    link = f"{stub.url}/api/v2/audit_logs.json?page%5Bafter%5D=eyJv%3D%3D&page%5Bsize%5D=100&sort=created_at"
    stub.say(stub.page([1], link), stub.page([2]))

    assert [page.records for page in connect(stub).pages(START, END)] == [[1], [2]]
    assert stub.url + stub.seen[1].path == link


@pytest.mark.parametrize("cursors", ["filled", "null", "empty"])
def test_has_more_alone_ends_the_paging(cursors, connect):
    history = HistoryOptions(start=START, end=END, style="uniform", total=200)
    with Emulator(EmulatorOptions(history=history, last_page_cursors=cursors)) as zendesk:
        assert len(ids(connect(zendesk).pages(START, END))) == 200
        assert len(zendesk.requests) == 2


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (START.replace(tzinfo=None), END.replace(tzinfo=None)),
        (START, END.replace(tzinfo=None)),
        (START, START),
        (END, START),
    ],
)
def test_a_window_without_time_zone_or_length_is_refused_at_once(zendesk, connect, start, end):
    with pytest.raises(ValueError, match="not a window"):
        connect(zendesk).pages(start, end)
    assert not zendesk.requests


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/api/v2/audit_logs?page[after]=x",
        "//evil.example/api/v2/audit_logs",
        "/api/v2/audit_logs?page[after]=x",
        "{url}@evil.example/",
        "{url}\\@evil.example/",
        "{url}.evil.example/",
        "http://user@{host}/api/v2/audit_logs",
        "https://{host}/api/v2/audit_logs",
        "http://127.0.0.1:1/api/v2/audit_logs",
        "http://127.0.0.1/api/v2/audit_logs",
        "http://localhost:{port}/api/v2/audit_logs",
        "http://127.0.0.1:port/",
        "http://[::1/",
        "ftp://{host}/",
        " {url}/api/v2/audit_logs",
        "{url}/api\n/v2",
        "javascript:alert(1)",
    ],
)
def test_a_link_to_another_origin_is_never_followed(stub, connect, link):
    host = stub.url.removeprefix("http://")
    link = link.replace("{url}", stub.url).replace("{host}", host).replace("{port}", host.split(":")[1])
    stub.say(stub.page([1], link))
    pages = connect(stub).pages(START, END)
    assert next(pages).records == [1]

    with pytest.raises(ForeignLink) as error:
        next(pages)
    assert error.value.permanent
    assert len(stub.seen) == 1


def test_the_same_origin_may_be_spelled_with_capitals(stub, connect):
    stub.say(stub.page([1], stub.url.replace("http", "HTTP") + "/api/v2/audit_logs?page[after]=x"), stub.page([2]))

    assert len(list(connect(stub).pages(START, END))) == 2


def test_a_repeated_cursor_is_an_error(zendesk, connect):
    zendesk.inject(Fault("page_twice", after_requests=3))
    got = []

    with pytest.raises(RepeatedCursor) as error:
        got.extend(connect(zendesk).pages(START, END))
    assert not error.value.permanent
    assert len(zendesk.requests) < 7
    assert got


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_loop_of_cursors_of_any_length_is_an_error(stub, connect, length):
    links = [f"{stub.url}/api/v2/audit_logs?page[after]={n}&attempt={{}}" for n in range(length)]
    # The same cursors come again in links that look new.
    stub.say(*[stub.page([n], links[n % length].format(n)) for n in range(3 * length)])

    with pytest.raises(RepeatedCursor):
        list(connect(stub).pages(START, END))
    assert len(stub.seen) == length + 1


def test_a_rejected_cursor_is_told_apart_and_not_retried(zendesk, connect, clock):
    zendesk.inject(Fault("cursor_rejected", after_requests=1))
    pages = connect(zendesk).pages(START, END)
    assert len(next(pages).records) == len(next(pages).records) == 100

    with pytest.raises(CursorRejected) as error:
        next(pages)
    assert not error.value.permanent
    assert clock.waits == []
    assert len(zendesk.requests) == 3


MALFORMED = {
    "not JSON": b"<html><title>Just a moment...</title></html>",
    "cut short": b'{"audit_logs":[{"id":1},',
    "empty": b"",
    "not an object": b"[]",
    "no list": b'{"meta":{"has_more":false}}',
    "list is null": b'{"audit_logs":null,"meta":{"has_more":false}}',
    "list is an object": b'{"audit_logs":{},"meta":{"has_more":false}}',
    "no meta": b'{"audit_logs":[],"count":0,"next_page":null}',
    "meta is a list": b'{"audit_logs":[],"meta":[]}',
    "has_more missing": b'{"audit_logs":[],"meta":{}}',
    "has_more is text": b'{"audit_logs":[],"meta":{"has_more":"false"}}',
    "more without links": b'{"audit_logs":[],"meta":{"has_more":true}}',
    "more without a next link": b'{"audit_logs":[],"meta":{"has_more":true},"links":{"next":null}}',
    "more with an empty next link": b'{"audit_logs":[],"meta":{"has_more":true},"links":{"next":""}}',
    "next link is no text": b'{"audit_logs":[],"meta":{"has_more":true},"links":{"next":{}}}',
    "nested too deep": b"[" * 100_000,
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED.keys())
def test_a_malformed_response_is_retried_and_then_an_error(stub, connect, clock, body):
    stub.say(stub.reply(body=body), stub.page(["good"]))
    (page,) = connect(stub).pages(START, END)
    assert (page.records, page.requests, len(clock.waits)) == (["good"], 2, 1)

    stub.say(stub.reply(body=body))
    with pytest.raises(MalformedResponse) as error:
        list(connect(stub, retry=RetryLimits(attempts=2)).pages(START, END))
    assert not error.value.permanent
    assert "2 attempts" in error.value.cause


@pytest.mark.parametrize("date", [None, "yesterday", "2026", "Thu, 99 Jan 2026 00:00:00 GMT"])
def test_a_response_without_a_usable_date_warns_once(stub, connect, date, caplog):
    stub.say(stub.page([1], date=date))
    client = connect(stub)
    for _ in range(2):
        assert [page.records for page in client.pages(START, END)] == [[1]]
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("bytes_", [b"\xff", b"\xc3(", b"\xed\xa0\x80"])
def test_bytes_that_are_no_utf8_harm_one_record_only(stub, connect, bytes_):
    body = b'{"audit_logs":[{"a":"good"},{"a":"bad %s"}],"meta":{"has_more":false}}' % bytes_
    stub.say(stub.reply(body=body))
    (page,) = connect(stub).pages(START, END)
    assert page.records[0] == {"a": "good"}
    for records in (page.records, page.records_exactly()):
        assert records[1]["a"] == f"bad {bytes_.decode(errors='replace')}"


@pytest.mark.parametrize("cut", [40, 200])
def test_an_error_never_quotes_records(stub, connect, cut):
    whole = stub.page([{"actor_name": "Jane Doe", "change_description": "secret"}] * 3).body
    for body in (whole[:-cut], whole[cut:-1], b"\n " + whole[:cut]):
        stub.say(stub.reply(body=body))
        with pytest.raises(MalformedResponse) as error:
            connect(stub, retry=RetryLimits(attempts=1)).newest()
        assert not re.search("Jane|secret|actor|audit_logs", str(error.value))


def test_records_that_orjson_refuses_are_read_all_the_same(stub, connect):
    stub.say(stub.reply(body=b'{"audit_logs":[{"a":"\\ud800","b":1e999}],"meta":{"has_more":false}}'))

    (page,) = connect(stub).pages(START, END)

    assert page.records == [{"a": "\ud800", "b": float("inf")}]


def test_records_are_passed_on_whatever_they_are(stub, connect):
    records = [None, 7, "text", [], {"id": "not a number"}, {"id": 2**63}]
    stub.say(stub.page(records))

    assert next(connect(stub).pages(START, END)).records == records


def test_newest_and_oldest_cost_one_request_each(zendesk, connect):
    client = connect(zendesk)

    assert ids([client.newest(3)]) == [event["id"] for event in reversed(zendesk.events[-3:])]
    assert ids([client.oldest()]) == [zendesk.events[0]["id"]]
    assert len(client.newest().records) == 100
    assert len(zendesk.requests) == 3


def test_count_is_told_by_one_request(zendesk, connect):
    assert connect(zendesk).count() == len(zendesk.events)
    (request,) = zendesk.requests
    assert "page[size]" not in request.query


@pytest.mark.parametrize("count", [None, -1, True, "12", 1.5])
def test_a_count_that_is_none_is_malformed(stub, connect, count):
    stub.say(stub.reply(body=json.dumps({"audit_logs": [], "count": count}).encode()))

    with pytest.raises(MalformedResponse):
        connect(stub, retry=RetryLimits(attempts=1)).count()


def test_a_probe_is_one_request(zendesk, connect):
    client = connect(zendesk)
    assert client.last_rate_limit is None
    before = datetime.now(timezone.utc).replace(microsecond=0)  # a date has whole seconds

    probe = client.probe()

    assert probe.newest == zendesk.events[-1]
    assert probe.rate_limit is not None
    assert probe.rate_limit.limit == 100_000
    assert client.last_rate_limit == probe.rate_limit
    assert before <= probe.date <= datetime.now(timezone.utc)
    assert len(zendesk.requests) == 1


def test_a_probe_of_an_empty_log_has_no_newest_record(connect):
    with Emulator(EmulatorOptions()) as zendesk:
        assert connect(zendesk).probe().newest is None


def test_several_threads_read_through_one_client(zendesk, connect):
    client = connect(zendesk)
    days = [START + timedelta(days=day) for day in range(10)]

    with ThreadPoolExecutor(8) as pool:
        pages = [
            page for day in pool.map(lambda day: list(client.pages(day, day + timedelta(days=1))), days) for page in day
        ]

    assert set(ids(pages)) == {event["id"] for event in zendesk.events}
    assert client.usage.requests == len(zendesk.requests) == sum(page.requests for page in pages)
    assert client.usage.retries == 0


def test_usage_counts_requests_retries_and_waits(zendesk, connect, clock):
    zendesk.inject(Fault("500", times=2, after_requests=1))
    client = connect(zendesk)

    pages = list(client.pages(START, END))

    assert [page.requests for page in pages] == [1, 3] + [1] * 9
    assert client.usage.requests == 13
    assert client.usage.retries == 2
    assert client.usage.seconds_waited >= sum(clock.waits) > 0
