"""Every fault does what it says, as often as it says, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime

import pytest
import requests

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


def ids(answer: requests.Response) -> list[int]:
    return [record["id"] for record in answer.json()["audit_logs"]]


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "409", "429", "500", "502", "503", "504"])
def test_a_status_is_answered_once_and_then_things_work_again(zendesk: Emulator, ask: Callable, status: str) -> None:
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
    answer = ask(zendesk, LIST)
    assert answer.status_code == 401
    assert answer.headers["content-type"].startswith(content_type)
    assert answer.text.startswith(starts)
    assert bool(answer.text) == bool(starts)


@pytest.mark.parametrize("status", ["502", "503", "504"])
def test_a_gateway_answers_in_html(zendesk: Emulator, ask: Callable, status: str) -> None:
    zendesk.inject(Fault(status))
    answer = ask(zendesk, LIST)
    assert answer.headers["content-type"].startswith("text/html")
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


@pytest.mark.parametrize("status", ["429", "503"])
def test_retry_after_is_there_only_when_it_is_asked_for(zendesk: Emulator, ask: Callable, status: str) -> None:
    zendesk.inject(Fault(status))
    zendesk.inject(Fault(status, retry_after=7))
    zendesk.inject(Fault(status, retry_after="Wed, 04 Mar 2026 05:06:07 GMT"))
    answers = [ask(zendesk, LIST).headers.get("Retry-After") for _ in range(3)]
    assert answers == [None, "7", "Wed, 04 Mar 2026 05:06:07 GMT"]


def test_a_reset_connection_is_an_error_of_the_connection(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("reset"))
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        ask(zendesk, LIST)
    assert [seen.status for seen in zendesk.requests] == [0]
    assert ask(zendesk, LIST).status_code == 200


def test_a_stalled_connection_never_answers(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("stall"))
    with pytest.raises(requests.ReadTimeout):
        ask(zendesk, LIST, timeout=0.2)
    assert ask(zendesk, LIST).status_code == 200


def test_a_slow_answer_arrives_after_its_seconds(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("slow", seconds=0.3))
    answer = ask(zendesk, LIST)
    assert answer.status_code == 200
    assert answer.elapsed.total_seconds() >= 0.3


def test_a_truncated_body_is_shorter_than_its_content_length(zendesk: Emulator) -> None:
    zendesk.inject(Fault("truncated"))
    headers = {"Authorization": f"Bearer {zendesk.options.access_token}"}
    with requests.get(zendesk.url + LIST, headers=headers, stream=True, timeout=10) as answer:
        promised = int(answer.headers["content-length"])
        received: list[bytes] = []
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            received.extend(answer.iter_content(64))
    body = b"".join(received)
    assert 0 < len(body) < promised
    assert body.startswith(b'{"audit_logs":[{')


def test_cut_json_has_a_matching_content_length_and_no_end(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("cut_json"))
    answer = ask(zendesk, LIST)
    assert len(answer.content) == int(answer.headers["content-length"])
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.content)


def test_a_success_may_be_a_page_of_html(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("content_type"))
    answer = ask(zendesk, LIST)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_a_page_served_twice_repeats_its_records_and_its_cursor(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("page_twice", after_requests=1))
    answers = [ask(zendesk, LIST)]
    for _ in range(3):
        answers.append(ask(zendesk, answers[-1].json()["links"]["next"].removeprefix(zendesk.url)))
    assert [ids(answer) for answer in answers] == [[1, 2, 3], [4, 5, 6], [4, 5, 6], [7, 8, 9]]
    assert answers[1].json()["meta"] == answers[2].json()["meta"]


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
    answers = [ask(zendesk, LIST) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 401, 401]
    assert {answer.json()["error"] for answer in answers[1:]} == {"invalid_token"}


def test_the_date_jumps_for_one_answer(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock)
    zendesk.inject(Fault("date_jump", seconds=86_400))
    dates = [parsedate_to_datetime(ask(zendesk, LIST).headers["date"]).timestamp() for _ in range(2)]
    assert dates == [clock() + 86_400, clock()]


def test_a_fault_lets_the_first_requests_pass_and_strikes_as_often_as_told(zendesk: Emulator, ask: Callable) -> None:
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
    assert requests.post(zendesk.url + "/oauth/tokens", json={}, timeout=10).status_code == 500
    zendesk.inject(Fault("500", endpoint="users"))
    assert ask(zendesk, "/api/v2/users/me").status_code == 500


def test_faulty_answers_carry_the_date_and_the_limit_too(zendesk: Emulator, ask: Callable) -> None:
    zendesk.inject(Fault("503"))
    assert {"date", "x-rate-limit", "ratelimit-reset"} <= {name.lower() for name in ask(zendesk, LIST).headers}
