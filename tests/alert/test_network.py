"""Where alerts may go: checked on the address that is connected to; no redirects, no proxies, no secrets in errors."""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.alert import (
    Network,
    NotDelivered,
    PrivateTarget,
    Undeliverable,
    network,
)
from zendesk_audit_assets.alert.network import is_public

ANYWHERE = Network(allow_private=True)
PRIVATE_ADDRESSES = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fc00::1", "fd12::1", "ff02::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE_ADDRESSES)
def test_an_address_that_is_not_of_the_public_internet_is_told_however_it_is_wrapped(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::", "64:ff9b::808:808"]
)
def test_a_public_address_is_told_however_it_is_wrapped(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_when_it_is_wrapped(address: ipaddress.IPv4Address) -> None:
    wrapped = (f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{int(address) >> 16:x}:{int(address) & 0xFFFF:x}::")
    assert {is_public(one) for one in wrapped} == {is_public(str(address))}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0", "[::ffff:127.0.0.1]"]
)
def test_a_private_target_is_refused_before_anything_is_sent(receiver: Any, host: str) -> None:
    with pytest.raises(PrivateTarget, match="ZENDESK_ALERT_ALLOW_PRIVATE") as error:
        Network().post(f"http://{host}:{receiver.port}/hook", b"{}", {})
    assert error.value.permanent
    assert receiver.received == []


def test_a_private_target_is_reached_where_that_is_allowed(receiver: Any) -> None:
    ANYWHERE.post(f"http://localhost:{receiver.port}/hook?a=b", b"{}", {"X-One": "1"})
    (request,) = receiver.received
    assert (request.path, request.body, request.headers["x-one"]) == ("/hook?a=b", b"{}", "1")
    assert request.headers["host"] == f"localhost:{receiver.port}"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What names resolve to, one answer after the other; an address is itself."""
    answers: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        return real(answers[host].pop(0) if host in answers else host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return answers


def test_a_name_that_resolves_to_this_machine_is_refused(names: dict[str, list[str]], receiver: Any) -> None:
    names["hooks.example.com"] = ["127.0.0.1"]
    with pytest.raises(PrivateTarget, match=r"hooks\.example\.com is 127\.0\.0\.1"):
        Network().post(f"http://hooks.example.com:{receiver.port}/hook", b"{}", {})
    assert receiver.received == []


def test_a_name_is_resolved_once_so_that_what_was_checked_is_what_is_connected_to(
    names: dict[str, list[str]], receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    names["hooks.example.com"] = ["8.8.8.8", "127.0.0.1"]
    tried: list[Any] = []

    def unreachable(address: Any, timeout: float) -> socket.socket:
        tried.append(address)
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "create_connection", unreachable)
    with pytest.raises(NotDelivered):
        Network().post(f"http://hooks.example.com:{receiver.port}/hook", b"{}", {})
    assert tried == [("8.8.8.8", receiver.port)]
    assert names["hooks.example.com"] == ["127.0.0.1"]
    assert receiver.received == []


def test_of_several_addresses_the_next_is_tried_when_one_does_not_answer(
    receiver: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo

    def both(host: str, port: int, *args: Any, **kwargs: Any) -> Any:
        found = ["127.0.0.2", "127.0.0.1"] if host == "hooks.example.com" else [host]
        return [answer for one in found for answer in real(one, port, *args, **kwargs)]

    monkeypatch.setattr(socket, "getaddrinfo", both)
    ANYWHERE.post(f"http://hooks.example.com:{receiver.port}/", b"{}", {})
    assert len(receiver.received) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(receiver: Any, status: int) -> None:
    receiver.says(status, Location=f"{receiver.url}/elsewhere")
    with pytest.raises(Undeliverable, match="Redirects are not followed"):
        ANYWHERE.post(f"{receiver.url}/hook", b"{}", {})
    assert [request.path for request in receiver.received] == ["/hook"]


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
def test_what_may_pass_is_told_from_what_will_not_may_pass(receiver: Any, status: int) -> None:
    receiver.says(status, b'{"error": "not now"}')
    with pytest.raises(NotDelivered, match=rf"127\.0\.0\.1 answered {status} \(not now\)") as error:
        ANYWHERE.post(receiver.url, b"{}", {})
    assert not error.value.permanent


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 413])
def test_what_may_pass_is_told_from_what_will_not_will_not(receiver: Any, status: int) -> None:
    receiver.says(status, b"no_service")
    with pytest.raises(Undeliverable, match=rf"answered {status} \(no_service\)") as error:
        ANYWHERE.post(receiver.url, b"{}", {})
    assert error.value.permanent


def test_nobody_there_may_pass(receiver: Any) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(NotDelivered, match="refused"):
            ANYWHERE.post(f"http://127.0.0.1:{free.getsockname()[1]}/", b"{}", {})


def test_a_name_that_does_not_exist_may_pass() -> None:
    with pytest.raises(NotDelivered, match=r"No answer from nowhere\.invalid"):
        ANYWHERE.post("http://nowhere.invalid/", b"{}", {})


def test_what_is_no_http_may_pass() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"SSH-2.0-OpenSSH\r\n")

        threading.Thread(target=answer, daemon=True).start()
        with pytest.raises(NotDelivered):
            ANYWHERE.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})


def test_an_answer_that_trickles_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "MESSAGE_S", 0.3)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def trickle() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(10_000)
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.02):
                    connection.sendall(b"X")

        threading.Thread(target=trickle, daemon=True).start()
        try:
            with pytest.raises(NotDelivered, match=r"more than 0\.3 s"):
                ANYWHERE.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})
        finally:
            over.set()


SECRET_URL = "/services/T0001/B0002/the-secret-part?token=the-query"


@pytest.mark.parametrize("status", [400, 503])
def test_an_error_names_the_host_and_no_secret_even_if_the_receiver_echoes_it(
    receiver: Any, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.says(status, f"no hook {SECRET_URL} for s3cret-key".encode())
    with pytest.raises((NotDelivered, Undeliverable)) as error:
        ANYWHERE.post(f"{receiver.url}{SECRET_URL}", b"{}", {}, ("s3cret-key",))
    for part in ("the-secret-part", "T0001", "B0002", "the-query", "s3cret-key"):
        assert part not in str(error.value)
        assert part not in caplog.text


@pytest.mark.parametrize("echoed", ["the-secret-part", "the-query", "pass-word", SECRET_URL])
def test_no_part_of_an_address_that_may_be_secret_is_repeated(receiver: Any, echoed: str) -> None:
    receiver.says(400, f"no hook {echoed}".encode())
    with pytest.raises(Undeliverable, match=r"no hook \*\*\*") as error:
        ANYWHERE.post(f"http://user:pass-word@127.0.0.1:{receiver.port}{SECRET_URL}", b"{}", {})
    assert echoed not in str(error.value)


def test_nothing_of_the_address_is_logged_or_said_when_nobody_answers(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(NotDelivered) as error:
        ANYWHERE.post(f"http://user:pass-word@127.0.0.1:1{SECRET_URL}", b"{}", {})
    assert error.value.__cause__ is None
    for part in ("the-secret-part", "pass-word"):
        assert part not in str(error.value) + caplog.text


def test_a_user_and_a_password_in_the_address_are_sent_as_such(receiver: Any) -> None:
    ANYWHERE.post(f"http://splunk:p%40ss@127.0.0.1:{receiver.port}/x", b"{}", {})
    assert receiver.received[0].headers["authorization"] == "Basic c3BsdW5rOnBAc3M="


def test_no_proxy_of_the_environment_is_used(receiver: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    ANYWHERE.post(receiver.url, b"{}", {})
    assert len(receiver.received) == 1


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(https_receiver: Any) -> None:
    with pytest.raises(NotDelivered, match="certificate"):
        ANYWHERE.post(f"https://localhost:{https_receiver.port}/", b"{}", {})
    assert https_receiver.received == []


def test_the_certificates_that_requests_is_told_to_trust_are_trusted_for_their_name_only(
    https_receiver: Any, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    ANYWHERE.post(f"https://localhost:{https_receiver.port}/", b"{}", {})
    with pytest.raises(NotDelivered, match="certificate"):
        ANYWHERE.post(f"https://127.0.0.1:{https_receiver.port}/", b"{}", {})
    assert len(https_receiver.received) == 1
