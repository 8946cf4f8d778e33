"""The running emulator: its events, its clock, its recorded requests, and serving in the foreground."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import pytest
import requests

from support.patience import PATIENCE_S
from zendesk_audit_assets.emulator import (
    OMIT,
    Emulator,
    EmulatorOptions,
    Fault,
)
from zendesk_audit_assets.errors import AuditError

pytestmark = pytest.mark.dates

LIST = "/api/v2/audit_logs?page[size]=100&sort=created_at"


def seen_ids(zendesk: Emulator, ask: Callable) -> list[int]:
    return [record["id"] for record in ask(zendesk, LIST).json()["audit_logs"]]


def test_added_events_are_completed_returned_and_listed(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock)
    added = zendesk.add([{"action": "login"}, {"id": 5, "created_at": datetime(2020, 1, 1, tzinfo=timezone.utc)}])
    assert added[0]["created_at"] == "2026-03-04T05:06:07Z"
    assert (added[0]["action"], added[0]["action_label"]) == ("login", "Signed in")
    assert 2**40 < added[0]["id"] < 2**53
    assert added[1]["url"].endswith("/audit_logs/5.json")
    assert added[1]["created_at"] == "2020-01-01T00:00:00Z"
    assert zendesk.event_count == 2
    assert ask(zendesk, LIST).json()["audit_logs"] == [added[1], added[0]] == zendesk.events


def test_records_may_lack_fields_have_new_ones_or_be_unusable(start: Callable, ask: Callable) -> None:
    zendesk = start()
    zendesk.add([{"actor_name": OMIT, "actor_type": "bot"}, {"id": "abc", "created_at": None}])
    odd, unusable = sorted(ask(zendesk, LIST).json()["audit_logs"], key=lambda record: str(record["id"]))
    assert "actor_name" not in odd
    assert odd["actor_type"] == "bot"
    assert (unusable["id"], unusable["created_at"]) == ("abc", None)


def test_a_record_may_change_or_vanish_afterwards(start: Callable, ask: Callable) -> None:
    zendesk = start(events=[{"id": 1}, {"id": 2}])
    zendesk.amend(1, source_label="Renamed")
    zendesk.remove(2)
    assert [(record["id"], record["source_label"]) for record in ask(zendesk, LIST).json()["audit_logs"]] == [
        (1, "Renamed")
    ]
    with pytest.raises(KeyError):
        zendesk.remove(2)


def test_a_late_event_exists_at_once_and_is_visible_later(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock)
    zendesk.add([{"id": 1, "created_at": "2026-03-04T05:00:00Z"}], visible_in_s=30)
    zendesk.add([{"id": 2, "created_at": "2026-03-04T05:00:01Z"}])
    assert [record["id"] for record in zendesk.events] == [1, 2]
    assert zendesk.event_count == 2
    assert seen_ids(zendesk, ask) == [2]
    clock.advance(29)
    assert seen_ids(zendesk, ask) == [2]
    clock.advance(1)
    assert seen_ids(zendesk, ask) == [1, 2]


def test_the_date_follows_the_emulators_clock(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock, clock_offset_s=-3600)
    responses = [ask(zendesk, LIST), ask(zendesk, "/nowhere")]
    assert {parsedate_to_datetime(response.headers["date"]).timestamp() for response in responses} == {clock() - 3600}
    assert responses[0].headers["date"].count("GMT") == 1, "there is one Date header only"
    assert zendesk.now() == clock() - 3600


def test_requests_are_recorded_until_reset(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock)
    ask(zendesk, "/api/v2/audit_logs.json?page%5Bsize%5D=2&filter[action][]=a&filter[action][]=b")
    ask(zendesk, "/oauth/tokens", method="POST", json={})
    first, second = zendesk.requests
    assert (first.method, first.path, first.status) == ("GET", "/api/v2/audit_logs.json", 200)
    assert first.query == {"page[size]": ["2"], "filter[action][]": ["a", "b"]}
    assert first.at == clock()
    assert first.headers["user-agent"].startswith("python-requests")
    assert (second.method, second.path, second.status) == ("POST", "/oauth/tokens", 400)
    zendesk.reset_requests()
    assert zendesk.requests == []


def test_live_events_arrive_at_their_rate(start: Callable, ask: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock, live_events_per_minute=60)
    began = clock()
    clock.advance(1200)
    first = seen_ids(zendesk, ask)
    assert len(first) == 100
    assert 900 < len(zendesk.events) < 1500
    assert all("2026-03-04T05:06:07Z" <= record["created_at"] <= "2026-03-04T05:26:07Z" for record in zendesk.events)
    assert began + 1200 == clock()
    clock.advance(60)
    assert seen_ids(zendesk, ask) == first, "what is old enough does not move"


def test_some_live_events_appear_late(start: Callable, clock: Callable) -> None:
    zendesk = start(clock=clock, live_events_per_minute=120, late_share=0.5, late_max_s=600)
    clock.advance(300)
    headers = {"Authorization": f"Bearer {zendesk.options.access_token}"}
    visible = requests.get(zendesk.url + "/api/v2/audit_logs", headers=headers, timeout=PATIENCE_S).json()["count"]
    truth = len(zendesk.events)
    assert 0 < visible < truth
    clock.advance(0.4)
    clock.advance(600)
    records = [record for record in zendesk.events if record["created_at"] <= "2026-03-04T05:11:07Z"]
    window = "filter[created_at][]=2000-01-01T00:00:00Z&filter[created_at][]=2026-03-04T05:11:07Z"
    later = requests.get(f"{zendesk.url}/api/v2/audit_logs?{window}", headers=headers, timeout=PATIENCE_S).json()[
        "count"
    ]
    assert later == len(records) >= truth


def test_latency_is_added_to_every_response(start: Callable, ask: Callable) -> None:
    assert ask(start(latency_ms=120), LIST).elapsed.total_seconds() >= 0.12


def test_the_date_is_the_time_of_sending(start: Callable, ask: Callable) -> None:
    zendesk = start(latency_ms=1100)
    date = parsedate_to_datetime(ask(zendesk, LIST).headers["date"]).timestamp()
    assert date >= int(zendesk.requests[0].at) + 1


def test_an_emulator_stops_while_connections_are_kept_alive() -> None:
    with Emulator() as zendesk, requests.Session() as session:
        session.get(zendesk.url + "/api/v2/users/me", timeout=PATIENCE_S)
    with pytest.raises(requests.ConnectionError):
        requests.get(zendesk.url + "/api/v2/users/me", timeout=PATIENCE_S)


def test_two_emulators_run_side_by_side(start: Callable, ask: Callable) -> None:
    one, two = start(events=[{"id": 1}]), start(events=[{"id": 2}])
    assert (seen_ids(one, ask), seen_ids(two, ask)) == ([1], [2])


def test_a_taken_port_is_an_error_with_a_remedy(start: Callable) -> None:
    port = int(start().url.rpartition(":")[2])
    with pytest.raises(AuditError, match=f"port {port}.*Choose another port"), Emulator(EmulatorOptions(port=port)):
        pass


def test_an_emulator_stops_quietly_while_a_response_is_stalled(capfd: pytest.CaptureFixture[str]) -> None:
    with Emulator() as zendesk, requests.Session() as session:
        zendesk.inject(Fault("stall"))
        with pytest.raises(requests.ReadTimeout):
            session.get(zendesk.url + LIST, timeout=(10, 0.1))
    with Emulator(EmulatorOptions(latency_ms=60_000)) as zendesk, socket.create_connection(_address(zendesk)) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert capfd.readouterr().err == ""


def _address(zendesk: Emulator) -> tuple[str, int]:
    host, _, port = zendesk.url.removeprefix("http://").partition(":")
    return host, int(port)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_serving_in_the_foreground_cleanly(number: signal.Signals) -> None:
    program = (
        "from zendesk_audit_assets.emulator import EmulatorOptions, serve\n"
        "serve(EmulatorOptions(), on_ready=lambda url: print(url, flush=True))\n"
        "print('done')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert requests.get(url + "/api/v2/users/me", timeout=PATIENCE_S).status_code == 200
        process.send_signal(number)
        assert process.stdout.read() == "done\n"
        assert process.wait(timeout=PATIENCE_S) == 0
