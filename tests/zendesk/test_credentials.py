from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.errors import AuditError
from zendesk_audit_assets.parsers import BadSettings
from zendesk_audit_assets.zendesk import AccessToken, ApiToken, ClientCredentials, ZendeskAccount
from zendesk_audit_assets.zendesk.errors import BadAccountSettings

TOKEN = AccessToken("s3cret")
ALL = [ApiToken("a@example.com", "s3cret"), TOKEN, ClientCredentials("client", "s3cret")]


@pytest.mark.parametrize("credentials", ALL)
def test_no_repr_shows_a_secret(credentials):
    assert "s3cret" not in repr(credentials) + repr(ZendeskAccount("acme", credentials))


def test_the_authorization_header_is_as_documented():
    encoded = base64.b64encode(b"a@example.com/token:s3cret").decode()
    assert ApiToken("a@example.com", "s3cret").authorization == f"Basic {encoded}"
    assert TOKEN.authorization == "Bearer s3cret"


@pytest.mark.parametrize("value", ["", " s3cret", "s3cret\n", "s3\r\nX-Evil: 1", "s3 cret", "s3crét", "\x00"])
@pytest.mark.parametrize(
    ("make", "setting"),
    [
        (lambda value: ApiToken("a@example.com", value), "ZENDESK_API_TOKEN"),
        (lambda value: ApiToken(value, "token"), "ZENDESK_EMAIL"),
        (AccessToken, "ZENDESK_ACCESS_TOKEN"),
        (lambda value: ClientCredentials(value, "secret"), "ZENDESK_CLIENT_ID"),
        (lambda value: ClientCredentials("client", value), "ZENDESK_CLIENT_SECRET"),
    ],
)
def test_a_value_that_no_header_can_carry_is_refused_unseen(make, setting, value):
    with pytest.raises(BadAccountSettings, match=setting) as error:
        make(value)
    assert "s3" not in str(error.value)


def test_an_email_with_the_token_suffix_is_refused():
    with pytest.raises(BadAccountSettings, match="/token is added"):
        ApiToken("a@example.com/token", "s3cret")


@pytest.mark.parametrize("subdomain", ["acme", "Acme-2", "a", "0", "a" * 63])
def test_a_subdomain_makes_the_address(subdomain):
    assert ZendeskAccount(subdomain, TOKEN).url == f"https://{subdomain.lower()}.zendesk.com"


@pytest.mark.parametrize(
    "given",
    ["acme.zendesk.com", "https://acme.zendesk.com", "https://acme.zendesk.com/agent/x", "HTTP://acme.zendesk.com "],
)
def test_a_whole_address_instead_of_a_subdomain_names_the_part(given):
    with pytest.raises(BadAccountSettings, match=r"ZENDESK_SUBDOMAIN.*Give only 'acme'\."):
        ZendeskAccount(given, TOKEN)


@pytest.mark.parametrize(
    "subdomain", ["", "-a", "a-", "a" * 64, "a_b", "a.b", "a/b", "a@b", "acmé", "a\n", "a b", "a:1"]
)
def test_what_is_no_subdomain_is_refused(subdomain):
    with pytest.raises(BadAccountSettings, match="ZENDESK_SUBDOMAIN") as error:
        ZendeskAccount(subdomain, TOKEN)
    assert isinstance(error.value, AuditError)
    assert error.value.permanent


@given(st.text(max_size=80))
def test_whatever_the_subdomain_the_host_is_one_of_zendesk(subdomain):
    try:
        url = ZendeskAccount(subdomain, TOKEN).url
    except BadAccountSettings:
        return
    assert url == f"https://{subdomain.lower()}.zendesk.com"
    assert set(subdomain) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")


@pytest.mark.parametrize(
    "base_url",
    [
        "https://gateway.example",
        "https://gateway.example:8443",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://localhost:1",
        "http://[::1]:8080",
        "HTTP://LOCALHOST",
    ],
)
def test_an_encrypted_or_local_base_url_replaces_the_address(base_url):
    assert ZendeskAccount("acme", TOKEN, base_url).url == base_url.lower()
    assert ZendeskAccount("acme", TOKEN, base_url + "/").url == base_url.lower()


@pytest.mark.parametrize(
    "base_url",
    [
        "http://acme.zendesk.com",
        "http://10.0.0.1",
        "http://2130706433",
        "http://127.1.evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1@evil.example",
        "https://user:hunter2@gateway.example",
        "http://127.0.0.1\\@evil.example",
        "https://gateway.example/path",
        "https://gateway.example?x",
        "https://gateway.example/#x",
        "https://gateway.example:hunter2",
        "https://[::1",
        "https://",
        "//gateway.example",
        "ftp://127.0.0.1",
        "gateway.example",
        "https://gateway.example\n",
        " https://gateway.example",
        "javascript:alert(1)",
    ],
)
def test_a_base_url_that_leaks_credentials_or_is_none_is_refused(base_url):
    with pytest.raises(BadSettings, match="ZENDESK_BASE_URL") as error:
        ZendeskAccount("acme", TOKEN, base_url)
    assert "hunter2" not in str(error.value)
    assert error.value.__cause__ is None
