"""Cursors in Zendesk's encoding. A cursor holds the sort order and the key of the boundary row; the server keeps none.

The encoding is base64 of `{"o": order, "v": base64 of the key}`. The key is the epoch second, then the id, each as a
tag (`d`, `i`) and a little-endian int64.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

import orjson

_VALUES = struct.Struct("<cqcq")


def encode_cursor(order: str, second: int, record_id: int) -> str:
    """The cursor of the row with this key, for a list sorted by `order`."""
    values = base64.b64encode(_VALUES.pack(b"d", second, b"i", record_id)).decode()
    return base64.b64encode(orjson.dumps({"o": order, "v": values})).decode()


def decode_cursor(text: str, order: str) -> tuple[int, int]:
    """The (second, id) of a cursor. Raises ValueError if it is damaged or was made for another order."""
    try:
        content: Any = orjson.loads(base64.b64decode(text, validate=True))
        cursor_order = content["o"]
        date_tag, second, id_tag, record_id = _VALUES.unpack(base64.b64decode(content["v"], validate=True))
    except (ValueError, KeyError, TypeError, struct.error) as damage:
        raise ValueError("the cursor is damaged") from damage
    if (date_tag, id_tag) != (b"d", b"i"):
        raise ValueError("the cursor is damaged")
    if cursor_order != order:
        raise ValueError("the cursor belongs to another order")
    return second, record_id
