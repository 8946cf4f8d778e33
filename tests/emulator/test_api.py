"""Endpoints: list, show, export, the `.json` suffix, and unknown paths."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import requests

from support.patience import PATIENCE_S
from zendesk_audit_assets.emulator import Emulator, EmulatorOptions

FIELDS = [
    "url", "id", "action_label", "actor_id", "source_id", "source_type", "source_label", "action",
    "change_description", "ip_address", "created_at", "actor_name",
]  # fmt: skip


@pytest.fixture(scope="module")
def zendesk() -> Iterator[Emulator]:
    with Emulator(EmulatorOptions(events=[{"id": 71}, {"id": 72}])) as emulator:
        yield emulator


def test_the_list_works_with_and_without_the_json_suffix(zendesk: Emulator, ask: Callable) -> None:
    for path in ("/api/v2/audit_logs", "/api/v2/audit_logs.json"):
        response = ask(zendesk, path + "?page[size]=100")
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("application/json")
        assert [record["id"] for record in response.json()["audit_logs"]] == [72, 71]


def test_a_record_has_the_documented_fields_in_order(zendesk: Emulator, ask: Callable) -> None:
    record = ask(zendesk, "/api/v2/audit_logs?page[size]=1").json()["audit_logs"][0]
    assert list(record) == FIELDS
    assert record["url"] == "https://demo.zendesk.com/api/v2/audit_logs/72.json"


def test_one_record_is_shown_by_its_id(zendesk: Emulator, ask: Callable) -> None:
    for suffix in ("", ".json"):
        assert ask(zendesk, f"/api/v2/audit_logs/71{suffix}").json()["audit_log"]["id"] == 71


def test_an_unknown_record_is_not_found(zendesk: Emulator, ask: Callable) -> None:
    response = ask(zendesk, "/api/v2/audit_logs/99")
    assert (response.status_code, response.json()) == (404, {"error": "RecordNotFound", "description": "Not found"})


@pytest.mark.parametrize("path", ["/api/v2/audit_log", "/api/v2/audit_logs/latest", "/", "/control/requests"])
def test_an_unknown_endpoint_is_not_found(zendesk: Emulator, ask: Callable, path: str) -> None:
    response = ask(zendesk, path)
    assert (response.status_code, response.json()) == (404, {"error": "InvalidEndpoint", "description": "Not found"})


def test_a_host_name_of_another_account_is_not_found(zendesk: Emulator) -> None:
    responses = {
        host: requests.get(zendesk.url + "/api/v2/users/me", headers={"Host": host}, timeout=PATIENCE_S).status_code
        for host in ("demo.zendesk.com", "acme.zendesk.com", "acme.localhost:80", "localhost")
    }
    assert responses == {"demo.zendesk.com": 200, "acme.zendesk.com": 404, "acme.localhost:80": 404, "localhost": 200}


def test_an_export_is_accepted_once_a_minute(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock)
    accepted = ask(zendesk, "/api/v2/audit_logs/export", method="POST")
    assert (accepted.status_code, accepted.content) == (202, b"")
    assert accepted.headers["zendesk-ratelimit-audit-logs-export"] == "total=1; remaining=0; resets=60"

    clock.advance(20)
    refused = ask(zendesk, "/api/v2/audit_logs/export.json?filter[action]=login", method="POST")
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "40"
    assert refused.text == "Rate limit for Audit log CSV Export exceeded. Please wait 1 minute and try again."

    clock.advance(40)
    assert ask(zendesk, "/api/v2/audit_logs/export", method="POST").status_code == 202
