from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.zendesk.error_message import MAX_LENGTH, describe_body


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            b'{"error":"InvalidPaginationParameter","description":"sort is not valid"}',
            "InvalidPaginationParameter: sort is not valid",
        ),
        (b'{"error":{"title":"Forbidden","message":"You do not have access"}}', "Forbidden: You do not have access"),
        (b'{"error":"invalid_token","error_description":"is expired"}', "invalid_token: is expired"),
        (b'{"errors":[{"code":"TooManyRequests","title":"Slow down"}]}', "TooManyRequests: Slow down"),
        (b'{"status":500,"error":"Internal Server Error"}', "Internal Server Error"),
        (b'{"error":"Couldn\'t authenticate you"}', "Couldn't authenticate you"),
        (b"Rate limit exceeded.\n", "Rate limit exceeded."),
        (b"<html><style>b{}</style><title>502</title><p>Bad &amp; <b>worse</b></p></html>", "502 Bad & worse"),
        (b"<html><script>alert(1)", ""),
        (b"<!-- a > b --><p", ""),
        (b'{"error":"APIRateLimi', '{"error":"APIRateLimi'),
        (b"", ""),
        (b"null", ""),
        (b"{}", ""),
        (b'{"error":null}', ""),
        (b'{"errors":[]}', ""),
        (b'{"error":"<b>x</b>\\u001b[31m\\ny"}', "x [31m y"),
        (b"\xff\xfe\x00", "\ufffd\ufffd"),
        (b'"just text"', "just text"),
        (b"[" * 5000, "[" * 199 + "…"),
    ],
)
def test_a_body_of_any_kind_gives_one_line(body, said):
    assert describe_body(body) == said


@given(st.binary(max_size=2000))
def test_the_message_is_short_and_printable_whatever_the_body(body):
    said = describe_body(body)
    assert len(said) <= MAX_LENGTH
    assert said == "" or said.isprintable()


@given(
    st.text("abc/+=%", min_size=8, max_size=40),
    st.text("xyz <>&", max_size=300),
    st.text("xyz <>&", max_size=300),
)
def test_a_secret_is_never_repeated_even_across_the_cut(secret, before, after):
    assert secret not in describe_body(f"{before} {secret} {after}".encode(), [secret])


def test_the_longer_of_two_secrets_goes_first():
    assert describe_body(b"token-extended", ["token", "token-extended"]) == "***"
