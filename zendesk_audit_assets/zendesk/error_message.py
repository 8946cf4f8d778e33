"""The message in the body of a response, in one line that is safe to show and to log."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from zendesk_audit_assets.text import one_line, shorten

MAX_LENGTH = 200

# Longer bodies are pages for browsers, whose message stands at the top.
_READ_BYTES = 20_000


def describe_body(body: bytes, secrets: Iterable[str] = ()) -> str:
    """Return the message in a body of any kind, at most 200 characters; "" if it has none.

    Zendesk's errors come in at least five JSON shapes, as plain text or HTML, or cut short. `***` replaces secrets, in
    case a server echoes its request; control characters never reach a terminal.
    """
    text = body[:_READ_BYTES].decode("utf-8", errors="replace")
    with suppress(ValueError, RecursionError):  # text, HTML or half a response: shown as it is
        text = _from_json(json.loads(text))
    text = one_line(_without_tags(text))
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return shorten(text, MAX_LENGTH)


def _from_json(value: Any) -> str:
    """Read `error` and `description` as strings, `error` as an object, `errors` as a list, or any other value."""
    if isinstance(value, list):
        return "; ".join(filter(None, map(_from_json, value[:3])))
    if not isinstance(value, dict):
        return "" if value is None else str(value)
    for nested in ("error", "errors"):
        if isinstance(value.get(nested), (dict, list)):
            return _from_json(value[nested])
    names = ("error", "code", "title", "description", "error_description", "message", "detail")
    return ": ".join(str(value[name]) for name in names if value.get(name))


def _without_tags(text: str) -> str:
    text = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|$)", " ", text)
    return html.unescape(re.sub(r"(?s)<!--.*?(-->|$)|<[^>]*(>|$)", " ", text))
