"""Control of an emulator from another process."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from support.patience import PATIENCE_S


def test_events_requests_and_faults_are_controlled_over_http(start: Callable, ask: Callable) -> None:
    zendesk = start(control=True)
    control = zendesk.url + "/control"
    added = requests.post(f"{control}/events", json={"events": [{"id": 9, "action": "login"}]}, timeout=PATIENCE_S)
    assert (added.status_code, added.json()["events"][0]["id"]) == (201, 9)
    assert requests.get(f"{control}/events", timeout=PATIENCE_S).json()["events"] == zendesk.events

    assert (
        requests.post(f"{control}/faults", json={"kind": "500", "times": None}, timeout=PATIENCE_S).status_code == 201
    )
    assert ask(zendesk, "/api/v2/audit_logs").status_code == 500
    assert requests.delete(f"{control}/faults", timeout=PATIENCE_S).status_code == 204
    assert ask(zendesk, "/api/v2/audit_logs").status_code == 200

    seen = requests.get(f"{control}/requests", timeout=PATIENCE_S).json()["requests"]
    assert [(one["path"], one["status"]) for one in seen] == [("/api/v2/audit_logs", 500), ("/api/v2/audit_logs", 200)]
    assert requests.delete(f"{control}/requests", timeout=PATIENCE_S).status_code == 204
    assert zendesk.requests == []


def test_added_events_may_appear_later(start: Callable, clock: Callable, ask: Callable) -> None:
    zendesk = start(control=True, clock=clock)
    requests.post(f"{zendesk.url}/control/events", json={"events": [{}], "visible_in_s": 5}, timeout=PATIENCE_S)
    assert ask(zendesk, "/api/v2/audit_logs").json()["count"] == 0
    clock.advance(5)
    assert ask(zendesk, "/api/v2/audit_logs").json()["count"] == 1


@pytest.mark.parametrize(
    ("path", "body"), [("events", "[]"), ("events", "{"), ("faults", '{"kind":"nonsense"}'), ("faults", '{"colour":1}')]
)
def test_an_invalid_body_is_a_bad_request(start: Callable, path: str, body: str) -> None:
    assert requests.post(f"{start(control=True).url}/control/{path}", data=body, timeout=PATIENCE_S).status_code == 400


def test_an_unknown_command_is_not_found(start: Callable) -> None:
    assert requests.get(start(control=True).url + "/control/anything", timeout=PATIENCE_S).status_code == 404


def test_control_is_off_by_default(start: Callable) -> None:
    zendesk = start()
    assert requests.post(zendesk.url + "/control/events", json={"events": [{}]}, timeout=PATIENCE_S).status_code == 404
    assert zendesk.events == []
