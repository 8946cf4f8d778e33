"""Set-ups in which no request can ever succeed: told at the first attempt, with the variable to correct."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from support.clock import Clock
from support.zendesk import Stub
from zendesk_audit_assets.zendesk import AccessToken, ZendeskAccount, ZendeskClient
from zendesk_audit_assets.zendesk.errors import BadAccountSettings, UntrustedCertificate, ZendeskError

DER = bytes.fromhex("3082010a0282010100b5") + bytes(64)


@pytest.fixture
def fails(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ZendeskError]:
    """Ask a server once; the error, which must come without a wait."""
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)

    def ask(url: str = "https://127.0.0.1:1", **environment: str) -> ZendeskError:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        account = ZendeskAccount("acme", AccessToken("token"), url)
        with ZendeskClient(account, wait=clock.wait) as client, pytest.raises(ZendeskError) as error:
            client.newest()
        assert clock.waits == []
        assert error.value.permanent
        return error.value

    return ask


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, b"", b"garbage\n", DER, b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_ca_bundle_that_cannot_be_used_is_named(
    fails: Callable[..., ZendeskError], tmp_path: Path, variable: str, content: bytes | None
) -> None:
    bundle = tmp_path / "bundle"
    if content is not None:
        bundle.write_bytes(content)
    error = fails(**{variable: str(bundle)})
    assert isinstance(error, BadAccountSettings)
    assert variable in error.cause


def test_a_pipe_for_a_ca_bundle_is_not_waited_for(fails: Callable[..., ZendeskError], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    error = fails(REQUESTS_CA_BUNDLE=str(tmp_path / "pipe"))
    assert error.cause == "REQUESTS_CA_BUNDLE names a file that cannot be used (it is not a plain file)."


def test_https_to_a_port_without_tls_is_not_retried(fails: Callable[..., ZendeskError], stub: Stub) -> None:
    error = fails(stub.url.replace("http:", "https:"))
    assert "TLS" in error.cause
    assert "ZENDESK_BASE_URL" in error.remedy


def test_a_socks_proxy_needs_pysocks(fails: Callable[..., ZendeskError], monkeypatch: pytest.MonkeyPatch) -> None:
    def send(*_: object, **__: object) -> None:
        raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    assert "PySocks" in fails(ALL_PROXY="socks5://127.0.0.1:1").cause


@pytest.mark.parametrize(("status", "word"), [(407, "password"), (403, "let this machine through")])
def test_a_proxy_that_refuses_is_not_retried(
    fails: Callable[..., ZendeskError], stub: Stub, monkeypatch: pytest.MonkeyPatch, status: int, word: str
) -> None:
    def send(*_: object, **__: object) -> None:
        refused = OSError(f"Tunnel connection failed: {status} Refused")
        raise requests.exceptions.ProxyError("wrapped") from refused

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    assert word in fails(HTTPS_PROXY="http://user:hunter2@127.0.0.1:1").cause


@pytest.mark.parametrize(
    ("code", "remedy"), [(62, "ZENDESK_BASE_URL"), (64, "ZENDESK_BASE_URL"), (10, "clock"), (20, "REQUESTS_CA_BUNDLE")]
)
def test_a_certificate_is_refused_with_the_remedy_that_helps(
    fails: Callable[..., ZendeskError], monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    def send(*_: object, **__: object) -> None:
        untrusted = ssl.SSLCertVerificationError("certificate verify failed")
        untrusted.verify_message, untrusted.verify_code = "why", code
        raise requests.exceptions.SSLError("wrapped") from untrusted

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    error = fails()
    assert isinstance(error, UntrustedCertificate)
    assert remedy in error.remedy
