"""What an answer's body says, in one line that is safe to show and to log."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from zendesk_audit_assets.text import one_line, shorten

MAX_LENGTH = 200

# Longer bodies are pages for browsers; what they have to say stands at the top.
_READ_BYTES = 20_000


def describe_body(body: bytes, secrets: Iterable[str] = ()) -> str:
    """The message in a body of any kind, at most 200 characters; "" if it has none.

    Zendesk's errors come as at least five JSON shapes, plain text, HTML, or cut short. Secrets are replaced by
    `***`, should a server echo what it was sent; control characters never reach a terminal.
    """
    text = body[:_READ_BYTES].decode("utf-8", errors="replace")
    with suppress(ValueError, RecursionError):  # text, HTML or half an answer: shown as it is
        text = _from_json(json.loads(text))
    text = one_line(_without_tags(text))
    for secret in sorted(filter(None, secrets), key=len, reverse=True):
        text = text.replace(secret, "***")
    return shorten(text, MAX_LENGTH)


def _from_json(value: Any) -> str:
    """`error` and `description` as strings; `error` as an object; `errors` as a list; or whatever is there."""
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
