"""An address means one thing to every program that reads it, or is refused."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from urllib3.util import parse_url

from zendesk_audit_assets.address import parse_address

GOOD = [
    "https://example.com",
    "HTTPS://Example.COM:8443/a/b?c=d&e#f",
    "http://127.0.0.1:8080/",
    "http://[::1]:80/x",
    "smtp://user:p%3Ass@mail.example.com:587",
    "smtps://a%40b:c@my_relay",
    "https://user:password@example.com/hook?to=me@example.com",
    "https://x-1.example",
]
BAD = [
    "", "example.com", "//example.com", "https://", "https:///x", "https:example.com", "https://*/", "https://*.com",
    "https://a b/", "https://a\\@b/", "https://a@b@c/", "https://a/b\\c", "https://example.com:", "https://example.com:0",
    "https://example.com:65536", "https://example.com:8o", "https://[::1", "https://::1/", "https://[1.2.3.4]/x:y@",
    "https://1.2.3/", "https://0x7f.1/", "https://2130706433/", "https://999.1.1.1/", "https://1.2.3.4.5/", "https://-a/",
    "https://a-/", "https://a..b/", "https://.a/", "https://a./", "https://a%2eb/", "https://\u00fc.example/", "https://a\u3002b/",
    "https://a/\n", "https://a\t/", " https://a", "https://" + "a" * 64 + ".example", "https://" + "a." * 130 + "b",
    "https://a/" + "b" * 2_000, "https://us[er@a/", "https://a?b c", "https://a%zz@b/", "https://a;b@c\x00/",
]  # fmt: skip


@pytest.mark.parametrize("text", GOOD)
def test_an_address_is_what_other_parsers_read(text: str) -> None:
    ours, standard, requests_own = parse_address(text), urlsplit(text), parse_url(text)
    assert ours is not None
    assert ours.host == standard.hostname == (requests_own.host or "").strip("[]").lower()
    assert ours.scheme == standard.scheme == requests_own.scheme
    assert ours.port == standard.port == requests_own.port


@pytest.mark.parametrize("text", BAD)
def test_what_could_mean_two_things_is_refused(text: str) -> None:
    assert parse_address(text) is None


def test_user_and_password_are_decoded_and_never_shown() -> None:
    address = parse_address("smtp://a%40b:p%2Fw:x@mail.example.com")
    assert address is not None
    assert (address.user, address.password) == ("a@b", "p/w:x")
    assert "p/w" not in repr(address)


@pytest.mark.parametrize(
    ("host", "ours"),
    [("localhost", True), ("127.0.0.1", True), ("127.8.8.8", True), ("[::1]", True), ("localhost.example", False),
     ("10.0.0.1", False), ("[::2]", False)],
)  # fmt: skip
def test_loopback_is_told_by_name_and_number(host: str, ours: bool) -> None:
    address = parse_address(f"http://{host}")
    assert address is not None
    assert address.is_loopback is ours
