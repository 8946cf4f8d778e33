"""Every fault has its documented effect, on the documented number of requests."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

import pytest
import requests

from support.patience import PATIENCE_S
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions, Fault

LIST = "/api/v2/audit_logs?page[size]=3&sort=created_at"


@pytest.fixture(scope="module")
def running() -> Iterator[Emulator]:
    with Emulator(EmulatorOptions(events=[{"id": n} for n in range(1, 13)])) as emulator:
        yield emulator


@pytest.fixture
def zendesk(running: Emulator) -> Iterator[Emulator]:
    running.reset_requests()
    yield running
    running.clear_faults()


def ids(response: requests.Response) -> list[int]:
    return [record["id"] for record in response.json()["audit_logs"]]


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409", "429", "500", "502", "503", "504"])
def test_a_status_fault_hits_one_request(zendesk: Emulator, ask: Callable, status: str) -> None:
    zendesk.inject(Fault(status))
    assert [ask(zendesk, LIST).status_code for _ in range(2)] == [int(status), 200]
    assert [seen.status for seen in zendesk.requests] == [int(status), 200]


@pytest.mark.parametrize(
    ("style", "content_type", "starts"),
    [
        ("error", "application/json", '{"error":"Couldn\'t'),
        ("error_description", "application/json", '{"error":"Unauthorized","description":'),
        ("error_object", "application/json", '{"error":{"title":"Unauthorized","message":'),
        ("errors_list", "application/json", '{"errors":[{"code":'),
        ("oauth", "application/json", '{"error":"invalid_token","error_description":'),
        ("status", "application/json", '{"status":401,"error":'),
        ("text", "text/plain", "Unauthorized"),
        ("html", "text/html", "<html>"),
        ("empty", "text/plain", ""),
    ],
)
def test_the_body_of_an_error_comes_in_every_shape(
    zendesk: Emulator, ask: Callable, style: str, content_type: str, starts: str
) -> None:
    zendesk.inject(Fault("401", body_style=style))
    response = ask(zendesk, LIST)
    assert response.status_code == 401
    assert response.headers["content-type"].startswith(content_type)
    assert response.text.startswith(starts)
    assert bool(response.text) == bool(starts)


@pytest.mark.parametrize("status", ["502", "503", "504"])
def test_a_gateway_error_is_html(zendesk: Emulator, ask: Callable, status: str) -> None:
    zendesk.inject(Fault(status))
    response = ask(zendesk, LIST)
    assert response.headers["content-type"].startswith("text/html")
    with pytest.raises(requests.JSONDecodeError):
        response.json()


@pytest.mark.parametrize("status", ["429", "503"])
def test_retry_after_is_sent_only_on_request(zendesk: Emulator, ask: Callable, status: str) -> None:
    zendesk.inject(Fault(status))
    zendesk.inject(Fault(status, retry_after=7))
    zendesk.inject(Fault(status, retry_after="Wed, 04 Mar 2026 05:06:07 GMT"))
    responses = [ask(zendesk, LIST).headers.get("Retry-After") for _ in range(3)]
    assert responses == [None, "7", "Wed, 04 Mar 2026 05:06:07 GMT"]


def test_a_reset_connection_is_an_error_of_the_connection(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("reset"))
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        ask(zendesk, LIST)
    assert [seen.status for seen in zendesk.requests] == [0]
    assert ask(zendesk, LIST).status_code == 200


def test_a_stalled_connection_never_responds(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("stall"))
    with pytest.raises(requests.ReadTimeout):
        ask(zendesk, LIST, timeout=(10, 0.2))
    assert ask(zendesk, LIST).status_code == 200


def test_a_slow_response_arrives_after_its_seconds(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("slow", seconds=0.3))
    response = ask(zendesk, LIST)
    assert response.status_code == 200
    assert response.elapsed.total_seconds() >= 0.3


def test_a_truncated_body_is_shorter_than_its_content_length(zendesk: Emulator) -> None:
    zendesk.inject(Fault("truncated"))
    headers = {"Authorization": f"Bearer {zendesk.options.access_token}"}
    with requests.get(zendesk.url + LIST, headers=headers, stream=True, timeout=PATIENCE_S) as response:
        promised = int(response.headers["content-length"])
        received: list[bytes] = []
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            received.extend(response.iter_content(64))
    body = b"".join(received)
    assert 0 < len(body) < promised
    assert body.startswith(b'{"audit_logs":[{')


def test_cut_json_has_a_matching_content_length_and_no_end(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("cut_json"))
    response = ask(zendesk, LIST)
    assert len(response.content) == int(response.headers["content-length"])
    with pytest.raises(json.JSONDecodeError):
        json.loads(response.content)


def test_a_success_may_be_a_page_of_html(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("content_type"))
    response = ask(zendesk, LIST)
    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_page_served_twice_repeats_its_records_and_its_cursor(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("page_twice", after_requests=1))
    responses = [ask(zendesk, LIST)]
    for _ in range(3):
        responses.append(ask(zendesk, responses[-1].json()["links"]["next"].removeprefix(zendesk.url)))
    assert [ids(response) for response in responses] == [[1, 2, 3], [4, 5, 6], [4, 5, 6], [7, 8, 9]]
    assert responses[1].json()["meta"] == responses[2].json()["meta"]


def test_rows_may_come_twice_on_one_page(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("rows_twice"))
    assert ids(ask(zendesk, LIST)) == [1, 2, 3, 1, 2, 3]
    zendesk.inject(Fault("rows_twice"))
    assert ids(ask(zendesk, LIST + "&filter[action]=none")) == []


def test_a_cursor_is_rejected_half_way(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("cursor_rejected"))
    first = ask(zendesk, LIST)
    assert first.status_code == 200, "a request without a cursor passes"
    second = first.json()["links"]["next"].removeprefix(zendesk.url)
    refused = ask(zendesk, second)
    assert refused.status_code == 400
    assert refused.json() == {"error": "InvalidPaginationParameter", "description": "page[after] is not valid"}
    assert ids(ask(zendesk, second)) == [4, 5, 6]


def test_a_token_expires_half_way_and_stays_expired(start: Callable, ask: Callable) -> None:
    zendesk = start(events=[{}])
    zendesk.inject(Fault("token_expired", after_requests=1))
    responses = [ask(zendesk, LIST) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 401, 401]
    assert {response.json()["error"] for response in responses[1:]} == {"invalid_token"}


def test_the_date_jumps_for_one_response(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock)
    zendesk.inject(Fault("date_jump", seconds=86_400))
    dates = [parsedate_to_datetime(ask(zendesk, LIST).headers["date"]).timestamp() for _ in range(2)]
    assert dates == [clock() + 86_400, clock()]


def test_a_fault_spares_the_first_requests_and_hits_times_requests(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("500", after_requests=2, times=2))
    assert [ask(zendesk, LIST).status_code for _ in range(5)] == [200, 200, 500, 500, 200]


def test_a_fault_without_a_number_of_times_lasts_until_cleared(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("500", times=None))
    assert [ask(zendesk, LIST).status_code for _ in range(3)] == [500, 500, 500]
    zendesk.clear_faults()
    assert ask(zendesk, LIST).status_code == 200


def test_chance_is_the_same_for_the_same_seed(start: Callable, ask: Callable) -> None:
    runs = []
    for seed in (5, 5, 6):
        zendesk = start(fault_seed=seed)
        zendesk.inject(Fault("500", times=None, probability=0.5))
        runs.append([ask(zendesk, LIST).status_code for _ in range(20)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {200, 500}


def test_a_fault_belongs_to_one_endpoint(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("500", endpoint="oauth"))
    assert ask(zendesk, LIST).status_code == 200
    assert ask(zendesk, "/api/v2/users/me").status_code == 200
    assert requests.post(zendesk.url + "/oauth/tokens", json={}, timeout=PATIENCE_S).status_code == 500
    zendesk.inject(Fault("500", endpoint="users"))
    assert ask(zendesk, "/api/v2/users/me").status_code == 500


def test_faulty_responses_carry_the_date_and_the_limit(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("503"))
    assert {"date", "x-rate-limit", "ratelimit-reset"} <= {name.lower() for name in ask(zendesk, LIST).headers}
