"""Faults between a client and Zendesk: error statuses, broken connections, damaged bodies. Tests inject them."""

from __future__ import annotations

import random
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import orjson
from starlette.responses import Response

from zendesk_audit_assets.emulator.responses import (
    COULD_NOT_AUTHENTICATE,
    FORBIDDEN,
    HTML_TYPE,
    INVALID_ENDPOINT,
    INVALID_TOKEN,
    JSON_TYPE,
    TEXT_TYPE,
    TOO_MANY_REQUESTS,
)

Endpoint = Literal["audit_logs", "oauth", "users", "other"]

FaultKind = Literal[
    "400", "401", "403", "404", "409", "429", "500", "502", "503", "504",
    "reset", "stall", "slow",
    "truncated", "cut_json", "content_type",
    "page_twice", "rows_twice", "cursor_rejected", "token_expired", "date_jump",
]  # fmt: skip

BodyStyle = Literal[
    "error", "error_description", "error_object", "errors_list", "oauth", "status", "text", "html", "empty"
]

_STYLES: dict[str, BodyStyle] = {
    "401": "error",
    "403": "error_object",
    "404": "error_description",
    "429": "errors_list",
    "500": "status",
    "502": "html",
    "503": "html",
    "504": "html",
}
_TITLES = {
    "400": "Bad Request",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "409": "Conflict",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}
_NEED_A_CURSOR = {"page_twice", "cursor_rejected"}


@dataclass(frozen=True)
class Fault:
    """One kind of fault. It hits `times` requests (None: until cleared) to `endpoint`, after `after_requests` of them.

    A fault with a `probability` below 1 hits each request with that probability. The kinds are:

    * A status, such as `503`: the response has this status, a `Retry-After` header of `retry_after` (None: no header)
      and a body in `body_style` (None: the style that Zendesk sends most often).
    * `reset`: the server resets the connection.
    * `stall`: the server never responds.
    * `slow`: the response is delayed by `seconds`.
    * `truncated`: the body is shorter than the Content-Length header says.
    * `cut_json`: the body is cut in the same place, with a matching Content-Length header.
    * `content_type`: a page of HTML with status 200.
    * `page_twice`: the previous page of the list once more, including its cursors.
    * `rows_twice`: every record of the page twice.
    * `cursor_rejected`: status 400 for a request with a cursor.
    * `token_expired`: status 401, and the caller's access token is revoked.
    * `date_jump`: the Date header is off by `seconds`.
    """

    kind: FaultKind
    times: int | None = 1
    probability: float = 1.0
    after_requests: int = 0
    retry_after: int | str | None = None
    body_style: BodyStyle | None = None
    seconds: float = 0.0
    endpoint: Endpoint = "audit_logs"

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"there is no fault of the kind {self.kind!r}")

    def is_status(self) -> bool:
        """Whether the fault is an error status."""
        return self.kind.isdigit()

    def response(self) -> Response:
        """The response of a fault that is an error status."""
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        style = self.body_style or _STYLES.get(self.kind, "error_description")
        content_type, body = _body(style, int(self.kind), _TITLES[self.kind])
        return Response(body, int(self.kind), headers | {"content-type": content_type})


class Faults:
    """The injected faults. Their order and a seeded generator decide which one hits a request."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 -- tests need repeatable numbers
        self._lock = threading.Lock()
        self._pending: list[_Pending] = []

    def inject(self, fault: Fault) -> None:
        """Add a fault behind those injected before."""
        with self._lock:
            self._pending.append(_Pending(fault, fault.times))

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._pending.clear()

    def is_pending(self, kind: FaultKind) -> bool:
        """Whether a fault of this kind has hits left."""
        return any(pending.fault.kind == kind for pending in self._pending)

    def take(self, endpoint: Endpoint, has_cursor: bool) -> Fault | None:
        """The fault that hits this request, or None; counts the hit."""
        if not self._pending:
            return None
        with self._lock:
            for pending in self._pending:
                fault = pending.fault
                if fault.endpoint != endpoint or (fault.kind in _NEED_A_CURSOR and not has_cursor):
                    continue
                pending.seen += 1
                if pending.seen <= fault.after_requests or self._random.random() >= fault.probability:
                    continue
                if pending.left is not None:
                    pending.left -= 1
                    if pending.left == 0:
                        self._pending.remove(pending)
                return fault
        return None


@dataclass
class _Pending:
    fault: Fault
    left: int | None
    seen: int = 0


def _body(style: BodyStyle, status: int, title: str) -> tuple[str, bytes]:
    if style == "html":
        return HTML_TYPE, f"<html><head><title>{status} {title}</title></head><body></body></html>".encode()
    if style == "text":
        return TEXT_TYPE, title.encode()
    if style == "empty":
        return TEXT_TYPE, b""
    return JSON_TYPE, orjson.dumps(_json(style, status, title))


def _json(style: BodyStyle, status: int, title: str) -> Mapping[str, Any]:
    if style == "error":
        return COULD_NOT_AUTHENTICATE if status == 401 else {"error": title}
    if style == "error_object":
        return FORBIDDEN if status == 403 else {"error": {"title": title, "message": f"{title}."}}
    if style == "errors_list":
        return TOO_MANY_REQUESTS if status == 429 else {"errors": [{"code": title, "title": title}]}
    if style == "oauth":
        return INVALID_TOKEN
    if style == "status":
        return {"status": status, "error": title}
    return INVALID_ENDPOINT if status == 404 else {"error": title.replace(" ", ""), "description": title}
