"""Cursors as Zendesk builds them: the sort order and the key of the boundary row, no state on the server.

base64 of `{"o": order, "v": base64 of tagged values}`, where a value is `d` or `i` and a little-endian int64:
the epoch second and the id.
"""

from __future__ import annotations

import base64
import struct
from typing import Any

import orjson

_VALUES = struct.Struct("<cqcq")


def encode_cursor(order: str, second: int, record_id: int) -> str:
    values = base64.b64encode(_VALUES.pack(b"d", second, b"i", record_id)).decode()
    return base64.b64encode(orjson.dumps({"o": order, "v": values})).decode()


def decode_cursor(text: str, order: str) -> tuple[int, int]:
    """The (second, id) of a cursor. Raises ValueError if it is damaged or belongs to another order."""
    try:
        content: Any = orjson.loads(base64.b64decode(text, validate=True))
        made_for = content["o"]
        date_tag, second, id_tag, record_id = _VALUES.unpack(base64.b64decode(content["v"], validate=True))
    except (ValueError, KeyError, TypeError, struct.error) as damage:
        raise ValueError("the cursor is damaged") from damage
    if (date_tag, id_tag) != (b"d", b"i"):
        raise ValueError("the cursor is damaged")
    if made_for != order:
        raise ValueError("the cursor belongs to another order")
    return second, record_id
