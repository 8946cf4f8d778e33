"""HTTP to receivers of alerts: no redirects, one deadline, no secret in errors or logs."""

from __future__ import annotations

import logging
import re
import socket
import threading
from pathlib import Path
from typing import Any

import pytest

from support.receivers import trickling
from zendesk_audit_assets.alert.channels import exchange
from zendesk_audit_assets.alert.channels.http import post
from zendesk_audit_assets.alert.errors import NotDelivered, Undeliverable


def test_the_request_arrives_as_it_was_composed(receiver: Any) -> None:
    post(f"http://localhost:{receiver.port}/hook?a=b", b"{}", {"X-One": "1"})
    (request,) = receiver.received
    assert (request.path, request.body, request.headers["x-one"]) == ("/hook?a=b", b"{}", "1")
    assert request.headers["host"] == f"localhost:{receiver.port}"
    assert request.headers["user-agent"] == "zendesk-audit-assets"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Any, status: int) -> None:
    receiver.says(status, Location=f"{receiver.url}/elsewhere")
    with pytest.raises(Undeliverable, match="Redirects are not followed"):
        post(f"{receiver.url}/hook", b"{}", {})
    assert [request.path for request in receiver.received] == ["/hook"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_told_from_what_will_not_may_pass(receiver: Any, status: int) -> None:
    receiver.says(status, b'{"error": "not now"}')
    with pytest.raises(NotDelivered, match=rf"127\.0\.0\.1 answered {status} \(not now\)") as error:
        post(receiver.url, b"{}", {})
    assert not error.value.permanent


@pytest.mark.parametrize("status", [101, 102, 199])
def test_a_status_below_200_is_no_delivery(receiver: Any, status: int) -> None:
    receiver.says(status)
    with pytest.raises(NotDelivered):
        post(receiver.url, b"{}", {})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
def test_what_may_pass_is_told_from_what_will_not_will_not(receiver: Any, status: int) -> None:
    receiver.says(status, b"no_service")
    with pytest.raises(Undeliverable, match=rf"answered {status} \(no_service\)") as error:
        post(receiver.url, b"{}", {})
    assert error.value.permanent


def test_nobody_there_may_pass(receiver: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(NotDelivered, match="refused"):
            post(f"http://127.0.0.1:{free.getsockname()[1]}/", b"{}", {})


def test_a_name_that_does_not_exist_may_pass() -> None:
    with pytest.raises(NotDelivered, match=r"No answer from nowhere\.invalid"):
        post("http://nowhere.invalid/", b"{}", {})


def test_what_is_no_http_may_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(NotDelivered):
            post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})


@pytest.mark.parametrize("beginning", [b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 500 Down\r\n\r\n"])
def test_an_answer_that_trickles_is_cut_off(beginning: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "EXCHANGE_S", 0.3)
    with trickling(beginning) as port, pytest.raises(NotDelivered, match=r"more than 0\.3 s"):
        post(f"http://127.0.0.1:{port}/", b"{}", {})


def test_a_name_that_resolves_slowly_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "EXCHANGE_S", 0.1)
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait())
    try:
        with pytest.raises(NotDelivered, match=r"more than 0\.1 s"):
            post("http://hooks.example.com/", b"{}", {})
    finally:
        over.set()


SECRET_URL = "/services/T0001/B0002/the-secret-part?token=the-query"


@pytest.mark.parametrize("status", [400, 503])
def test_an_error_names_the_host_and_no_echoed_secret(
    receiver: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.says(status, f"no hook {SECRET_URL} for s3cret-key".encode())
    with pytest.raises((NotDelivered, Undeliverable)) as error:
        post(f"{receiver.url}{SECRET_URL}", b"{}", {}, ("s3cret-key",))
    for part in ("the-secret-part", "T0001", "B0002", "the-query", "s3cret-key"):
        assert part not in str(error.value)
        assert part not in caplog.text


@pytest.mark.parametrize("echoed", ["the-secret-part", "the-query", "pass-word", SECRET_URL])
def test_no_part_of_an_address_that_may_be_secret_is_repeated(receiver: Any, echoed: str) -> None:
    receiver.says(400, f"no hook {echoed}".encode())
    with pytest.raises(Undeliverable, match=r"no hook \*\*\*") as error:
        post(f"http://user:pass-word@127.0.0.1:{receiver.port}{SECRET_URL}", b"{}", {})
    assert echoed not in str(error.value)


def test_nothing_of_the_address_is_logged_or_said_when_nobody_answers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(NotDelivered) as error:
        post(f"http://user:pass-word@127.0.0.1:1{SECRET_URL}", b"{}", {})
    assert error.value.__cause__ is None
    for part in ("the-secret-part", "pass-word"):
        assert part not in str(error.value) + caplog.text


def test_a_user_and_a_password_in_the_address_are_sent_as_such(receiver: Any) -> None:
    post(f"http://splunk:p%40ss@127.0.0.1:{receiver.port}/x", b"{}", {})
    assert receiver.received[0].headers["authorization"] == "Basic c3BsdW5rOnBAc3M="


def test_a_proxy_of_the_environment_is_used(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", receiver.url)
    monkeypatch.setenv("no_proxy", "")
    post("http://hooks.example.com/hook", b"{}", {})
    assert [request.path for request in receiver.received] == ["http://hooks.example.com/hook"]


@pytest.mark.parametrize("between", ["/", "?", "#", "\\"])
@pytest.mark.parametrize(
    "address", ["http://{}@127.0.0.1:9", "https://{}@[::1", "socks5://{}@127.0.0.1:9", "{}@[::1]:9"]
)
def test_a_proxy_that_cannot_be_read_is_never_quoted(
    monkeypatch: pytest.MonkeyPatch, address: str, between: str
) -> None:
    monkeypatch.setenv("https_proxy", address.format(f"user:Se{between}cr3t"))
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(NotDelivered) as failed:
        post("https://127.0.0.1:9/hook", b"{}", {})
    assert not re.search("Se|cr3t", str(failed.value))


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(https_receiver: Any) -> None:
    with pytest.raises(NotDelivered, match="certificate"):
        post(f"https://localhost:{https_receiver.port}/", b"{}", {})
    assert https_receiver.received == []


def test_requests_ca_bundle_is_trusted_for_its_name_only(
    https_receiver: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    post(f"https://localhost:{https_receiver.port}/", b"{}", {})
    with pytest.raises(NotDelivered, match="certificate"):
        post(f"https://127.0.0.1:{https_receiver.port}/", b"{}", {})
    assert len(https_receiver.received) == 1


@pytest.mark.parametrize(
    "echoed", ["dXNlcjpwYXNzLXdvcmQ=", "abcd/efgh+1", "a key with spaces", "a%20key%20with%20spaces"]
)
def test_no_spelling_of_a_secret_is_repeated(receiver: Any, echoed: str) -> None:
    receiver.says(400, f"bad: {echoed}".encode())
    address = f"127.0.0.1:{receiver.port}/hook/abcd%2Fefgh+1?key=a%20key%20with%20spaces"
    with pytest.raises(Undeliverable, match="bad: ") as error:
        post(f"http://user:pass-word@{address}", b"{}", {})
    assert echoed not in str(error.value)
