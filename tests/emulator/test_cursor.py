"""A cursor is a stateless key in the encoding of captured responses."""

from __future__ import annotations

import base64
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zendesk_audit_assets.emulator.cursor import decode_cursor, encode_cursor

ORDERS = st.sampled_from(["created_at,id", "-created_at,-id"])


@given(ORDERS, st.integers(0, 2**40), st.integers(1, 2**53))
def test_a_cursor_gives_back_its_second_and_id(order: str, second: int, record_id: int) -> None:
    assert decode_cursor(encode_cursor(order, second, record_id), order) == (second, record_id)


def test_a_cursor_is_base64_json_with_tagged_little_endian_values() -> None:
    content = json.loads(base64.b64decode(encode_cursor("-created_at,-id", 1693922632, 18317423039889)))
    assert content["o"] == "-created_at,-id"
    values = base64.b64decode(content["v"])
    assert values == b"d" + struct.pack("<q", 1693922632) + b"i" + struct.pack("<q", 18317423039889)


@given(ORDERS, st.text(max_size=40))
def test_text_that_is_no_cursor_is_rejected(order: str, text: str) -> None:
    with pytest.raises(ValueError, match="damaged"):
        decode_cursor(text, order)


def test_a_cursor_of_the_other_order_is_rejected() -> None:
    with pytest.raises(ValueError, match="another order"):
        decode_cursor(encode_cursor("created_at,id", 1, 2), "-created_at,-id")


def test_a_cursor_with_other_tags_is_rejected() -> None:
    values = base64.b64encode(b"i" + bytes(8) + b"i" + bytes(8)).decode()
    text = base64.b64encode(json.dumps({"o": "created_at,id", "v": values}).encode()).decode()
    with pytest.raises(ValueError, match="damaged"):
        decode_cursor(text, "created_at,id")
